"""The task that runs SQL: a statement again and again until it changes nothing, then another one, exactly once.

So large changes are made in steps: `delete … where id in (select … limit 1000)` holds its locks for a moment only,
however many rows there are. The statements are run as they are given; none is put together here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from packhorse.context import Context
from packhorse.engine import Engine
from packhorse.statement import Transaction

NAME = "packhorse.sql"
"""What the task is called unless the application says otherwise."""
CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
"""How PostgreSQL says that a statement has changed the rows that it counts; of others it counts those that it shows."""


def statement_runner(engine: Callable[[], Engine]) -> Callable[..., int]:
    """The handler, for the database of this engine."""

    def run_sql(ctx: Context, statement: str, then: str | None = None) -> int:
        """Run `statement`, each time in a transaction of its own, until it changes no row; then `then`, exactly once.

        `then` commits together with the end of the job. After a crash `statement` is run again, until nothing is left.
        Returns how many rows were changed.
        """
        total = 0
        while changed := _run_alone(engine().begin(), statement):
            total += changed
            ctx.check_cancelled()
        if then is not None:
            ctx.tx.execute(then)
        return total

    return run_sql


def _run_alone(transaction: Transaction, statement: str) -> int:
    """Run a statement and commit; how many rows it has changed."""
    try:
        before = _changes_of(transaction)
        cursor = transaction.execute(statement)
        changed = _changed_by(cursor, lambda: _changes_of(transaction) - before)
    except BaseException:
        transaction.rollback()
        raise
    transaction.commit()
    return changed


def _changes_of(transaction: Transaction) -> int:
    """How many rows SQLite has changed on this connection; other drivers do not count them."""
    return getattr(transaction.connection, "total_changes", 0)


def _changed_by(cursor: Any, count: Callable[[], int]) -> int:
    """How many rows a statement has changed; `count` tells where the cursor does not: that of SQLite, behind a WITH."""
    if cursor.description is not None:
        cursor.fetchall()  # SQLite changes rows while they are read
    said = getattr(cursor, "statusmessage", None)
    if said is not None and said.split()[0] not in CHANGING:
        return 0
    return int(cursor.rowcount) if cursor.rowcount >= 0 else count()
