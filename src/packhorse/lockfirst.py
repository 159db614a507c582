"""Locks that a run needs at the beginning of its transaction, though it learns of that only in the middle of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from packhorse.context import find_current
from packhorse.domain.firstlock import FirstLock, LockFirst
from packhorse.errors import UsageError
from packhorse.records import RecordTypes

if TYPE_CHECKING:
    from packhorse.engine import Engine


class LockingFirst:
    """The part of an application that is about such locks."""

    record_types: RecordTypes

    def lock_first(self, *records: object, table: str | None = None) -> None:
        """Go on only where these are locked since the transaction began; else begin the run anew, locking them first.

        For code that learns deep in a handler what it is going to change, after it has read it: a lock that was taken
        only now would guard values that somebody else may have changed meanwhile. The run is begun anew at once, in
        place, in a new transaction; it counts neither as an attempt nor as a failure. Locks are taken in one order, so
        runs do not wait for each other in a circle, and are held until the transaction ends. On SQLite, where one
        transaction writes at a time, all is locked with the first of them.

        Args:
            records: to be locked row by row; of a class mapped by SQLAlchemy, or a model of Django.
            table: to be locked against all other writers; its name as in SQL.

        Raises:
            UsageError: no atomic handler is running here, or one of a queue table's rows; or it is not known how to
                lock a record.
        """
        context = find_current()
        if context is None or context.transaction is None:
            raise UsageError("lock_first begins the transaction of an atomic handler anew, and none is running here")
        if not context.begins_anew:
            raise UsageError(f"{context.job.task} can't begin anew, its row is taken: lock with ctx.tx at its start")
        wanted = {self._record_lock(record) for record in records}
        if table is not None:
            wanted.add(FirstLock(f"table {table}", self._table_locker(table)))
        if missing := wanted - context.locked:
            raise LockFirst(missing)

    def _record_lock(self, record: object) -> FirstLock:
        kind = self.record_types.of(record)
        if kind.lock is None:
            raise UsageError(f"it is not known how to lock records of type {kind.name!r}: give table=… in their place")
        key = kind.key_of(record)
        return FirstLock(f"record {kind.name}:{key}", partial(_lock_record, kind.lock, key))

    def _table_locker(self, table: str) -> Callable[[Any], Any]:
        statement = self.engine.lock_table(table)
        return lambda transaction: transaction.run(statement)

    if TYPE_CHECKING:

        @property
        def engine(self) -> Engine:
            """The database."""
            ...


def _lock_record(lock: Callable[..., Any], key: str, transaction: Any) -> Any:
    return lock(transaction, [key])
