"""Queue tables: rows are taken, worked on and removed, or wait, or leave for the quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest

from packhorse.domain.outcome import ErrorInfo
from packhorse.domain.queuetable import Column, NewTable, RowAck, RowClaim, RowRun, TableSpec, TakenRow, Trouble
from packhorse.engine import Engine
from packhorse.rowstore import RowHold, RowTable
from packhorse.statement import Statement
from packhorse.testing.contract.subject import Clock, EngineContract, ProducerConnection
from packhorse.testing.samples import new_lease

NAME = "stock_movement"
NEW = NewTable(name=NAME, columns=(Column("n", "int"), Column("note", "text", is_optional=True)))
SPEC = TableSpec(name=NAME, columns=("id", "n", "note"), key=("id",), order=("id",), is_ascending=True)
RUN = RowRun(processor="move", worker="host:1", seconds=0.5, log="a line")
ERROR = ErrorInfo("ValueError", "no", "Traceback …")
SECOND = timedelta(seconds=1)
QUERIES = files("packhorse.testing.contract") / "queries"


class RowsContract(EngineContract):
    """One table, and the lanes of one or two workers."""

    @pytest.fixture
    def table(self, engine: Engine) -> RowTable:
        """The table, as the engine has made it."""
        return bound(engine)

    @pytest.mark.accepts("O1", "O4")
    def test_a_row_is_removed_with_the_commit(self, table: RowTable, producer: ProducerConnection) -> None:
        """In order; nobody else takes it meanwhile; what is known of it stays as a record."""
        insert(producer, 1, 2)
        hold = taken(table)
        assert [row.values[1:] for row in hold.rows] == [(1, None)]
        other = taken(table)
        assert other.rows[0].values[1] == 2
        assert table.take(claim()) is None
        assert ended(hold)
        give_back(other)
        assert numbers(producer) == [2]
        [gone] = table.list_gone_rows(10)
        assert (gone.key, gone.outcome, gone.processor, gone.log) == (hold.rows[0].key, "success", "move", "a line")

    @pytest.mark.accepts("O2")
    def test_what_is_not_committed_is_no_row_yet(self, table: RowTable, producer: ProducerConnection) -> None:
        """And never becomes one when it is rolled back."""
        producer.run(insertion(1))
        producer.rollback()
        assert table.take(claim()) is None

    @pytest.mark.accepts("O5")
    def test_a_row_that_is_put_back_is_as_it_was(self, table: RowTable, producer: ProducerConnection) -> None:
        """With what was done with it undone; nothing is known against it when nothing was said."""
        insert(producer, 1)
        hold = taken(table)
        transaction = hold.begin()
        transaction.run(insertion(7))
        hold.put_back([], RUN, transaction.rollback)
        assert numbers(producer) == [1]
        again = table.take(claim()) or taken(table, is_troubled=True)  # where a row tells that it was somebody's
        assert again.rows[0].trouble == Trouble()
        give_back(again)

    @pytest.mark.accepts("O5", "O11", "O14")
    def test_a_row_that_has_failed_waits(
        self, table: RowTable, producer: ProducerConnection, engine: Engine, clock: Clock
    ) -> None:
        """What went wrong is kept although all was rolled back; others go on; then it is taken with what is known."""
        insert(producer, 1, 2)
        failed = taken(table)
        give_back(failed, ack(failed.rows[0], "retry", Trouble(failures=1), delay=60 * SECOND))
        assert ended(taken(table))
        assert table.take(claim()) is None
        assert table.take(claim(is_troubled=True)) is None
        [waiting] = table.list_troubled_rows(10)
        assert (waiting.key, waiting.trouble.failures, waiting.is_running) == (failed.rows[0].key, 1, False)
        [error] = table.list_row_errors(10)
        assert (error.key, error.error) == (failed.rows[0].key, ERROR)
        due_in = table.look_rows("q").due_in
        assert due_in is not None
        assert 50 * SECOND < due_in <= 60 * SECOND

        clock.advance(61 * SECOND)
        again = taken(table, is_troubled=True)
        assert (again.rows[0].key, again.rows[0].trouble.failures) == (failed.rows[0].key, 1)
        assert ended(again)
        assert (numbers(producer), table.list_troubled_rows(10)) == ([], [])

    @pytest.mark.accepts("O14")
    def test_a_row_leaves_for_the_quarantine_and_comes_back_as_it_was(
        self, table: RowTable, producer: ProducerConnection
    ) -> None:
        """With every column; or it is given up, and stays as a record."""
        insert(producer, 1, 2)
        for _ in range(2):
            hold = taken(table)
            give_back(hold, ack(hold.rows[0], "fail", Trouble(failures=5)))
        assert table.look_rows("q").has_condemned
        assert table.quarantine_rows("host:1") == 2
        assert numbers(producer) == []
        second, first = table.list_gone_rows(10, outcome="fail")
        assert table.release_rows([first.id], "kim") == [first.id]
        assert table.discard_rows([second.id], "kim") == [second.id]
        assert numbers(producer) == [1]
        assert {gone.outcome: gone.decided_by for gone in table.list_gone_rows(10)} == {
            "released": "kim",
            "discarded": "kim",
        }
        back = taken(table)
        assert [row.values[1] for row in back.rows] == [1]
        assert ended(back)

    @pytest.mark.accepts("O7")
    def test_several_rows_are_one_transaction_and_some_may_be_refused(
        self, table: RowTable, producer: ProducerConnection
    ) -> None:
        """What is refused stays in the table with what is known against it; the rest is removed."""
        insert(producer, *range(5))
        hold = taken(table, limit=4, is_batch=True)
        assert [row.values[1] for row in hold.rows] == [0, 1, 2, 3]
        refused = [ack(hold.rows[1], "retry", Trouble(failures=1), delay=60 * SECOND)]
        assert ended(hold, refused=refused)
        assert numbers(producer) == [1, 4]
        assert [row.key for row in table.list_troubled_rows(10)] == [hold.rows[1].key]

    @pytest.mark.accepts("O6", "O14")
    def test_a_death_counts_against_the_row_that_was_marked(
        self, engine: Engine, another_engine: Engine, table: RowTable, producer: ProducerConnection
    ) -> None:
        """The mark stays although the row's transaction does not."""
        insert(producer, 1)
        failed = taken(table)
        give_back(failed, ack(failed.rows[0], "retry", Trouble(failures=1), delay=timedelta(0)))
        hold = taken(table, is_troubled=True)
        assert hold.rows[0].is_suspect
        table.mark_row(hold.rows[0], 1, "move")
        hold.begin().rollback()  # the process is gone, and so is its connection
        engine.rescue_rows(1)
        found = taken(bound(another_engine), is_troubled=True)
        marked = bound(another_engine).mark_row(found.rows[0], 2, "move")
        assert (marked.failures, marked.crashes) == (1, 1)
        give_back(found)

    @pytest.mark.accepts("O9")
    def test_records_are_kept_for_as_long_as_is_said(
        self, table: RowTable, producer: ProducerConnection, clock: Clock
    ) -> None:
        """But rows in quarantine, which wait for a person."""
        insert(producer, 1, 2)
        assert ended(taken(table))
        hold = taken(table)
        give_back(hold, ack(hold.rows[0], "fail", Trouble(failures=1)))
        table.quarantine_rows("host:1")
        clock.advance(60 * SECOND)
        assert table.prune_rows(30 * SECOND, 30 * SECOND, 30 * SECOND, 100) >= 1
        assert [gone.outcome for gone in table.list_gone_rows(10)] == ["fail"]


def bound(engine: Engine) -> RowTable:
    """The table, made if it is not there."""
    engine.create_table(NEW)
    found = engine.find_table(NAME)
    assert found is not None
    return engine.row_table(SPEC, found)


def insert(producer: ProducerConnection, *values: int) -> None:
    """Somebody inserts rows."""
    for value in values:
        producer.run(insertion(value))
    producer.commit()


def insertion(value: int) -> Statement:
    """What inserts one."""
    return Statement(QUERIES.joinpath("insert_movement.sql").read_text("utf-8"), {"n": value})


def numbers(producer: ProducerConnection) -> list[Any]:
    """What everybody else sees in the table."""
    rows = producer.run(Statement(QUERIES.joinpath("list_movements.sql").read_text("utf-8"), {}))
    producer.rollback()
    return [row[0] for row in rows]


def claim(**fields: Any) -> RowClaim:
    """What a lane of worker 1 wants."""
    return RowClaim(lease=new_lease(1), **fields)


def taken(table: RowTable, **fields: Any) -> RowHold:
    """Rows that are taken."""
    hold = table.take(claim(**fields))
    assert hold is not None
    return hold


def ack(row: TakenRow, outcome: Any, trouble: Trouble, *, delay: timedelta | None = None) -> RowAck:
    """How the work on a row ended."""
    return RowAck(key=row.key, outcome=outcome, trouble=trouble, delay=delay, error=ERROR)


def ended(hold: RowHold, refused: Sequence[RowAck] = ()) -> bool:
    """Commit what is done; whether it was accepted."""
    keys = {one.key for one in refused}
    done = [RowAck(key=row.key, outcome="success", trouble=row.trouble) for row in hold.rows if row.key not in keys]
    return hold.begin().commit_with(hold.ending(done, refused, RUN))


def give_back(hold: RowHold, *acks: RowAck) -> None:
    """Put rows back with what follows."""
    hold.put_back(acks, RUN, hold.begin().rollback)
