"""Where files wait for their commit: a folder of the store's own, and in it one for each transaction.

A transaction's folder is locked by the process that it runs in, and the kernel frees the lock when that ends, however
it ends. So what nobody has locked is what a dead process has left, or one that has let go of it on purpose.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from packhorse.domain.filename import STAGING

LOCK = "lock"
ID = "id"
PRIVATE = 0o700
"""What is not committed is for nobody else, such as a web server that serves the store's folder."""
_UNSYNCED = frozenset({errno.EINVAL, errno.ENOTSUP})
"""How file systems refuse to sync a folder that do so by themselves."""


class Lock:
    """A lock on a file, held until it is freed or this process ends; a forked child does not hold it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _all_locks.add(self)

    @classmethod
    def seize(cls, path: Path) -> Lock | None:
        """The lock on this file, which is made if need be; None where somebody has it, or the folder is gone."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            return None
        lock = cls(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return lock
        except (BlockingIOError, FileNotFoundError):
            pass
        lock.free()
        return None

    @classmethod
    def wait(cls, path: Path) -> Lock:
        """The same, when whoever has it has freed it. Nobody may remove this file."""
        lock = cls(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        fcntl.flock(lock._descriptor, fcntl.LOCK_EX)
        return lock

    def free(self) -> None:
        """Let go of it; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class StagingFolder:
    """The staged files of one transaction, each under a number.

    Args:
        path: of the folder, whose name is the transaction's token.
        lock: on it; None for one that somebody else has, or nobody.
    """

    def __init__(self, path: Path, lock: Lock | None = None) -> None:
        self.path = path
        self._lock = lock

    @property
    def token(self) -> str:
        """The transaction's token."""
        return self.path.name

    def file(self, number: int) -> Path:
        """Where the staged file of this number is."""
        return self.path / str(number)

    def sync(self) -> None:
        """Have it on the disk that these files are there; what they hold is synced with each of them."""
        sync(self.path)
        sync(self.path.parent)

    def free(self) -> None:
        """Leave it to whoever looks for what nobody has locked."""
        if self._lock is not None:
            self._lock.free()

    def remove(self) -> None:
        """Remove it with all that is left in it; what can't be removed now is found by whoever looks for it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.free()


class Staging:
    """The folders of the transactions of one database with files in one store.

    Args:
        root: the store's folder.
        installation: which database.
    """

    def __init__(self, root: Path, installation: str) -> None:
        self.path: Path = root / STAGING / installation

    def prepare(self) -> str:
        """Have it there; the id of this place, which is made when it is used first.

        Raises:
            OSError: it can't be made.
        """
        if not self.path.is_dir():
            make_folder(self.path, PRIVATE)
        found = self._find_id()
        if found is None:
            with self.turn():
                found = self._find_id() or self._make_id()
        return found

    def begin(self) -> StagingFolder:
        """A new folder for a transaction, locked by this process."""
        while True:
            path = self.path / uuid4().hex
            path.mkdir(PRIVATE)
            if lock := Lock.seize(path / LOCK):  # else somebody took it for one that was left
                return StagingFolder(path, lock)

    def folder(self, token: str) -> StagingFolder:
        """The folder of a transaction, whoever has it."""
        return StagingFolder(self.path / token)

    def tokens(self) -> set[str]:
        """The transactions that have one."""
        try:
            with os.scandir(self.path) as entries:
                return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        except FileNotFoundError:
            return set()

    def left(self) -> Iterator[StagingFolder]:
        """The folders that nobody has locked, one after the other, locked until the next one is asked for."""
        for token in sorted(self.tokens()):
            path = self.path / token
            if lock := Lock.seize(path / LOCK):
                try:
                    yield StagingFolder(path, lock)
                finally:
                    lock.free()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only one, of all processes, that puts files in place."""
        lock = Lock.wait(self.path / LOCK)
        try:
            yield
        finally:
            lock.free()

    def _find_id(self) -> str | None:
        with suppress(FileNotFoundError):
            return (self.path / ID).read_text(encoding="ascii")
        return None

    def _make_id(self) -> str:
        made, written = uuid4().hex, self.path / f"{ID}.new"
        written.write_text(made, encoding="ascii")
        sync(written)
        written.replace(self.path / ID)
        sync(self.path)
        return made


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, as far as they are not there, so that they stay after a power cut."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode if STAGING in one.parts else 0o777, exist_ok=True)
        sync(one.parent)


def sync(path: Path) -> None:
    """Wait until a file's contents, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise
    finally:
        os.close(descriptor)


_all_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _free_all() -> None:
    for lock in list(_all_locks):
        lock.free()


# A forked child shares its parent's open files, and so would keep a lock of a parent that has died.
os.register_at_fork(after_in_child=_free_all)
