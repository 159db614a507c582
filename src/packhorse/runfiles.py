"""The files of one transaction, as `ctx.files` has them: they appear when it commits, and never otherwise."""

from __future__ import annotations

import builtins
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, TextIO, overload

from packhorse.domain.filename import check_file_name, folder_of_prefix
from packhorse.errors import UsageError
from packhorse.filecommits import FileChange
from packhorse.filestore import FileStore, missing
from packhorse.staging import StagingFolder
from packhorse.statement import Statement


class RunFiles:
    """The application's files as a handler's transaction sees them, with what it has written itself.

    What is written, or deleted, is so for everybody when the transaction has committed, and for nobody when it is
    rolled back. Every thread of the handler's may use it. Its calls wait for the disk: a coroutine that writes much
    lets `asyncio.to_thread` make them.

    Args:
        store: where the files are.
    """

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._folder: StagingFolder | None = None
        self._changes: list[FileChange] = []
        self._count = 0

    def write(self, name: str, data: bytes | bytearray | memoryview | str) -> None:
        """Write a whole file; one that is there under this name is replaced.

        Args:
            name: of the file: a relative path with slashes, such as `invoices/2026/42.pdf`.
            data: what it holds; a text is written in UTF-8.

        Raises:
            UsageError: that can't be a file's name, or not as things are there.
            OSError: the disk does not take it.
        """
        if not isinstance(data, bytes | bytearray | memoryview | str):
            raise UsageError(f"files hold bytes or text, not {type(data).__name__}")
        with self.open(name) as file:
            file.write(data.encode() if isinstance(data, str) else data)

    @overload
    def open(self, name: str) -> AbstractContextManager[BinaryIO]: ...
    @overload
    def open(self, name: str, *, encoding: str) -> AbstractContextManager[TextIO]: ...
    def open(self, name: str, *, encoding: str | None = None) -> AbstractContextManager[Any]:
        """A file to write to in a `with` block; it counts as written when the block ends without an error.

        Args:
            name: as for `write`.
            encoding: of a text; None for bytes.

        Raises:
            UsageError: as for `write`; at the end of the block, the transaction has ended before it.
            OSError: the disk does not take it.
        """
        self._check_target(name)
        return self._writing(name, encoding)

    @overload
    def read(self, name: str) -> bytes: ...
    @overload
    def read(self, name: str, *, encoding: str) -> str: ...
    def read(self, name: str, *, encoding: str | None = None) -> bytes | str:
        """What a file holds; one that this transaction has written is read as it was written.

        Args:
            name: as for `write`.
            encoding: of a text; None for bytes.

        Raises:
            UsageError: that can't be a file's name.
            FileNotFoundError: there is none of that name.
        """
        check_file_name(name)
        with self._lock:
            folder, change = self._folder, self._find(name)
            if change is not None and change.is_deletion:
                raise missing(name)
            if change is None or folder is None:
                content = self._store.read(name)
            else:
                content = folder.file(change.staged).read_bytes()
        return content if encoding is None else content.decode(encoding)

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name.

        Raises:
            UsageError: that can't be a file's name.
        """
        check_file_name(name)
        with self._lock:
            change = self._find(name)
            return self._store.exists(name) if change is None else not change.is_deletion

    def list(self, prefix: str = "") -> builtins.list[str]:
        """The names of the files, in order.

        Args:
            prefix: only those that begin so.

        Raises:
            UsageError: no name begins so.
        """
        folder_of_prefix(prefix)
        with self._lock:
            changes = self._latest()
            names = {name for name in self._store.list(prefix) if name not in changes}
            written = {one.name for one in changes.values() if not one.is_deletion and one.name.startswith(prefix)}
        return sorted(names | written)

    def delete(self, name: str) -> None:
        """Delete a file.

        Raises:
            UsageError: that can't be a file's name.
            FileNotFoundError: there is none of that name.
        """
        with self._lock:
            if not self.exists(name):
                raise missing(name)
            folder, number = self._next()
            folder.file(number).touch()
            self._changes.append(FileChange(name, number, is_deletion=True))

    @property
    def is_used(self) -> bool:
        """Whether anything was staged; for the worker."""
        return self._folder is not None

    @contextmanager
    def undone_with(self) -> Iterator[None]:
        """A block whose changes vanish when it raises, and no others; for savepoints."""
        mark = len(self._changes)
        try:
            yield
        except BaseException:
            with self._lock:
                del self._changes[mark:]
            raise

    def seal(self) -> Sequence[Statement]:
        """Have all of it on the disk; what the transaction is to say of it at its end. For the worker."""
        with self._lock:
            changes = list(self._latest().values())
            if self._folder is None or not changes:
                self.discard()
                return ()
            self._folder.sync()
            return self._store.commits.commit_files(self._store.commit_of(self._folder, changes))

    def committed(self) -> None:
        """The transaction has committed: everybody is to see the files. For the worker; never raises."""
        if (folder := self._leave()) is not None:
            self._store.place(folder)
            folder.free()

    def discard(self) -> None:
        """The transaction was rolled back: nothing of it may remain. For the worker; never raises."""
        if (folder := self._leave()) is not None:
            folder.remove()

    def settle(self) -> None:
        """The transaction has ended, and nobody knows how: what the database says holds. For the worker."""
        if (folder := self._leave()) is not None:
            self._store.settle(folder)
            folder.free()

    @contextmanager
    def _writing(self, name: str, encoding: str | None) -> Iterator[Any]:
        with self._lock:
            folder, number = self._next()
        path = folder.file(number)
        try:
            with path.open("xb") if encoding is None else path.open("x", encoding=encoding, newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            self._add(folder, FileChange(name, number))
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _add(self, folder: StagingFolder, change: FileChange) -> None:
        with self._lock:
            if folder is not self._folder:
                raise UsageError(f"{change.name!r} was not written: the transaction that it belongs to has ended")
            self._changes.append(change)

    def _check_target(self, name: str) -> None:
        """That a file of this name could appear beside what is there, and what else is to.

        Raises:
            UsageError: it could not.
        """
        check_file_name(name)
        with self._lock:
            self._next_folder()
            self._store.check_free(name)
            for other in self._latest().values():
                if other.is_deletion:
                    continue
                if other.name.startswith(f"{name}/") or name.startswith(f"{other.name}/"):
                    raise UsageError(f"{name!r} and {other.name!r} can't both be files")

    def _next(self) -> tuple[StagingFolder, int]:
        self._count += 1
        return self._next_folder(), self._count

    def _next_folder(self) -> StagingFolder:
        if self._folder is None:
            self._folder = self._store.begin()
        return self._folder

    def _find(self, name: str) -> FileChange | None:
        return self._latest().get(name)

    def _latest(self) -> dict[str, FileChange]:
        """What is to become of each name: the last change counts."""
        return {change.name: change for change in self._changes}

    def _leave(self) -> StagingFolder | None:
        with self._lock:
            folder, self._folder = self._folder, None
            self._changes = []
            return folder
