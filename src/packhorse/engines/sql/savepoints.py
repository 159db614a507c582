"""A part of a transaction that can be undone alone, in the words that every database of ours knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from packhorse.errors import SavepointLost

NAME: Final = "packhorse_part"


@contextmanager
def savepoint_on(execute: Callable[[str], object]) -> Iterator[None]:
    """A block whose statements are undone when it raises, or when they can't be kept since one of them has failed.

    Args:
        execute: runs words on the connection.

    Raises:
        SavepointLost: they can't be undone alone.
    """
    execute(f"SAVEPOINT {NAME}")
    try:
        yield
        execute(f"RELEASE SAVEPOINT {NAME}")
    except BaseException:
        try:
            execute(f"ROLLBACK TO SAVEPOINT {NAME}")
            execute(f"RELEASE SAVEPOINT {NAME}")
        except Exception as broken:
            raise SavepointLost from broken
        raise


@asynccontextmanager
async def asavepoint_on(execute: Callable[[str], Awaitable[object]]) -> AsyncIterator[None]:
    """The same for coroutines."""
    await execute(f"SAVEPOINT {NAME}")
    try:
        yield
        await execute(f"RELEASE SAVEPOINT {NAME}")
    except BaseException:
        try:
            await execute(f"ROLLBACK TO SAVEPOINT {NAME}")
            await execute(f"RELEASE SAVEPOINT {NAME}")
        except Exception as broken:
            raise SavepointLost from broken
        raise
