"""How much a run does, which processor runs, and who runs it: a worker, a schedule, an operator."""

import threading
import time
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from packhorse import Context, JobState, Packhorse
from packhorse.errors import UsageError
from packhorse.queuetables.processor import Dials
from tests.integration.queuetables.kit import Stock
from tests.integration.worker_kit import working
from tests.waiting import wait_until


@pytest.mark.accepts("O7")
def test_a_run_takes_batch_size_times_parallelism_and_no_more(stock: Stock) -> None:
    """16 times 2 is 32 of 100 rows, never more than two at once."""
    running, most = set[int](), [0]

    def move(ctx: Context, row: Any) -> None:
        running.add(row.id)
        most[0] = max(most[0], len(running))
        stock.book(ctx, row.product_id)
        running.discard(row.id)

    stock.processor(move)
    stock.insert(*range(100))
    assert stock.run().done == 32
    assert len(stock.waiting) == 68
    assert most[0] <= 2


@pytest.mark.accepts("O7")
def test_a_run_ends_early_where_the_table_is_empty(stock: Stock) -> None:
    """What is there is done, and nothing is waited for."""
    stock.processor()
    stock.insert(1, 2, 3)
    totals = stock.run(dials=Dials(batch_size=1000, parallelism=4))
    assert (totals.done, totals.is_dry) == (3, True)
    assert stock.run().done == 0


@pytest.mark.accepts("O9", "O10")
def test_a_processor_runs_as_a_job_of_a_schedule(stock: Stock) -> None:
    """One run for each tick, only then; the job tells how many rows it did, and the records of the rows name it."""
    processor = stock.processor(continuous=False)
    stock.app.every(timedelta(hours=1))(processor.runs)
    stock.insert(1, 2)
    with working(stock.app):
        wait_until(stock.app.schedules.list, what="the schedule's declaration")
        stock.app.schedules.run("move")
        wait_until(lambda: stock.booked == [1, 2], 15, "the rows' effects")
        wait_until(lambda: stock.app.count_jobs()[JobState.SUCCEEDED] == 1, 10, "the end of the run")
    [job] = stock.app.list_jobs(task="move")
    assert stock.app.job(job.id).result(timeout=5) == {"done": 2, "failed": 0}
    assert stock.waiting == []


@pytest.mark.accepts("O12")
def test_another_processor_is_chosen_while_a_worker_runs(stock: Stock) -> None:
    """Only one that there is; it takes over without a restart, and back."""
    stock.processor(lambda ctx, row: stock.book(ctx, row.product_id), name="move")
    stock.processor(lambda ctx, row: stock.book(ctx, row.product_id + 100), name="move_carefully")
    with pytest.raises(UsageError, match="no processor of stock_movement: there are move, move_carefully"):
        stock.app.tables.choose("stock_movement", "move_fast")
    with working(stock.app):
        stock.insert(1)
        wait_until(lambda: stock.booked == [1], what="the first processor's effect")
        stock.app.tables.choose("stock_movement", "move_carefully")
        wait_until(lambda: _booked(stock, 2, 102), what="the other one's effect")
        stock.app.tables.choose("stock_movement", None)
        wait_until(lambda: _booked(stock, 3, 3), what="the first one's effect again")


def _booked(stock: Stock, product: int, expected: int) -> bool:
    """Insert a row, and see whether it was booked as expected; the one chosen before may still have taken it."""
    stock.insert(product)
    wait_until(lambda: not stock.waiting, what="an empty table")
    return expected in stock.booked


@pytest.mark.accepts("O9")
def test_a_paused_processor_takes_nothing_until_it_is_resumed(stock: Stock) -> None:
    """Paused under its table's name; who has done it stands in the record."""
    stock.processor()
    stock.app.queues.pause("stock_movement", by="kim", reason="stocktaking")
    stock.insert(1)
    with working(stock.app) as worker:
        wait_until(lambda: worker.report().is_drained, what="a look")
        assert stock.waiting == [1]
        assert stock.app.queues.get("stock_movement").paused_by == "kim"
        stock.app.queues.resume("stock_movement")
        wait_until(lambda: stock.booked == [1], what="the row's effect")


@pytest.mark.accepts("O7", "O12")
def test_dials_are_changed_while_a_worker_runs(stock: Stock) -> None:
    """`queues set` wins over the code, at once."""
    together = threading.Barrier(3, timeout=20)

    def move(ctx: Context, row: Any) -> None:
        if row.product_id:
            together.wait()
        stock.book(ctx, row.product_id)

    stock.processor(move, parallelism=1)
    with working(stock.app):
        stock.insert(0)
        wait_until(lambda: stock.booked == [0], what="the first row")
        stock.app.queues.set("stock_movement", slots=3, batch_size=1)
        wait_until(lambda: stock.app.queues.get("stock_movement").settings.slots == 3)

        stock.insert(1, 2, 3)
        wait_until(lambda: stock.booked == [0, 1, 2, 3], 15, "three rows at once")


@pytest.mark.accepts("O14")
def test_a_row_starts_within_a_tenth_of_a_second_in_an_idle_worker(stock: Stock) -> None:
    """Whatever any schedule says: by looking often, or by being woken."""
    started: list[float] = []
    stock.processor(lambda ctx, row: started.append(time.perf_counter()))
    delays = list[float]()

    def has_begun(count: int) -> bool:
        return len(started) > count

    with working(stock.app):
        for count in range(12):
            threading.Event().wait(0.12)
            stock.insert(count)
            committed = time.perf_counter()
            wait_until(partial(has_begun, count), what="the start")
            delays.append(started[-1] - committed)
    assert sorted(delays)[6] < 0.1, delays


@pytest.mark.accepts("O1")
def test_a_worker_whose_table_is_not_there_says_so_and_runs_everything_else(
    migrated_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the command that makes it."""
    with closing(Packhorse(migrated_url)) as app:

        @app.queue_table("parcel")
        class Parcel:
            weight: int

        @app.queue_processor(Parcel, name="send")
        def send(ctx: Context, row: Parcel) -> None: ...

        @app.task(name="greet")
        def greet() -> str:
            return "hello"

        with working(app):
            assert greet.enqueue().result(timeout=10) == "hello"
            wait_until(lambda: "packhorse tables create" in caplog.text, what="the warning")


def fill(stock: Stock, count: int) -> None:
    """Insert so many rows in one transaction."""
    cursor = stock.connection.cursor()
    cursor.execute("begin")
    cursor.executemany(
        stock.sql("insert into stock_movement (product_id, quantity) values (?, ?)"), [(n, "1") for n in range(count)]
    )
    cursor.execute("commit")
    cursor.close()


@pytest.mark.accepts("O8")
def test_a_balanced_processor_takes_more_lanes_while_many_rows_wait(
    stock: Stock, caplog: pytest.LogCaptureFixture
) -> None:
    """And says so, with the figures; an operator may switch that off."""
    pace = threading.Event()
    caplog.set_level("INFO", "packhorse.worker")
    stock.processor(lambda ctx, row: pace.wait(0.01), load_balanced=True)
    stock.app.queues.set("stock_movement", load_balanced=False)
    fill(stock, 1200)
    with working(stock.app):
        wait_until(lambda: len(stock.waiting) < 1000, 20, "some rows to be done")
        assert "parallelism" not in caplog.text
        stock.app.queues.set("stock_movement", load_balanced=True)
        wait_until(lambda: "parallelism 2 to 4" in caplog.text, 20, "a decision")
    assert "rows wait, and" in caplog.text
