"""Processes are killed while they work on rows: each row's effect is there once, and the row is nobody's for ever."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.crash.conftest import connected, effects
from tests.crash.fleet import Fleet, fleet
from tests.waiting import wait_until

APP = "tests.crash.stock_app:app"
KILLER, SLEEPER = -1, -2
ROWS = 10_000
KILLS = 6

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def stock(oracle_url: str) -> Iterator[Packhorse]:
    """A program that knows the queue table and no processor; the table is there."""
    with closing(Packhorse(oracle_url)) as app:

        @app.queue_table("stock_movement")
        class StockMovement:
            n: int

        app.tables.create()
        yield app


@pytest.fixture
def ships(stock: Packhorse, oracle_url: str, folder: Path) -> Iterator[Fleet]:
    """Workers of the stock's application."""
    with fleet(oracle_url, folder, "--lease", "2", app=APP) as ships:
        yield ships


def insert(url: str, *numbers: int) -> None:
    """Insert movements in plain SQL."""
    with connected(url) as db:
        for start in range(0, len(numbers), 500):
            values = ", ".join(f"({n})" for n in numbers[start : start + 500])
            db.execute(f"insert into stock_movement (n) values {values}")  # noqa: S608 - of numbers


def waiting(url: str) -> int:
    """How many rows are in the table."""
    with connected(url) as db:
        [count] = db.execute("select count(*) from stock_movement").fetchone()
    return int(count)


@pytest.mark.accepts("O13", "O6")
def test_each_rows_effect_is_there_once_with_four_processes_under_kills(oracle_url: str, ships: Fleet) -> None:
    """Four processes of four lanes over 10,000 rows, killed at random moments: none is missing, none is double."""
    chance = random.Random(5)
    insert(oracle_url, *range(ROWS))
    ships.start(processes=4)
    for kill in range(KILLS):
        reached = (kill + 1) * ROWS // (KILLS + 2)
        wait_until(lambda: waiting(oracle_url) <= ROWS - reached, 90, "progress before the next kill")  # noqa: B023
        ships.kill_worker(chance.randrange(4))
    wait_until(lambda: waiting(oracle_url) == 0, 90, "an empty table")
    assert ships.stop() == [0]
    assert effects(oracle_url) == list(range(ROWS))


@pytest.mark.accepts("O6")
def test_a_killed_processs_row_is_back_and_its_effects_are_gone(oracle_url: str, ships: Fleet) -> None:
    """At once where the database sees the connection break, after the lease where there is none."""
    ships.start()
    insert(oracle_url, SLEEPER)
    wait_until(lambda: ships.traces("asleep"), 20, "a row that is worked on")
    ships.kill_worker()
    wait_until(lambda: len(ships.traces("asleep")) > 1, 10, "another process that has the row")
    assert effects(oracle_url) == []
    assert waiting(oracle_url) <= 1
    ships.kill_everything()


@pytest.mark.accepts("O14")
def test_a_row_that_kills_its_process_ends_in_quarantine(oracle_url: str, stock: Packhorse, ships: Fleet) -> None:
    """It is counted though nobody was left to count it, and the others are done meanwhile."""
    table = stock.tables
    insert(oracle_url, 1, KILLER, 2, 3)
    ships.start()
    wait_until(lambda: table.quarantined("stock_movement"), 60, "the quarantine")
    [gone] = table.quarantined("stock_movement")
    wait_until(lambda: waiting(oracle_url) == 0, 20, "an empty table")
    assert "died" in (gone.reason or "")
    assert ships.stop() == [0]
    assert effects(oracle_url) == [1, 2, 3]
    [error] = table.errors("stock_movement")
    assert error.error.type == "worker_lost"
