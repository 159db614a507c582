"""The connections to the file: one that writes, and as many that read as there are threads reading at once."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from packhorse.engines.sql.base import NO_PARAMS, Params
from packhorse.engines.sql.ranges import readable
from packhorse.engines.sqlite import wal
from packhorse.engines.sqlite.errors import is_busy, is_undecodable, translated, unopenable
from packhorse.errors import DatabaseBusy, DatabaseUnreachable
from packhorse.statement import Row

T = TypeVar("T")
Call = tuple[str, Params]
"""A statement and its parameters."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.0005, 0.003
"""Seconds between two tries for a lock: random, and longer from try to try."""

_inherited: list[object] = []
"""A parent process's connections. Closing them here would release its locks, so they are kept and left alone."""


class Connections:
    """All connections of one engine to one file, safe for threads and after a fork.

    Args:
        path: the file; it is created when it does not exist.
        patience: seconds for which a lock is waited for.
        synchronous: how far a commit goes: `FULL`, `NORMAL` or `OFF`.
    """

    _writer: sqlite3.Connection | None

    def __init__(self, path: Path, *, patience: float, synchronous: str) -> None:
        self.path = path
        self._synchronous = synchronous
        self._patience = patience
        self._identity: tuple[int, int] | None = None
        self._start_anew()

    def read(self, text: str, params: Params = NO_PARAMS) -> list[Row]:
        """Run a statement that changes nothing; its rows."""
        connection = self.take()
        connection.text_factory = readable
        try:
            rows = self.patiently(lambda: connection.execute(text, params).fetchall())
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        finally:
            self.give_back(connection)
        return rows

    def write(self, calls: Sequence[Call]) -> list[Row]:
        """Run statements in one transaction; the rows of all of them."""
        self._leave_parent()
        if not self._writing.acquire(timeout=self._patience):
            raise DatabaseBusy(f"{self.path}: this process's other threads write for too long: try again")
        try:
            return self._write(calls)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        finally:
            self._writing.release()

    def begin(self, patience: float | None = None) -> sqlite3.Connection:
        """A connection with an open write transaction, to be given back."""
        connection = self.take()
        try:
            self.patiently(lambda: connection.execute("BEGIN IMMEDIATE"), patience)
        except BaseException as error:
            self.give_back(connection)
            if isinstance(error, sqlite3.Error):
                raise translated(error, self.path) from error
            raise
        return connection

    def open_lazy(self) -> sqlite3.Connection:
        """A new connection, to be closed by the caller, whose write transactions begin with a statement that writes."""
        connection = self._open()
        connection.execute(f"PRAGMA busy_timeout = {round(self._patience * 1000)}")
        connection.isolation_level = "IMMEDIATE"
        return connection

    def take(self) -> sqlite3.Connection:
        """A connection for the caller alone, until it is given back."""
        self._leave_parent()
        self._watch_file()
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Take a connection back, rolling back what is open and forgetting what a handler set on it."""
        if not rollback(connection):
            return
        if self._is_closed:
            connection.close()
            return
        connection.isolation_level = None
        connection.row_factory, connection.text_factory = None, str
        self._idle.append(connection)

    @contextmanager
    def transaction(self, patience: float | None = None) -> Iterator[sqlite3.Connection]:
        """A connection with a write transaction that is committed at the end, or rolled back after an error."""
        connection = self.begin(patience)
        try:
            yield connection
            self.patiently(connection.commit, patience)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        finally:
            self.give_back(connection)

    def patiently(self, action: Callable[[], T], patience: float | None = None) -> T:
        """Try until nobody else has the lock, or patience (in seconds; the engine's own by default) ends.

        Where a file could not be switched to its write-ahead log yet, a commit has to wait for readers, too; one that
        found the file busy leaves its transaction open, to be tried again (https://www.sqlite.org/lang_transaction.html).
        """
        deadline = time.monotonic() + (self._patience if patience is None else patience)
        longest = SHORTEST_PAUSE
        while True:
            try:
                return action()
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
            longest = min(longest * 1.5, LONGEST_PAUSE)
            time.sleep(random.uniform(SHORTEST_PAUSE, longest))  # noqa: S311 - spreads load, guards no secret

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the file while we hold the write lock; at once or not at all."""
        connection = self.take()
        try:
            connection.execute("BEGIN IMMEDIATE")
            self.read("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            if not is_busy(error):
                raise translated(error, self.path) from error
        finally:
            self.give_back(connection)

    def close(self) -> None:
        """Close every connection; one that is in use is closed when it is given back."""
        self._leave_parent()
        self._is_closed = True
        self._close_idle()

    def _write(self, calls: Sequence[Call]) -> list[Row]:
        connection = self._open_writer()
        try:
            return self._write_on(connection, calls)
        except sqlite3.OperationalError as error:
            if not is_undecodable(error):
                raise
        connection.text_factory = readable
        try:
            return self._write_on(connection, calls)
        finally:
            connection.text_factory = str

    def _write_on(self, connection: sqlite3.Connection, calls: Sequence[Call]) -> list[Row]:
        try:
            self.patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
            rows = [row for text, params in calls for row in connection.execute(text, params)]
            self.patiently(connection.commit)
        except BaseException:
            if not rollback(connection):
                self._writer = None
            raise
        return rows

    def _open_writer(self) -> sqlite3.Connection:
        self._watch_file()
        if self._writer is None:
            self._writer = self._open()
        return self._writer

    def _open(self) -> sqlite3.Connection:
        if self._is_closed:
            raise DatabaseUnreachable(f"{self.path}: the engine was closed")
        try:
            connection = self.patiently(self._connect)
        except sqlite3.Error as error:
            raise unopenable(error, self.path) from error
        self._identity = self._identity or _identity(self.path)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            _ask_for_wal(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA journal_size_limit = {wal.WAL_LIMIT}").fetchall()
            wal.prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _watch_file(self) -> None:
        """Connections to a file that was removed or replaced would go on writing where nobody reads.

        Opening the new one would be no better: SQLite would apply the old file's write-ahead log to it.
        """
        if self._identity is not None and _identity(self.path) != self._identity:
            raise DatabaseUnreachable(
                f"{self.path} was removed or replaced while it was in use: stop all its users, put it right together "
                "with its -wal file, and start them again"
            )

    def _leave_parent(self) -> None:
        if self._pid != os.getpid():
            _inherited.append((self._idle, self._writer))
            self._start_anew()

    def _start_anew(self) -> None:
        self._pid = os.getpid()
        self._idle: list[sqlite3.Connection] = []
        self._writer = None
        self._writing = threading.Lock()
        self._is_closed = False

    def _close_idle(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        while self._idle:
            self._idle.pop().close()


def _ask_for_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to a write-ahead log, once for all; while somebody writes to it in its old mode it stays there.

    Waiting would not do: the writer may be the very caller on whose behalf we look into the file.
    """
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise


def rollback(connection: sqlite3.Connection) -> bool:
    """Roll back what is open, if anything; never raises. False when the connection can't be used any more."""
    try:
        connection.rollback()
    except sqlite3.Error:
        connection.close()
        return False
    return True


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
