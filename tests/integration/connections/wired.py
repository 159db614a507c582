"""One face for every kind of connection, so that a test is written once and shown on each."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import aiosqlite
import asyncpg
import psycopg
from psycopg.rows import dict_row

from packhorse import JobHandle, Task

INSERT = "INSERT INTO sale (id) VALUES (1)"


def path_of(url: str) -> str:
    """The file behind a SQLite address."""
    return url.removeprefix("sqlite:///")


class Wired(ABC):
    """A connection of some kind, opened as an application would, with the few things that the tests do on it."""

    is_async: ClassVar[bool] = False
    sees_commits: ClassVar[bool] = False
    """Whether the adapter can see the end of a transaction that the application ends by itself."""

    raw: Any

    @abstractmethod
    def __init__(self, url: str) -> None:
        """Open it."""

    def begin(self) -> None:
        """Begin a transaction, where the kind does not begin one by itself."""
        return

    @abstractmethod
    def write(self) -> None:
        """Write a row of the application's own."""

    @abstractmethod
    def commit(self) -> None:
        """Commit the transaction."""

    @abstractmethod
    def rollback(self) -> None:
        """Roll the transaction back."""

    @abstractmethod
    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        """Run the body in a savepoint and release it, or roll back to it."""

    @abstractmethod
    def close(self) -> None:
        """Close everything."""

    def enqueue(self, task: Task[[int], Any], number: int) -> JobHandle[Any]:
        """Enqueue on it, as this kind is used."""
        return task.using(conn=self.raw).enqueue(number)


class WiredAsync(Wired):
    """An asynchronous connection; its event loop runs while something is done on it."""

    is_async = True

    def __init__(self, url: str) -> None:
        self.loop = asyncio.Runner()
        self.raw = self.run(self.open(url))

    @abstractmethod
    async def open(self, url: str) -> Any:
        """Open the connection."""

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the connection's loop."""
        return self.loop.run(coroutine)

    def close(self) -> None:
        self.run(self.raw.close())
        self.loop.close()

    def enqueue(self, task: Task[[int], Any], number: int) -> JobHandle[Any]:
        handle: JobHandle[Any] = self.run(task.using(conn=self.raw).aenqueue(number))
        return handle


class Sqlite3(Wired):
    """The standard library's sqlite3, in its own mode of transactions."""

    def __init__(self, url: str) -> None:
        self.raw: sqlite3.Connection = sqlite3.connect(path_of(url))

    def write(self) -> None:
        self.raw.execute(INSERT)

    def commit(self) -> None:
        self.raw.commit()

    def rollback(self) -> None:
        self.raw.rollback()

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        self.raw.execute("SAVEPOINT inner_one")
        body()
        self.raw.execute("RELEASE inner_one" if keep else "ROLLBACK TO inner_one")

    def close(self) -> None:
        self.raw.close()


class Sqlite3WithRows(Sqlite3):
    """The same with a row factory and without implicit transactions."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.raw.row_factory = lambda cursor, row: {"columns": row}
        self.raw.isolation_level = None

    def begin(self) -> None:
        self.raw.execute("BEGIN IMMEDIATE")


class Aiosqlite(WiredAsync):
    """aiosqlite."""

    async def open(self, url: str) -> aiosqlite.Connection:
        return await aiosqlite.connect(path_of(url))

    def write(self) -> None:
        self.run(self._execute(INSERT))

    def commit(self) -> None:
        self.run(self.raw.commit())

    def rollback(self) -> None:
        self.run(self.raw.rollback())

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        self.run(self._execute("SAVEPOINT inner_one"))
        body()
        self.run(self._execute("RELEASE inner_one" if keep else "ROLLBACK TO inner_one"))

    async def _execute(self, text: str) -> None:
        await self.raw.execute(text)


class Psycopg(Wired):
    """psycopg."""

    raw: psycopg.Connection[Any]

    def __init__(self, url: str) -> None:
        self.raw = psycopg.connect(url)

    def write(self) -> None:
        self.raw.execute(INSERT)

    def commit(self) -> None:
        self.raw.commit()

    def rollback(self) -> None:
        self.raw.rollback()

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        with self.raw.transaction() as savepoint:
            body()
            if not keep:
                raise psycopg.Rollback(savepoint)

    def close(self) -> None:
        self.raw.close()


class PsycopgWithRows(Psycopg):
    """psycopg with rows as dictionaries and binding on the client."""

    def __init__(self, url: str) -> None:
        self.raw = psycopg.Connection[Any].connect(url, cursor_factory=psycopg.ClientCursor)
        self.raw.row_factory = dict_row


class PsycopgAsync(WiredAsync):
    """psycopg's asynchronous connection."""

    raw: psycopg.AsyncConnection[Any]

    async def open(self, url: str) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(url)

    def write(self) -> None:
        self.run(self.raw.execute(INSERT))

    def commit(self) -> None:
        self.run(self.raw.commit())

    def rollback(self) -> None:
        self.run(self.raw.rollback())

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        block = self.raw.transaction()
        self.run(block.__aenter__())
        body()
        error = None if keep else psycopg.Rollback()
        self.run(block.__aexit__(type(error) if error else None, error, None))


class Asyncpg(WiredAsync):
    """asyncpg."""

    async def open(self, url: str) -> Any:
        return await asyncpg.connect(url)

    def begin(self) -> None:
        self._transaction = self.raw.transaction()
        self.run(self._transaction.start())

    def write(self) -> None:
        self.run(self.raw.execute(INSERT))

    def commit(self) -> None:
        self.run(self._transaction.commit())

    def rollback(self) -> None:
        self.run(self._transaction.rollback())

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        savepoint = self.raw.transaction()
        self.run(savepoint.start())
        body()
        self.run(savepoint.commit() if keep else savepoint.rollback())


class AsyncpgPool(Asyncpg):
    """A connection lent by asyncpg's pool."""

    async def open(self, url: str) -> Any:
        self._pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
        return await self._pool.acquire()

    def close(self) -> None:
        self.run(self._pool.release(self.raw))
        self.run(self._pool.close())
        self.loop.close()


DRIVERS: dict[str, tuple[type[Wired], ...]] = {
    "sqlite": (Sqlite3, Sqlite3WithRows, Aiosqlite),
    "postgresql": (Psycopg, PsycopgWithRows, PsycopgAsync, Asyncpg, AsyncpgPool),
}
