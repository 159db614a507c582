"""The connections to the server, safe for threads and after a fork.

A small stack of idle connections rather than a pool with threads of its own: a connection is opened by the thread that
needs it, so that this thread sees the real reason when it can't be.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg.pq import TransactionStatus

from packhorse.engines.postgres import wire
from packhorse.engines.postgres.errors import is_cut, is_undone, translated, unopenable
from packhorse.engines.sql.base import NO_PARAMS, Params
from packhorse.errors import DatabaseUnreachable
from packhorse.statement import Row

MOST_IDLE = 8
"""Connections kept for later; any more are closed when they are given back."""
TRIES = 5
"""How often a statement is run at most that did not take place."""
_IN_TRANSACTION = (TransactionStatus.INTRANS, TransactionStatus.INERROR)

_inherited: list[object] = []
"""A parent process's connections. Closing them here would end its sessions, so they are kept and left alone."""


class Connections:
    """All synchronous connections of one engine.

    Args:
        conninfo: the driver's connection string.
        address: where that is, for messages.
    """

    def __init__(self, conninfo: str, address: str) -> None:
        self.address = address
        self.conninfo = conninfo
        self._start_anew()

    def run(self, text: str, params: Params = NO_PARAMS, *, is_repeatable: bool = False) -> list[Row]:
        """Run the statements of `text` in one round trip and one transaction; the rows of all of them."""
        return self.run_all([(text, params)], is_repeatable=is_repeatable)

    def run_all(self, calls: Sequence[wire.Call], *, is_repeatable: bool = False) -> list[Row]:
        """The same for several texts, each with parameters of its own.

        What the server says was undone is run again. When the answer is cut off, only what is repeatable is.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return self._run(calls)
            except psycopg.Error as error:
                if tries == TRIES or not (is_undone(error) or (is_repeatable and is_cut(error))):
                    raise translated(error, self.address) from error

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        """A connection in a transaction that is committed at the end, or rolled back after an error.

        Where that came in the middle of a message, such as Ctrl-C, the connection is closed instead: it takes no other
        one, and the server rolls back what has nobody any more.
        """
        connection = self.take()
        try:
            with self.translating():
                wire.run(connection, "BEGIN", NO_PARAMS)
                yield connection
                wire.run(connection, "COMMIT", NO_PARAMS)
        except BaseException:
            if connection.info.transaction_status in _IN_TRANSACTION:
                with suppress(psycopg.Error):
                    wire.run(connection, "ROLLBACK", NO_PARAMS)
            raise
        finally:
            self.give_back(connection)

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Raise the driver's errors as ours."""
        try:
            yield
        except psycopg.Error as error:
            raise translated(error, self.address) from error

    def take(self) -> psycopg.Connection:
        """A live connection, as far as can be told, in autocommit, for the caller alone until it is given back."""
        self._leave_parent()
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._open()
            if not has_news(connection):
                return connection
            connection.close()

    def give_back(self, connection: psycopg.Connection) -> None:
        """Take a connection back; one that is broken or in the middle of something is closed."""
        is_idle = connection.info.transaction_status is TransactionStatus.IDLE
        with self._lock:
            if is_idle and len(self._idle) < MOST_IDLE and not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close every connection; one that is in use is closed when it is given back."""
        self._leave_parent()
        self._is_closed = True
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _run(self, calls: Sequence[wire.Call]) -> list[Row]:
        connection = self.take()
        try:
            return wire.run_all(connection, calls)
        except psycopg.errors.ReadOnlySqlTransaction:
            connection.close()
            raise
        finally:
            self.give_back(connection)

    def _open(self) -> psycopg.Connection:
        if self._is_closed:
            raise DatabaseUnreachable(f"{self.address}: the engine was closed")
        try:
            return psycopg.connect(self.conninfo, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise unopenable(error, self.address) from error

    def _leave_parent(self) -> None:
        if self._pid != os.getpid():
            _inherited.append(self._idle)
            self._start_anew()

    def _start_anew(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection] = []
        self._is_closed = False


def has_news(connection: psycopg.Connection | psycopg.AsyncConnection) -> bool:
    """Whether the server has sent something unasked: most likely its farewell.

    Asking the socket costs no round trip, and a statement that was not sent may go over another connection.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
