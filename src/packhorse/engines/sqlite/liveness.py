"""Whether a worker process lives, as the operating system knows it.

Each worker holds a lock on a file of its own in a folder beside the database. The kernel frees the lock when the
process ends, however it ends; the file's time of modification says until when its heartbeat counts. Neither needs the
database, which a handler may keep locked for a minute.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import weakref
from collections.abc import Iterable
from pathlib import Path

_MICRO = 1000
"""Nanoseconds in a microsecond."""
TRIES, PAUSE = 100, 0.002
"""How often a lock is tried that should be free, and the seconds between two tries."""


class WorkerLocks:
    """The files of the workers of one database.

    Args:
        folder: where they are; it is made at the first registration.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[int, int] = {}
        _all_locks.add(self)

    def hold(self, worker: int, expires_at: int) -> None:
        """Lock the worker's file for as long as this process lives; a folder that can't be written is no error."""
        if worker not in self._held:
            try:
                self._held[worker] = self._lock(worker)
            except OSError:
                return
        self.renew(worker, expires_at)

    def renew(self, worker: int, expires_at: int) -> bool:
        """Let the worker's heartbeat count until `expires_at` (microseconds since 1970); False when it has no file."""
        try:
            os.utime(self._file(worker), ns=(expires_at * _MICRO, expires_at * _MICRO))
        except OSError:
            return False
        return True

    def expires_at(self, worker: int) -> int | None:
        """Until when the worker counts as alive (microseconds since 1970); None when there is no file to look at.

        The end of a worker whose lock is free was in 1970.
        """
        try:
            descriptor = os.open(self._file(worker), os.O_RDONLY)
        except OSError:
            return None
        try:
            return 0 if _is_free(descriptor) else os.fstat(descriptor).st_mtime_ns // _MICRO
        finally:
            os.close(descriptor)

    def drop(self, worker: int) -> None:
        """Remove the worker's file, and free its lock if this process holds it."""
        with contextlib.suppress(OSError):
            self._file(worker).unlink()
        self._close(worker)

    def close(self) -> None:
        """Free every lock that this process holds; the files stay until somebody clears the workers away."""
        for worker in list(self._held):
            self._close(worker)

    def _lock(self, worker: int) -> int:
        self.folder.mkdir(exist_ok=True)
        descriptor = os.open(self._file(worker), os.O_RDWR | os.O_CREAT, 0o660)
        for _ in range(TRIES):  # somebody may be looking just now whether it is free
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                time.sleep(PAUSE)
        os.close(descriptor)
        raise BlockingIOError(f"somebody else has the lock of worker {worker}")

    def _file(self, worker: int) -> Path:
        return self.folder / str(worker)

    def _close(self, worker: int) -> None:
        descriptor = self._held.pop(worker, None)
        if descriptor is not None:
            os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    """Whether nobody holds the lock; shared, so that two who look at once do not take each other for the holder."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


_all_locks: weakref.WeakSet[WorkerLocks] = weakref.WeakSet()


def _close_all(locks: Iterable[WorkerLocks]) -> None:
    for each in list(locks):
        each.close()


# A forked child shares its parent's open files, and so would keep a lock of a parent that has died.
os.register_at_fork(after_in_child=lambda: _close_all(_all_locks))
