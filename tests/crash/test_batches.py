"""Workers are killed again and again while they run and count jobs of a batch: what it counts and tells is exact."""

from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.crash.conftest import effects
from tests.crash.fleet import fleet
from tests.crash.test_kill_loops import disturb
from tests.waiting import wait_until

THE_END = 1_000_000


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("M23")
def test_counters_are_exact_under_kills(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """Each job is counted once, and the batch tells once that it has ended, whoever dies while counting."""
    book = oracle.named("book")
    batch = oracle.batch("night", on_end=book.call(THE_END))
    with fleet(oracle_url, folder, "-c", "4", "--lease", "2") as ships:
        total = disturb(ships, lambda n: book.using(batch=batch).enqueue(n), lambda: len(effects(oracle_url)))
        batch.close()
        record = batch.wait(60)
        wait_until(lambda: len(effects(oracle_url)) > total, 30, "the callback")
        assert ships.stop() == [0, 0]

    assert (record.enqueued, record.succeeded, record.processed) == (total, total, total)
    assert effects(oracle_url) == [*range(total), THE_END]
    assert {member.number for member in oracle.list_members(batch.id, limit=total + 1)} == set(range(1, total + 1))


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("M25")
def test_each_job_is_told_of_once_and_in_order_under_kills(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """Also while the jobs themselves end in any order, and whoever dies between an end and what tells of it."""
    note = oracle.named("note")
    batch = oracle.batch("night", on_each=oracle.named("tell_place").call())
    with fleet(oracle_url, folder, "-c", "4", "--lease", "2") as ships:
        total = disturb(ships, lambda n: note.using(batch=batch).enqueue(n), lambda: len(effects(oracle_url)))
        batch.close()
        batch.wait(60)
        wait_until(lambda: len(effects(oracle_url)) >= total, 60, "all notices")
        assert ships.stop() == [0, 0]

    assert effects(oracle_url) == list(range(1, total + 1))
