"""A folder on the local disk whose files appear with the commits of the transactions that wrote them.

Nobody sees a file under its name before; after it everybody does, whatever becomes of the process: what was staged is
on the disk before the commit, and the commit says in the database which names it is to get. Whoever comes first puts it
there: the process that has committed, one that wants to read, or one that finds what a dead process has left.
"""

from __future__ import annotations

import builtins
import errno
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol, overload

from packhorse.domain.filename import STAGING, check_file_name, folder_of_prefix
from packhorse.errors import ConfigurationError, DatabaseError, UsageError
from packhorse.filecommits import FileChange, FileCommit, FileCommits
from packhorse.staging import Staging, StagingFolder, make_folder, sync

log: logging.Logger = logging.getLogger("packhorse.files")


class FileDatabase(FileCommits, Protocol):
    """The database that knows which transactions have committed."""

    def installation_id(self) -> str:
        """Its id, which no other one has."""
        ...


class FileStore:
    """The files of an application, as they are committed. Handlers write through `ctx.files`.

    Args:
        folder: where the files are; it is made at the first use.
        database: gives the one whose transactions they appear with.
    """

    def __init__(self, folder: Path, database: Callable[[], FileDatabase]) -> None:
        self.folder: Path = folder
        self._database = database
        self._told: set[str] = set()

    @cached_property
    def address(self) -> str:
        """Where it is, for people: `host:/folder`."""
        return f"{socket.gethostname()}:{self.folder}"

    @overload
    def read(self, name: str) -> bytes: ...
    @overload
    def read(self, name: str, *, encoding: str) -> str: ...
    def read(self, name: str, *, encoding: str | None = None) -> bytes | str:
        """What a file holds.

        Args:
            name: of the file, such as `invoices/42.pdf`.
            encoding: of a text; None for bytes.

        Raises:
            UsageError: that can't be a file's name.
            FileNotFoundError: there is none of that name.
        """
        content = self.path(name).read_bytes()
        return content if encoding is None else content.decode(encoding)

    def path(self, name: str) -> Path:
        """Where a file is, for whoever reads it by other means.

        Raises:
            UsageError: that can't be a file's name.
            FileNotFoundError: there is none of that name.
        """
        if not self.exists(name):
            raise missing(name)
        return self.folder / name

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name.

        Raises:
            UsageError: that can't be a file's name.
        """
        check_file_name(name)
        self.catch_up()
        return (self.folder / name).is_file()

    def list(self, prefix: str = "") -> builtins.list[str]:
        """The names of the files, in order.

        Args:
            prefix: only those that begin so.

        Raises:
            UsageError: no name begins so.
        """
        folder = folder_of_prefix(prefix)
        self.catch_up()
        return sorted(name for name in self._names_in(self.folder / folder) if name.startswith(prefix))

    def catch_up(self) -> None:
        """Put in place what has committed and is not there yet. Costs no statement while no transaction has files."""
        staging = self._staging()
        if tokens := staging.tokens():
            for commit in self._database().list_file_commits():
                if commit.token in tokens:
                    self._try(commit.token, partial(self._apply, staging.folder(commit.token)))

    def begin(self) -> StagingFolder:
        """A folder for the files of a transaction.

        Raises:
            ConfigurationError: the store's folder can't be written to.
        """
        try:
            staging = self._staging()
            staging.prepare()
            return staging.begin()
        except OSError as error:
            raise self._unwritable(error) from error

    def check(self) -> None:
        """Check that files can be written.

        Raises:
            ConfigurationError: they can't; the message says why.
        """
        folder = self.begin()
        try:
            folder.file(0).write_bytes(b"checked")
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            folder.remove()

    def check_free(self, name: str) -> None:
        """Check that a file of this name could be put in place as things are.

        Raises:
            UsageError: a folder has the name, or a file one of those above it, or it is on another file system.
        """
        target = self.folder / name
        if target.is_dir():
            raise UsageError(f"{name!r} can't be written: there is a folder of that name")
        above = next(one for one in target.parents if os.path.lexists(one))
        if not above.is_dir():
            raise UsageError(f"{name!r} can't be written: {above.relative_to(self.folder)} is no folder")
        if above.stat().st_dev != self.folder.stat().st_dev:
            raise UsageError(
                f"{name!r} can't be written: {above} is on another file system than {self.folder}, "
                "and no file moves between the two at once"
            )

    def commit_of(self, folder: StagingFolder, changes: Sequence[FileChange]) -> FileCommit:
        """What is to be written down of a transaction with these changes."""
        return FileCommit(folder.token, self._staging().prepare(), self.address, changes)

    @property
    def commits(self) -> FileCommits:
        """What the database knows."""
        return self._database()

    def place(self, folder: StagingFolder) -> bool:
        """Put the files of a commit in place and forget it; whether that was possible. What was not is tried again."""
        return self._try(folder.token, partial(self._place, folder))

    def settle(self, folder: StagingFolder) -> bool:
        """The same where it is not known whether there was a commit: if not, it is made sure that there is none."""
        return self._try(folder.token, partial(self._settle, folder))

    def recover(self) -> int:
        """Settle what dead processes have left; how many transactions."""
        return sum(self.settle(folder) for folder in self._staging().left())

    def _settle(self, folder: StagingFolder) -> None:
        if not self._database().void_file_commit(folder.token):
            self._place(folder)
            return
        folder.remove()

    def _place(self, folder: StagingFolder) -> None:
        self._apply(folder)
        self._database().forget_file_commit(folder.token)
        folder.remove()

    def _apply(self, folder: StagingFolder) -> None:
        """Give staged files their names; those that have them already were given them by somebody else.

        One at a time, and asking anew what is to be done: what a later commit has written meanwhile is that one's.
        """
        touched: set[Path] = set()
        with self._staging().turn():
            for change in self._database().list_file_changes(folder.token):
                staged, target = folder.file(change.staged), self.folder / change.name
                if staged.exists():
                    _change(staged, target, change)
                    touched.add(target.parent)
        for changed in sorted(touched):
            if changed.is_dir():
                sync(changed)

    def _try(self, token: str, work: Callable[[], None]) -> bool:
        try:
            work()
        except (OSError, DatabaseError) as error:
            level = logging.DEBUG if token in self._told else logging.ERROR
            self._told.add(token)
            log.log(level, "files in %s can't be settled yet, which is tried again: %s", self.address, error)
            return False
        self._told.discard(token)
        return True

    def _names_in(self, folder: Path) -> Iterator[str]:
        for at, folders, files in os.walk(folder):
            if Path(at) == self.folder:
                folders[:] = [name for name in folders if name != STAGING]
            for file in files:
                name = (Path(at) / file).relative_to(self.folder).as_posix()
                with suppress(UsageError):  # somebody else has put it there
                    yield check_file_name(name)

    def _staging(self) -> Staging:
        return Staging(self.folder, self._database().installation_id())

    def _unwritable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"no files can be written in {self.address}, which the setting files names: {error.strerror or error}"
        )


def missing(name: str) -> FileNotFoundError:
    """The error for whoever wants a file that is not there."""
    return FileNotFoundError(errno.ENOENT, "there is no such file in the file store", name)


def _change(staged: Path, target: Path, change: FileChange) -> None:
    """Do one change; its staged file is gone when it is done."""
    if change.is_deletion:
        target.unlink(missing_ok=True)
        staged.unlink()
        return
    make_folder(target.parent)
    staged.replace(target)
