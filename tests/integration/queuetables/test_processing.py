"""A row is taken, worked on and removed in one transaction."""

import threading
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from packhorse import Cancel, Context, Fail, Skip
from packhorse.queuetables.processor import Dials
from tests.integration.queuetables.kit import AT_ONCE, Stock, connect


@pytest.mark.accepts("O2", "O4")
def test_an_insert_enqueues_and_the_row_goes_with_what_was_done(stock: Stock) -> None:
    """The ledger has what the processor wrote, and the table is empty."""
    stock.processor()
    stock.insert(1, 2, 3)
    totals = stock.run()
    assert (totals.done, totals.failed) == (3, 0)
    assert (stock.booked, stock.waiting) == ([1, 2, 3], [])


@pytest.mark.accepts("O2")
def test_a_trigger_of_the_applications_enqueues(stock: Stock) -> None:
    """An order that is inserted moves stock: the promise of a trigger that runs later."""
    stock.processor()
    if stock.url.startswith("sqlite"):
        stock.connection.execute("create table sale (product_id integer)")
        stock.connection.execute(
            "create trigger moves after insert on sale begin "
            "insert into stock_movement (product_id, quantity) values (new.product_id, '2'); end"
        )
    else:
        stock.connection.execute("create table sale (product_id bigint)")
        stock.connection.execute(
            "create function moves() returns trigger language plpgsql as $$ begin "
            "insert into stock_movement (product_id, quantity) values (new.product_id, 2); return null; end $$"
        )
        stock.connection.execute("create trigger moves after insert on sale for each row execute function moves()")
    stock.connection.execute("insert into sale values (7)")
    stock.run()
    assert stock.booked == [7]


@pytest.mark.accepts("O2")
def test_a_rollback_takes_the_row_back(stock: Stock) -> None:
    """What was not committed is not worked on."""
    stock.processor()
    with closing(connect(stock.url)) as producer:
        producer.execute("begin")
        stock.insert(1, conn=producer)
        producer.execute("rollback")
    stock.insert(2)
    assert stock.run().done == 1
    assert stock.booked == [2]


@pytest.mark.accepts("O3", "O4")
def test_a_coroutine_function_works_on_rows(stock: Stock) -> None:
    """Its writes and the removal commit together."""

    async def move(ctx: Context, row: Any) -> None:
        await ctx.tx.execute(stock.sql("insert into ledger values (?)"), (row.product_id,))

    stock.processor(move)
    stock.insert(1, 2)
    assert stock.run().done == 2
    assert (stock.booked, stock.waiting) == ([1, 2], [])


@pytest.mark.accepts("O4")
def test_a_processor_that_writes_nothing_removes_the_row(stock: Stock) -> None:
    """There is no transaction of the handler's then, and the row goes all the same."""
    seen: list[Any] = []
    stock.processor(lambda ctx, row: seen.append(row.product_id))
    stock.insert(1)
    assert stock.run().done == 1
    assert (seen, stock.waiting) == ([1], [])


@pytest.mark.accepts("O4", "O5")
def test_an_exception_undoes_the_work_and_leaves_the_row_with_its_id(stock: Stock) -> None:
    """It is taken again later, and then it is done."""
    ids: list[int] = []

    def move(ctx: Context, row: Any) -> None:
        ids.append(row.id)
        stock.book(ctx, row.product_id)
        if len(ids) == 1:
            raise ValueError("no such shelf")

    stock.processor(move, backoff=AT_ONCE)
    stock.insert(5)
    first = stock.run(dials=Dials(batch_size=1, parallelism=1))
    assert (first.done, first.failed) == (0, 1)
    assert (stock.booked, stock.waiting) == ([], [5])
    second = stock.run()
    assert second.done == 1
    assert (stock.booked, stock.waiting, len(set(ids))) == ([5], [], 1)


@pytest.mark.accepts("O4")
def test_locked_rows_are_passed_over(stock: Stock) -> None:
    """Two runs at once take different rows, and neither waits for the other."""
    both = threading.Barrier(2, timeout=20)

    def move(ctx: Context, row: Any) -> None:
        both.wait()
        stock.book(ctx, row.product_id)

    stock.processor(move, parallelism=2)
    stock.insert(1, 2)
    assert stock.run().done == 2
    assert stock.booked == [1, 2]


@pytest.mark.accepts("O3")
def test_a_list_of_rows_comes_in_one_transaction(stock: Stock) -> None:
    """Up to the batch size, in order; what one call writes commits with the removal of all."""
    sizes: list[list[int]] = []

    def move(ctx: Context, rows: list[Any]) -> None:
        sizes.append([row.product_id for row in rows])
        for row in rows:
            stock.book(ctx, row.product_id)

    stock.processor(move, batch_size=3, parallelism=1)
    stock.insert(1, 2, 3, 4)
    assert stock.run().done == 3
    assert stock.run().done == 1
    assert sizes == [[1, 2, 3], [4]]
    assert (stock.booked, stock.waiting) == ([1, 2, 3, 4], [])


@pytest.mark.accepts("O3", "O5")
def test_a_row_of_a_list_may_be_rejected_while_the_others_commit(stock: Stock) -> None:
    """It stays with its reason."""

    def move(ctx: Context, rows: list[Any]) -> None:
        for row in rows:
            if row.product_id == 2:
                ctx.reject(row, "no such product")
            else:
                stock.book(ctx, row.product_id)

    stock.processor(move, parallelism=1)
    stock.insert(1, 2, 3)
    totals = stock.run()
    assert (totals.done, totals.failed) == (2, 1)
    assert (stock.booked, stock.waiting) == ([1, 3], [2])
    [row] = stock.app.tables.troubled("stock_movement")
    assert (row.trouble.failures, row.reason) == (1, "no such product")


@pytest.mark.accepts("O5", "O14")
def test_of_a_list_that_failed_each_row_is_tried_by_itself(stock: Stock) -> None:
    """So that the one that is to blame is told from its neighbours, which are done."""

    def move(ctx: Context, rows: list[Any]) -> None:
        for row in rows:
            stock.book(ctx, row.product_id)
        if any(row.product_id == 3 for row in rows):
            raise ValueError("three")

    stock.processor(move, parallelism=1)
    stock.insert(1, 2, 3, 4)
    while stock.run().done + len(stock.app.tables.troubled("stock_movement")) > 1:
        pass
    assert (stock.booked, stock.waiting) == ([1, 2, 4], [3])
    [row] = stock.app.tables.troubled("stock_movement")
    assert row.trouble.failures == 1


@pytest.mark.accepts("O14")
def test_verdicts_say_what_follows(stock: Stock) -> None:
    """A skip waits, a cancellation removes, a failure for good goes into quarantine; none leaves an effect."""

    def move(ctx: Context, row: Any) -> None:
        stock.book(ctx, row.product_id)
        match row.product_id:
            case 1:
                raise Skip("later")
            case 2:
                raise Cancel("not wanted")
            case 3:
                raise Fail("never")
            case _:
                pass

    stock.processor(move)
    stock.insert(1, 2, 3, 4)
    stock.run()
    assert (stock.booked, stock.waiting) == ([4], [1])
    [skipped] = stock.app.tables.troubled("stock_movement")
    assert (skipped.trouble.skips, skipped.trouble.failures, skipped.reason) == (1, 0, "later")
    gone = {row.outcome: row.reason for row in stock.app.tables.history("stock_movement")}
    assert gone == {"success": None, "cancel": "not wanted", "fail": "never"}


@pytest.mark.accepts("O3")
def test_what_a_processor_logs_is_kept_with_the_row(stock: Stock) -> None:
    """Also of a row that failed, though its transaction was rolled back."""

    def move(ctx: Context, row: Any) -> None:
        ctx.log.info("shelf %d", row.product_id)
        if row.product_id == 2:
            raise ValueError("empty")

    stock.processor(move)
    stock.insert(1, 2)
    stock.run()
    [done] = stock.app.tables.history("stock_movement")
    [failed] = stock.app.tables.errors("stock_movement")
    assert (done.log, failed.log) == ("INFO shelf 1", "INFO shelf 2")


@pytest.mark.accepts("O4")
def test_a_processor_that_ends_the_transaction_itself_has_no_second_effect(stock: Stock) -> None:
    """What it wrote after its own rollback is undone, since the row is back: it is told, and the row is tried again."""

    def move(ctx: Context, row: Any) -> None:
        ctx.tx.connection.rollback()
        stock.book(ctx, row.product_id)

    stock.processor(move)
    stock.insert(1)
    stock.run(dials=Dials(batch_size=1, parallelism=1))
    assert stock.waiting == [1] or stock.booked == [1]
    assert not (stock.waiting == [1] and stock.booked == [1])


@pytest.mark.accepts("O4", "O11")
def test_a_transaction_that_is_open_for_too_long_is_ended_and_told(
    stock: Stock, caplog: pytest.LogCaptureFixture
) -> None:
    """On a server it would keep others from cleaning up: it has failed. SQLite opens none before the first write."""

    def move(ctx: Context, row: Any) -> None:
        threading.Event().wait(0.6)
        stock.book(ctx, row.product_id)

    stock.processor(move, open_limit=timedelta(milliseconds=200))
    stock.insert(1)
    stock.run(dials=Dials(batch_size=1, parallelism=1))
    if stock.url.startswith("sqlite"):
        assert stock.booked == [1]
        assert "longer than open_limit" in caplog.text
        return
    assert (stock.booked, stock.waiting) == ([], [1])
    [error] = stock.app.tables.errors("stock_movement")
    assert (error.error.type, error.attempt) == ("TimeLimit", 1)
    assert "open for longer than 0.2 s" in error.error.message
