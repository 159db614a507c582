"""Asynchronous connections for the transactions of coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.pq import TransactionStatus

from packhorse.engines.postgres.connections import MOST_IDLE, has_news
from packhorse.engines.postgres.errors import translated, unopenable


class AsyncConnections:
    """Idle connections, apart for each event loop, which alone may use them. All are out of autocommit.

    Args:
        conninfo: the driver's connection string.
        address: where that is, for messages.
    """

    def __init__(self, conninfo: str, address: str) -> None:
        self._conninfo = conninfo
        self._address = address
        self._idle: dict[asyncio.AbstractEventLoop, list[psycopg.AsyncConnection]] = {}
        self._is_closed = False

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Raise the driver's errors as ours."""
        try:
            yield
        except psycopg.Error as error:
            raise translated(error, self._address) from error

    async def take(self) -> psycopg.AsyncConnection:
        """A connection for the caller alone, until it is given back."""
        idle = self._idle_here()
        while idle:
            connection = idle.pop()
            if not has_news(connection):
                return connection
            await connection.close()
        try:
            return await psycopg.AsyncConnection.connect(self._conninfo, prepare_threshold=None)
        except psycopg.Error as error:
            raise unopenable(error, self._address) from error

    async def give_back(self, connection: psycopg.AsyncConnection) -> None:
        """Take a connection back; one that is broken or in the middle of something is closed."""
        idle = self._idle_here()
        is_idle = connection.info.transaction_status is TransactionStatus.IDLE
        if is_idle and len(idle) < MOST_IDLE and not self._is_closed:
            idle.append(connection)
        else:
            await connection.close()

    def close(self) -> None:
        """Close the idle connections, from any thread: a loop that has ended can't do it any more."""
        self._is_closed = True
        for loop in tuple(self._idle):
            self._forget(loop)

    def _idle_here(self) -> list[psycopg.AsyncConnection]:
        here = asyncio.get_running_loop()
        if here not in self._idle:
            for loop in tuple(self._idle):
                if loop.is_closed():
                    self._forget(loop)
        return self._idle.setdefault(here, [])

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        for connection in self._idle.pop(loop, ()):
            connection.pgconn.finish()
