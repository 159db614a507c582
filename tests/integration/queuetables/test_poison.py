"""Rows that can't be worked on: what is known against them outlives every rollback, and they leave the table."""

from datetime import timedelta
from typing import Any

import pytest

from packhorse import Backoff, Context
from tests.integration.queuetables.kit import AT_ONCE, Stock
from tests.waiting import wait_until


@pytest.fixture
def poisoned(stock: Stock) -> Stock:
    """Of four movements the second fails whenever it is tried."""

    def move(ctx: Context, row: Any) -> None:
        stock.calls.append(row.product_id)
        stock.book(ctx, row.product_id)
        if row.product_id == 2:
            raise ValueError("no such product: 2")

    stock.processor(move, backoff=AT_ONCE, max_attempts=3)
    stock.insert(1, 2, 3, 4)
    return stock


def run_out(stock: Stock) -> None:
    """Run until nothing waits in the table."""

    def is_empty() -> bool:
        stock.run()
        return not stock.waiting

    wait_until(is_empty, what="an empty table")


@pytest.mark.accepts("O11", "O14")
def test_a_poison_row_is_counted_and_leaves_while_the_others_are_done(poisoned: Stock) -> None:
    """After three attempts it is in quarantine, with what it was, and nothing of its effects is left."""
    run_out(poisoned)
    assert poisoned.booked == [1, 3, 4]
    assert poisoned.calls.count(2) == 3
    [gone] = poisoned.app.tables.quarantined("stock_movement")
    assert (gone.outcome, gone.processor, gone.attempts) == ("fail", "move", 3)
    assert gone.data is not None
    assert '"product_id": 2' in gone.data
    assert poisoned.app.tables.troubled("stock_movement") == []


@pytest.mark.accepts("O11")
def test_every_error_is_kept_with_row_message_and_stack(poisoned: Stock) -> None:
    """Though each time all that was done was rolled back."""
    run_out(poisoned)
    errors = poisoned.app.tables.errors("stock_movement")
    assert [error.attempt for error in errors] == [3, 2, 1]
    [last, *_] = errors
    assert (last.error.type, last.error.message, last.processor) == ("ValueError", "no such product: 2", "move")
    assert last.error.traceback.splitlines()[1].endswith("in move")
    assert last.data is not None
    assert '"product_id": 2' in last.data
    assert poisoned.app.tables.errors("stock_movement", key=last.key) == errors


@pytest.mark.accepts("O14")
def test_a_row_waits_longer_after_each_failure(stock: Stock) -> None:
    """It is not taken before its time, and others are meanwhile."""

    def move(ctx: Context, row: Any) -> None:
        stock.calls.append(row.product_id)
        if row.product_id == 1:
            raise ValueError("not yet")

    stock.processor(move, backoff=Backoff(first=timedelta(minutes=5), jitter=0))
    stock.insert(1, 2)
    stock.run()
    stock.insert(3)
    stock.run()
    assert sorted(stock.calls) == [1, 2, 3]
    [row] = stock.app.tables.troubled("stock_movement")
    assert row.trouble.failures == 1


@pytest.mark.accepts("O14")
def test_a_released_row_is_back_as_it_was_and_is_worked_on_anew(poisoned: Stock) -> None:
    """With its id and all its values; who has released it stays in the record."""
    before = poisoned.connection.execute("select * from stock_movement where product_id = 2").fetchall()
    run_out(poisoned)
    [gone] = poisoned.app.tables.quarantined("stock_movement")
    assert poisoned.app.tables.release("stock_movement", gone.id, by="kim") == [gone.id]
    assert poisoned.connection.execute("select * from stock_movement").fetchall() == before
    assert poisoned.app.tables.release("stock_movement", gone.id) == []
    record = next(row for row in poisoned.app.tables.history("stock_movement") if row.id == gone.id)
    assert (record.outcome, record.decided_by) == ("released", "kim")


@pytest.mark.accepts("O14")
def test_a_discarded_row_is_gone_for_good(poisoned: Stock) -> None:
    """The record says who has decided so."""
    run_out(poisoned)
    [gone] = poisoned.app.tables.quarantined("stock_movement")
    assert poisoned.app.tables.discard("stock_movement", gone.id, by="kim") == [gone.id]
    assert poisoned.app.tables.quarantined("stock_movement") == []
    assert poisoned.waiting == []


@pytest.mark.accepts("O11", "O14")
def test_a_row_that_cannot_be_read_is_in_quarantine_at_once(stock: Stock) -> None:
    """A value that its column's type does not know: the others are done."""
    if not stock.url.startswith("sqlite"):
        stock.connection.execute("alter table stock_movement alter quantity type text")
    stock.processor()
    stock.insert(1, 3)
    stock.connection.execute("insert into stock_movement (product_id, quantity) values (2, 'a lot')")
    stock.run()
    assert (stock.booked, stock.waiting) == ([1, 3], [])
    [gone] = stock.app.tables.quarantined("stock_movement")
    assert gone.reason == "its stored values can't be read"
    [error] = stock.app.tables.errors("stock_movement")
    assert "column quantity" in error.error.message


@pytest.mark.accepts("O14")
def test_quarantined_rows_of_every_type_come_back_unchanged(stock: Stock) -> None:
    """Numbers with many digits, bytes, long text, times, NULL."""
    kinds = (
        "id integer primary key, d text, r real, b blob, t text, n text, i integer"
        if stock.url.startswith("sqlite")
        else "id bigint primary key, d numeric, r double precision, b bytea, t text, n text, i bigint"
    )
    stock.connection.execute(f"create table parcel ({kinds})")

    @stock.app.queue_table("parcel", exists=True)
    class Parcel:
        id: int
        t: str

    @stock.app.queue_processor(Parcel, name="send", max_attempts=1)
    def send(ctx: Context, row: Parcel) -> None:
        raise ValueError(row.t[:5])

    values = (1, "123456789012345678.123456789", 0.1 + 0.2, bytes(range(256)), "ä€😀" * 400_000, None, 2**62)
    stock.connection.execute(stock.sql("insert into parcel values (?, ?, ?, ?, ?, ?, ?)"), values)
    before = stock.connection.execute("select * from parcel").fetchall()
    stock.app.tables.run("parcel")
    assert stock.ask("select count(*) from parcel") == [0]
    [gone] = stock.app.tables.quarantined("parcel")
    stock.app.tables.release("parcel", gone.id)
    assert stock.connection.execute("select * from parcel").fetchall() == before


@pytest.mark.accepts("O14")
@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("is_list", [False, True])
def test_a_value_that_the_driver_cannot_read_holds_up_no_other_row(stock: Stock, is_list: bool) -> None:
    """Only a server has times that are infinite; the row leaves the table, with what the driver said."""

    def move(ctx: Context, row: Any) -> None:
        stock.book(ctx, row.product_id)

    def move_list(ctx: Context, rows: list[Any]) -> None:
        for row in rows:
            stock.book(ctx, row.product_id)

    stock.processor(move_list if is_list else move, parallelism=1)
    stock.insert(1, 2, 3)
    stock.connection.execute("update stock_movement set created = 'infinity' where product_id = 2")
    run_out(stock)
    assert stock.booked == [1, 3]
    [gone] = stock.app.tables.quarantined("stock_movement")
    assert '"created": "infinity"' in (gone.data or "")
    [error] = stock.app.tables.errors("stock_movement")
    assert "infinity" in error.error.message
