"""SQLAlchemy's connections and sessions."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from packhorse.integrations.sqlalchemy import begin_immediate
from tests.integration.connections.wired import INSERT, Wired, WiredAsync

ROW = text(INSERT)


def sync_url(url: str) -> str:
    """The address as SQLAlchemy writes it."""
    return url.replace("postgresql://", "postgresql+psycopg://")


def async_url(url: str) -> str:
    """The same for its asynchronous engine."""
    return sync_url(url).replace("sqlite://", "sqlite+aiosqlite://")


class OnEngine(Wired):
    """What SQLAlchemy's synchronous kinds share."""

    sees_commits = True

    def __init__(self, url: str) -> None:
        self.engine = create_engine(sync_url(url))
        if self.engine.dialect.name == "sqlite":
            begin_immediate(self.engine)
        self.raw = self.open()

    def open(self) -> Any:
        """Open the connection or session."""
        raise NotImplementedError

    def write(self) -> None:
        self.raw.execute(ROW)

    def commit(self) -> None:
        self.raw.commit()

    def rollback(self) -> None:
        self.raw.rollback()

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        savepoint = self.raw.begin_nested()
        body()
        if keep:
            savepoint.commit()
        else:
            savepoint.rollback()

    def close(self) -> None:
        self.raw.close()
        self.engine.dispose()


class SqlAlchemyConnection(OnEngine):
    """Connection."""

    def open(self) -> Connection:
        return self.engine.connect()


class SqlAlchemySession(OnEngine):
    """Session."""

    def open(self) -> Session:
        return Session(self.engine)


class SqlAlchemyScopedSession(OnEngine):
    """scoped_session."""

    def open(self) -> scoped_session[Session]:
        return scoped_session(sessionmaker(self.engine))


class SqlAlchemySessionOnConnection(OnEngine):
    """A Session inside a transaction of its connection's, as tests of applications use it."""

    def open(self) -> Session:
        self.outer = self.engine.connect()
        return Session(self.outer, join_transaction_mode="create_savepoint")

    def begin(self) -> None:
        if not self.outer.in_transaction():
            self.outer.begin()

    def commit(self) -> None:
        self.raw.commit()
        self.outer.commit()

    def rollback(self) -> None:
        self.raw.commit()
        self.outer.rollback()

    def close(self) -> None:
        self.raw.close()
        self.outer.close()
        self.engine.dispose()


class OnAsyncEngine(WiredAsync):
    """What SQLAlchemy's asynchronous kinds share."""

    sees_commits = True

    async def open(self, url: str) -> Any:
        self.engine = create_async_engine(async_url(url))
        if self.engine.dialect.name == "sqlite":
            begin_immediate(self.engine)
        return await self.opened()

    async def opened(self) -> Any:
        """Open the connection or session."""
        raise NotImplementedError

    def write(self) -> None:
        self.run(self.raw.execute(ROW))

    def commit(self) -> None:
        self.run(self.raw.commit())

    def rollback(self) -> None:
        self.run(self.raw.rollback())

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        savepoint = self.raw.begin_nested()
        self.run(savepoint.start())
        body()
        self.run(savepoint.commit() if keep else savepoint.rollback())

    def close(self) -> None:
        self.run(self.raw.close())
        self.run(self.engine.dispose())
        self.loop.close()


class SqlAlchemyAsyncConnection(OnAsyncEngine):
    """AsyncConnection."""

    async def opened(self) -> AsyncConnection:
        return await self.engine.connect()


class SqlAlchemyAsyncSession(OnAsyncEngine):
    """AsyncSession."""

    async def opened(self) -> AsyncSession:
        return AsyncSession(self.engine)


SQLALCHEMY: tuple[type[Wired], ...] = (
    SqlAlchemyConnection,
    SqlAlchemySession,
    SqlAlchemyScopedSession,
    SqlAlchemySessionOnConnection,
    SqlAlchemyAsyncConnection,
    SqlAlchemyAsyncSession,
)
