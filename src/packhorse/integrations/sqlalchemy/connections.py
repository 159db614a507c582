"""Enqueue on a Connection or Session of SQLAlchemy, synchronous or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, cast

from sqlalchemy import Connection as SaConnection
from sqlalchemy import Engine, TextClause, event, text
from sqlalchemy.ext.asyncio import AsyncConnection as SaAsyncConnection
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, SessionTransaction, scoped_session

from packhorse.connection import AsyncConnection, Connection
from packhorse.connections.own import OURS
from packhorse.connections.scope import Waiting, call_all
from packhorse.connections.sqlite import guard_words
from packhorse.fate import Fate
from packhorse.integrations.sqlalchemy.autocommit import OwnTransaction, has_begun, is_autocommit
from packhorse.integrations.sqlalchemy.commits import waiting_for
from packhorse.integrations.sqlalchemy.sessions import TaskSession
from packhorse.statement import Row, Statement

_DEFERRED: Final = "packhorse_deferred"


class _OnConnection:
    """What is the same for a connection and a session once its connection is at hand."""

    def __init__(self, raw: object, connection: Callable[[], SaConnection], session: Session | None) -> None:
        self._raw = raw
        self._connection = connection
        self._session = session

    @property
    def raw(self) -> object:
        """What the caller brought."""
        return self._raw

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name of the database: `sqlite`, `postgresql`, or another; a session of ours fits by itself."""
        return OURS if isinstance(self._session, TaskSession) else self._bind.dialect.name

    def in_transaction(self) -> bool:
        """Whether a transaction has begun, in the driver, too."""
        begun = (self._session or self._connection()).in_transaction()
        return begun and not (is_autocommit(self._bind) and not self._has_begun())

    def commits_alone(self) -> bool:
        """With `isolation_level="AUTOCOMMIT"`, outside a transaction that somebody has begun by SQL."""
        return is_autocommit(self._bind) and not (
            (self._session or self._connection()).in_transaction() and self._has_begun()
        )

    def _has_begun(self) -> bool:
        return has_begun(_driver(self._connection()))

    def on_commit(self, callback: Callable[[], None]) -> bool:
        """Call back after the COMMIT; through a session, when that is ready for new work again."""
        waiting = self._waiting()
        if waiting is not None:
            waiting.on_commit(callback if self._session is None else _Deferred(self._session, callback))
        return waiting is not None

    def on_rollback(self, callback: Callable[[], None]) -> bool:
        """Call back after the rollback, of the savepoint, too."""
        waiting = self._waiting()
        if waiting is not None:
            waiting.on_rollback(callback)
        return waiting is not None

    def fate(self) -> Fate | None:
        """What learns how the transaction, or the savepoint, ends."""
        waiting = self._waiting()
        return None if waiting is None else waiting.fate()

    def _waiting(self) -> Waiting | None:
        return None if self.commits_alone() else waiting_for(self._connection())

    def _place(self) -> str:
        if isinstance(self._session, TaskSession):
            return "the database of ctx.tx"
        return self._bind.engine.url.render_as_string(hide_password=True)

    @property
    def _bind(self) -> Engine | SaConnection:
        return self._connection() if self._session is None else self._session.get_bind()

    def _run(self, statement: Statement) -> list[Row]:
        connection = self._connection()
        if connection.dialect.name == "sqlite":
            for words in guard_words():
                connection.exec_driver_sql(words)
        result = connection.execute(_clause(statement.text), dict(statement.params))
        return [tuple(row) for row in result] if result.returns_rows else []

    def _enter(self) -> AbstractContextManager[Any]:
        begun = self._session or self._connection()
        around = None if begun.in_transaction() else begun.begin()
        self._connection()
        if self.commits_alone():
            return OwnTransaction(self._connection(), around)
        block = begun.begin_nested() if around is None else around
        connection = self._connection()  # only now it has the savepoint
        if connection.dialect.name == "sqlite" and not _driver(connection).in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        return block


class OnConnection(_OnConnection):
    """A `Connection`, a `Session` or a `scoped_session`."""

    is_async: Literal[False] = False

    def place(self) -> str:
        """The engine's address, without the password."""
        return self._place()

    def run(self, statement: Statement) -> list[Row]:
        """Run the statement on the session's own connection; nothing is flushed."""
        return self._run(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, or a savepoint in the one that has begun."""
        with self._enter():
            yield


class OnAsyncConnection(_OnConnection):
    """An `AsyncConnection`, an `AsyncSession` or an `async_scoped_session`."""

    is_async: Literal[True] = True

    async def place(self) -> str:
        """The engine's address, without the password."""
        return self._place()

    async def run(self, statement: Statement) -> list[Row]:
        """Run the statement on the session's own connection; nothing is flushed."""
        return await self._proxy.run_sync(lambda _: self._run(statement))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A transaction, or a savepoint in the one that has begun."""
        block = await self._proxy.run_sync(lambda _: self._enter())
        try:
            yield
        except BaseException as error:
            await self._leave(block, error)
            raise
        await self._leave(block, None)

    async def _leave(self, block: AbstractContextManager[Any], error: BaseException | None) -> None:
        kind, traceback = (type(error), error.__traceback__) if error is not None else (None, None)
        await self._proxy.run_sync(lambda _: block.__exit__(kind, error, traceback))

    @property
    def _proxy(self) -> SaAsyncConnection | AsyncSession:
        return cast("SaAsyncConnection | AsyncSession", self._raw)


def adapt(raw: object) -> Connection | AsyncConnection | None:
    """The adapter for a connection or session of SQLAlchemy, else None."""
    if isinstance(raw, (scoped_session, async_scoped_session)):
        raw = raw()
    if isinstance(raw, SaConnection):
        return OnConnection(raw, lambda: raw, None)
    if isinstance(raw, Session):
        return OnConnection(raw, raw.connection, raw)
    if isinstance(raw, SaAsyncConnection):
        return OnAsyncConnection(raw, lambda: _begun(raw), None)
    if isinstance(raw, AsyncSession):
        return OnAsyncConnection(raw, raw.sync_session.connection, raw.sync_session)
    return None


def _begun(raw: SaAsyncConnection) -> SaConnection:
    if raw.sync_connection is None:
        raise RuntimeError("the AsyncConnection is not open: use `async with engine.connect() as conn`")
    return raw.sync_connection


def _driver(connection: SaConnection) -> Any:
    return connection.connection.driver_connection


@lru_cache(maxsize=256)
def _clause(statement: str) -> TextClause:
    return text(statement)


@dataclass(frozen=True, slots=True)
class _Deferred:
    """Inside `session.commit()` the session takes no work: wait until it does. Equal for one callback, called once."""

    session: Session
    callback: Callable[[], None]

    def __call__(self) -> None:
        session = self.session
        if not session.in_transaction():
            self.callback()
            return
        if _DEFERRED not in session.info:
            session.info[_DEFERRED] = []
            event.listen(session, "after_transaction_end", _call_deferred)
        session.info[_DEFERRED].append(self.callback)


def _call_deferred(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        callbacks, session.info[_DEFERRED] = session.info[_DEFERRED], []
        call_all(callbacks)
