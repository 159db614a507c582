"""What a database knows of files that are to appear with a commit."""

from __future__ import annotations

import pytest

from packhorse.engine import Engine
from packhorse.filecommits import FileChange, FileCommit
from packhorse.testing.contract.steps import database_now
from packhorse.testing.contract.subject import EngineContract


class FilesContract(EngineContract):
    """Commits of files, and tokens that may not commit any more."""

    def test_a_commit_with_files_is_known_until_it_is_forgotten(self, engine: Engine) -> None:
        """With where they are to appear, about when, and what is to become of which name."""
        changes = [FileChange("b/ü", 2), FileChange("a", 1, is_deletion=True)]
        write(engine, commit("t1", *changes))
        [found] = engine.list_file_commits()
        assert (found.token, found.address) == ("t1", "host:/files")
        assert abs((database_now(engine) - found.committed_at).total_seconds()) < 30
        assert engine.list_file_changes("t1") == [changes[1], changes[0]]
        engine.forget_file_commit("t1")
        assert (engine.list_file_commits(), engine.list_file_changes("t1")) == ([], [])

    def test_nothing_is_known_of_a_transaction_that_is_rolled_back(self, engine: Engine) -> None:
        """As of one that never was."""
        write(engine, commit("t1", FileChange("a", 1)), commits=False)
        assert (engine.list_file_commits(), engine.list_file_changes("t1")) == ([], [])

    def test_a_name_is_the_last_commits(self, engine: Engine) -> None:
        """Of one place; forgetting an older commit does not touch what is a newer one's."""
        write(engine, commit("t1", FileChange("a", 1), FileChange("b", 2)))
        write(engine, commit("t2", FileChange("a", 1)))
        write(engine, commit("t3", FileChange("b", 1), place="elsewhere"))
        assert [engine.list_file_changes(token) for token in ("t1", "t2")] == [
            [FileChange("b", 2)],
            [FileChange("a", 1)],
        ]
        engine.forget_file_commit("t1")
        assert [one.token for one in engine.list_file_commits()] == ["t2", "t3"]
        assert engine.list_file_changes("t2") == [FileChange("a", 1)]

    def test_a_token_that_is_void_never_commits(self, engine: Engine) -> None:
        """Declared so once or twice; and what has committed can't be declared so."""
        assert engine.void_file_commit("t1")
        assert engine.void_file_commit("t1")
        with pytest.raises(Exception, match=r"(?i)unique"):  # each driver has its own
            write(engine, commit("t1", FileChange("a", 1)))
        assert engine.list_file_commits() == []
        write(engine, commit("t2", FileChange("a", 1)))
        assert not engine.void_file_commit("t2")
        assert [one.token for one in engine.list_file_commits()] == ["t2"]


def commit(token: str, *changes: FileChange, place: str = "p") -> FileCommit:
    """A transaction with these changes."""
    return FileCommit(token, place, "host:/files", changes)


def write(engine: Engine, written: FileCommit, *, commits: bool = True) -> None:
    """Write it down in a transaction that commits, or is rolled back."""
    transaction = engine.begin()
    try:
        for statement in engine.commit_files(written):
            transaction.run(statement)
    except BaseException:
        transaction.rollback()
        raise
    transaction.commit() if commits else transaction.rollback()
