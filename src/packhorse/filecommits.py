"""The contract of what a database knows of files that are to appear with a commit. The docstrings are normative.

A transaction that has staged files writes down its token and what is to become of which names. So these rows are there
if and only if it has committed, and they name, for each place and name, the last commit that wrote it. They go when the
files are in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from packhorse.statement import Statement


@dataclass(frozen=True, slots=True)
class FileChange:
    """What becomes of one name.

    Attributes:
        name: of the file.
        staged: the number of the staged file that gets the name, or that stands for its deletion.
        is_deletion: whether the file is deleted.
    """

    name: str
    staged: int
    is_deletion: bool = False


@dataclass(frozen=True, slots=True)
class FileCommit:
    """What a transaction does to files.

    Attributes:
        token: its own, and nobody else's ever.
        place: which store; the same name in two of them is two files.
        address: where that is, for people: `host:/folder`.
        changes: one for each name.
    """

    token: str
    place: str
    address: str
    changes: Sequence[FileChange]


@dataclass(frozen=True, slots=True)
class FileCommitRecord:
    """A commit whose files may not be in place yet.

    Attributes:
        token: its token.
        address: where its files are to appear.
        committed_at: about when it committed.
    """

    token: str
    address: str
    committed_at: datetime


class FileCommits(Protocol):
    """Which transactions with files have committed."""

    def commit_files(self, commit: FileCommit) -> Sequence[Statement]:
        """What writes a commit down, to be run in order at the end of the transaction that it is about.

        None of them returns a row. Of two transactions that write one name the second waits for the first. They fail
        when the token was declared void.
        """
        ...

    def list_file_commits(self) -> list[FileCommitRecord]:
        """The commits whose files may not be in place yet, the oldest first; usually none."""
        ...

    def list_file_changes(self, token: str) -> list[FileChange]:
        """What is still to be done for a commit, by name; a name that a later one wrote is that one's."""
        ...

    def forget_file_commit(self, token: str) -> None:
        """Forget a commit whose files are in place."""
        ...

    def void_file_commit(self, token: str) -> bool:
        """Make sure that the transaction with this token never commits, unless it has; whether it never will.

        Waits for it, within the limits of a statement, where it is just about to.

        Raises:
            DatabaseError: nobody can tell yet.
        """
        ...
