"""`FileCommits`: which transactions with files have committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from packhorse.domain.moments import micros_in, moment
from packhorse.engines.sql.base import SqlBase
from packhorse.engines.sql.documents import rows_document
from packhorse.filecommits import FileChange, FileCommit, FileCommitRecord
from packhorse.statement import Statement

VOID_KEPT = timedelta(days=7)
"""For how long it is known that a transaction may not commit: far longer than a server could still be at it."""


class SqlFileCommits(SqlBase):
    """`packhorse.filecommits.FileCommits` by statements."""

    def commit_files(self, commit: FileCommit) -> Sequence[Statement]:
        changes = [asdict(one) for one in sorted(commit.changes, key=lambda change: change.name)]
        params = {
            "token": commit.token,
            "place": commit.place,
            "address": commit.address,
            "changes": rows_document(changes),
        }
        return [Statement(text, params) for text in self._statements.get("commit_files")]

    def list_file_commits(self) -> list[FileCommitRecord]:
        rows = self._read("list_file_commits")
        return [FileCommitRecord(token, address, moment(at)) for token, address, at in rows]

    def list_file_changes(self, token: str) -> list[FileChange]:
        rows = self._read("list_file_changes", {"token": token})
        return [FileChange(name, staged, bool(is_deletion)) for name, staged, is_deletion in rows]

    def forget_file_commit(self, token: str) -> None:
        self._write("forget_file_commit", {"token": token})

    def void_file_commit(self, token: str) -> bool:
        return bool(self._write("void_file_commit", {"token": token, "kept": micros_in(VOID_KEPT)}))
