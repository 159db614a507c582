"""`ctx.tx.session`: an SQLAlchemy session on the very connection of an atomic handler's transaction.

To the session the handler's transaction is a savepoint: its `commit()` releases that and its `rollback()` returns to
it, so that neither ends the transaction, which commits with the acknowledgement. Where nothing was done in the
transaction before, on a server, its beginning is what a rollback returns to, which saves two messages.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from packhorse.integrations.sqlalchemy.commits import UNSEEN

SAVEPOINT: Final = "packhorse_session"
IDLE: Final = 0
"""libpq's status of a connection without a transaction: https://www.postgresql.org/docs/current/libpq-status.html"""
_lent: ContextVar[Any] = ContextVar("packhorse_lent_connection")
_in_savepoint: set[int] = set()
"""The driver's connections on which the session's savepoint is open."""
_at_beginning: set[int] = set()
"""Those on which the transaction began with the session, so that no savepoint is needed to return to."""


class TaskSession(Session):
    """A session over a connection that it borrows at its first use."""

    expire_on_commit: bool
    has_forgotten: bool = False
    """Whether a commit or a rollback has expired what was loaded; whoever loads it again resets it."""

    def __init__(self, *, borrow: Callable[[], Connection], **options: Any) -> None:
        super().__init__(**options)
        self._borrow = borrow
        self._borrowed: Connection | None = None

    def get_bind(self, *_args: Any, **_options: Any) -> Connection:
        """The borrowed connection, for every mapper."""
        if self._borrowed is None:
            self._borrowed = self._borrow()
        return self._borrowed

    def commit(self) -> None:
        """End its savepoint; what it has loaded expires, if it is to."""
        super().commit()
        self.has_forgotten = self.has_forgotten or self.expire_on_commit

    def rollback(self) -> None:
        """Return to its savepoint; what it has loaded expires."""
        super().rollback()
        self.has_forgotten = True

    def settle(self) -> None:
        """Write what it holds back and end its savepoint, as a commit; what it has loaded need not be loaded again."""
        expires, self.expire_on_commit = self.expire_on_commit, False
        try:
            self.commit()
        finally:
            self.expire_on_commit = expires

    def close(self) -> None:
        """End the session's savepoint and let go of the connection."""
        super().close()
        borrowed, self._borrowed = self._borrowed, None
        if borrowed is not None:
            borrowed.close()


def session_on(transaction: Any) -> Session | AsyncSession:
    """A `Session` on the connection of an engine's transaction, or an `AsyncSession` on that of an asynchronous one."""
    driver = transaction.connection
    kind = "sqlite" if "sqlite" in type(driver).__module__ else "postgresql"
    version = 0 if kind == "sqlite" else driver.info.server_version
    if inspect.iscoroutinefunction(transaction.run):
        engine = _async_engine(kind, version)
        return AsyncSession(sync_session_class=TaskSession, borrow=lambda: _lend(engine, driver))
    engine = _engine(kind, version)
    return TaskSession(borrow=lambda: _lend(engine, driver))


def _lend(engine: Engine, driver: Any) -> Connection:
    token = _lent.set(driver)
    try:
        return engine.connect()
    finally:
        _lent.reset(token)


@cache
def _engine(kind: str, _version: int) -> Engine:
    url = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}[kind]
    return _as_savepoint(create_engine(url, creator=_lent.get, poolclass=NullPool, pool_reset_on_return=None))


@cache
def _async_engine(kind: str, _version: int) -> Engine:
    async def lent(*_args: Any, **_options: Any) -> Any:
        return _lent.get()

    url = {"sqlite": "sqlite+aiosqlite://", "postgresql": "postgresql+psycopg://"}[kind]
    engine = create_async_engine(url, async_creator=lent, poolclass=NullPool, pool_reset_on_return=None)
    return _as_savepoint(engine.sync_engine)


def _as_savepoint(engine: Engine) -> Engine:
    """Let the dialect's transaction be a savepoint in ours, and its closing the end of a loan."""
    methods = {
        UNSEEN: True,
        "do_begin": _begin,
        "do_commit": _commit,
        "do_rollback": _rollback,
        "do_close": _end_loan,
        "do_terminate": _end_loan,
    }
    for name, method in methods.items():
        setattr(engine.dialect, name, method)
    return engine


def _begin(connection: Any) -> None:
    if _is_unused(connection):
        _at_beginning.add(_key(connection))
        return
    if getattr(connection.driver_connection, "in_transaction", True) is False:  # of sqlite3: begun at its first write
        _execute(connection, "BEGIN IMMEDIATE")
    _execute(connection, f"SAVEPOINT {SAVEPOINT}")
    _in_savepoint.add(_key(connection))


def _commit(connection: Any) -> None:
    if _key(connection) in _in_savepoint:
        _execute(connection, f"RELEASE SAVEPOINT {SAVEPOINT}")
        _in_savepoint.discard(_key(connection))
    _at_beginning.discard(_key(connection))


def _rollback(connection: Any) -> None:
    if _key(connection) in _at_beginning:
        _at_beginning.discard(_key(connection))
        _execute(connection, "ROLLBACK AND CHAIN")
    elif _key(connection) in _in_savepoint:
        _in_savepoint.discard(_key(connection))
        _execute(connection, f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
        _execute(connection, f"RELEASE SAVEPOINT {SAVEPOINT}")


def _end_loan(connection: Any) -> None:
    _in_savepoint.discard(_key(connection))
    _at_beginning.discard(_key(connection))


def _is_unused(connection: Any) -> bool:
    """Whether it is psycopg's, and no statement was sent in its transaction yet."""
    info = getattr(getattr(connection, "driver_connection", connection), "info", None)
    return info is not None and info.transaction_status == IDLE


def _key(connection: Any) -> int:
    return id(getattr(connection, "driver_connection", connection))


def _execute(connection: Any, words: str) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(words)
    finally:
        cursor.close()
