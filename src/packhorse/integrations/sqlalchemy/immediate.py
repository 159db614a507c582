"""SQLite transactions that can always write."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

READ_ONLY: Final = "packhorse_read_only"
"""The execution option that lets a transaction under `begin_immediate` begin as a plain read."""


def begin_immediate(engine: Engine | AsyncEngine) -> None:
    """Let every transaction of a SQLite engine begin with BEGIN IMMEDIATE: it can then always write.

    A transaction that begins with a read can't be upgraded once another one has written. Give transactions that only
    read the execution option `packhorse_read_only=True`, so that they don't wait for writers. Also mends savepoints,
    which in sqlite3's own mode are not part of the transaction. Call it once, before the engine is used.
    """
    sync_engine = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    event.listen(sync_engine, "connect", _leave_begin_to_us)
    event.listen(sync_engine, "begin", _begin)


def _leave_begin_to_us(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None


def _begin(connection: Connection) -> None:
    is_read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")
