"""How records are called one by one: in a thread, with its transaction, or in a coroutine, with that one's.

What is done with them is written once, as coroutines. Those of a thread never wait, so that `at_once` does them there
and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

from packhorse.context import Context
from packhorse.domain.frames import calls_handlers
from packhorse.domain.outcome import Failure
from packhorse.domain.package import Reference
from packhorse.interrupting import to_its_end
from packhorse.records import RecordTypes
from packhorse.runtime.mistakes import mistake_in, mistake_with
from packhorse.statement import Statement
from packhorse.tasktransaction import AsyncTaskTransaction, TaskTransaction

T = TypeVar("T")
Loaded = Mapping[Reference, Any]


class Calling(Protocol):
    """A run's transaction and its handler, as far as the records need them."""

    async def read(self, look: Callable[[], T]) -> T:
        """What a look at the database gives that is no part of the transaction."""
        ...

    async def ready(self) -> None:
        """Open the transaction where it was committed."""
        ...

    async def load(self, references: Iterable[Reference]) -> Loaded:
        """The records that are there, read in the transaction."""
        ...

    async def reload(self, references: Iterable[Reference], loaded: Loaded) -> Loaded:
        """The same after one of them was called, if that has spoilt what was loaded."""
        ...

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """A block whose writes are undone alone when it raises."""
        ...

    async def call(self, handler: Callable[..., Any], given: Sequence[Any]) -> Any:
        """Call the handler; what it returns."""
        ...

    def find_mistake(self, value: Any) -> Failure | None:
        """What the handler, which has returned this, can't have meant."""
        ...

    async def run(self, statement: Statement) -> None:
        """Run one of our statements in the transaction."""
        ...

    async def commit_with(self, statements: Sequence[Statement]) -> bool:
        """Commit with these, if they are accepted; whether they were. Never interrupted."""
        ...


class InThread:
    """Of a function."""

    def __init__(self, tx: TaskTransaction, records: RecordTypes) -> None:
        self._tx = tx
        self._records = records

    async def read(self, look: Callable[[], T]) -> T:
        return look()

    async def ready(self) -> None:
        self._tx.ready()

    async def load(self, references: Iterable[Reference]) -> Loaded:
        return self._records.load(self._tx, references)

    async def reload(self, references: Iterable[Reference], loaded: Loaded) -> Loaded:
        return loaded

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        with self._tx.savepoint():
            yield

    @calls_handlers
    async def call(self, handler: Callable[..., Any], given: Sequence[Any]) -> Any:
        return handler(*given)

    def find_mistake(self, value: Any) -> Failure | None:
        return mistake_in(value)

    async def run(self, statement: Statement) -> None:
        self._tx.run(statement)

    async def commit_with(self, statements: Sequence[Statement]) -> bool:
        return self._tx.commit_with(statements)


class InCoroutine:
    """Of a coroutine function."""

    def __init__(self, ctx: Context, tx: AsyncTaskTransaction, records: RecordTypes) -> None:
        self._ctx = ctx
        self._tx = tx
        self._records = records

    async def read(self, look: Callable[[], T]) -> T:
        return await asyncio.to_thread(look)

    async def ready(self) -> None:
        await self._tx.ready()

    async def load(self, references: Iterable[Reference]) -> Loaded:
        return await self._records.aload(self._tx, references)

    async def reload(self, references: Iterable[Reference], loaded: Loaded) -> Loaded:
        """A session that forgets what it has loaded can't look again by itself: that would have to be awaited."""
        return await self.load(references) if self._tx.take_forgotten() else loaded

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        return self._tx.savepoint()

    @calls_handlers
    async def call(self, handler: Callable[..., Any], given: Sequence[Any]) -> Any:
        return await handler(*given)

    def find_mistake(self, value: Any) -> Failure | None:
        return mistake_with(self._ctx) or mistake_in(value)

    async def run(self, statement: Statement) -> None:
        await self._tx.run(statement)

    async def commit_with(self, statements: Sequence[Statement]) -> bool:
        return await to_its_end(self._tx.commit_with(statements))


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Do what never waits, to its end, without an event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("what is done in a thread has waited for an event loop")
