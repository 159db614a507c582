"""Hints across processes on SQLite: a look at the file's version, many times a second, which is no statement."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

log: logging.Logger = logging.getLogger("packhorse.worker")

INTERVAL = 0.04
"""Seconds between two looks: waking up is all that they cost, two thirds of a percent of a core."""
TROUBLE_INTERVAL = 1.0
"""Seconds between two looks while the file can't be read."""


class SqliteNotifier:
    """`packhorse.notifier.Notifier` that sees commits by any connection of any process.

    Args:
        path: the database file.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, wake: Callable[[], None]) -> None:
        """Begin to call `wake`, once as soon as the file can be read and after commits, from a thread of its own."""
        self._thread = threading.Thread(target=self._run, args=(wake,), name="packhorse-notifier", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop calling. Returns when no call is under way any more."""
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self, wake: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                self._watch(wake)
            except (sqlite3.Error, OSError) as error:
                log.debug("%s can't be watched: %s", self._path, error)
            self._stopping.wait(TROUBLE_INTERVAL)

    def _watch(self, wake: Callable[[], None]) -> None:
        """Look until the end, or until another file is at the path."""
        file = _identity(self._path)
        connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=0)
        try:
            seen = _version(connection)
            wake()
            while not self._stopping.wait(INTERVAL) and _identity(self._path) == file:
                version = _version(connection)
                if version != seen:
                    seen = version
                    wake()
        finally:
            connection.close()


def _version(connection: sqlite3.Connection) -> int:
    [version] = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
