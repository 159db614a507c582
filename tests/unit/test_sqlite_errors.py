"""What cannot be done with a SQLite file, told with what to do about it."""

import os
import shlex
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from packhorse.domain.job import NewJob
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.errors import DatabaseBusy, DatabaseUnreachable, NotADatabase
from tests.opening import open_engine, path_of

JOB = NewJob(task="t")
pytestmark = pytest.mark.engines("sqlite")

INSERT_UNTIL_ERROR = """
import sys
from packhorse.domain.job import NewJob
from packhorse.engines.sqlite.engine import SqliteEngine
engine, stored = SqliteEngine(sys.argv[1]), 0
try:
    while True:
        stored += len(engine.insert_jobs([NewJob(task="t", args='["' + "x" * 10000 + '"]')]))
except Exception as error:
    print(type(error).__name__, error)
print("stored", stored, "found", sum(engine.count_jobs().values()) if stored else 0)
"""


def test_a_missing_folder_is_named(database_folder: Path) -> None:
    """It is not created: the path is more likely a slip."""
    engine = SqliteEngine(database_folder / "missing" / "shop.db")

    with pytest.raises(DatabaseUnreachable, match=r"missing does not exist"):
        engine.insert_jobs([JOB])


def test_a_folder_is_no_database(database_folder: Path) -> None:
    """The path must name a file."""
    with pytest.raises(NotADatabase, match="is a folder"):
        SqliteEngine(database_folder).insert_jobs([JOB])


def test_another_file_is_no_database(database_folder: Path) -> None:
    """What is in it stays as it is."""
    path = database_folder / "letter.txt"
    path.write_text("Dear customer, " * 100)

    with pytest.raises(NotADatabase):
        SqliteEngine(path).insert_jobs([JOB])
    assert path.read_text() == "Dear customer, " * 100


def test_a_lock_held_for_too_long_is_told(sqlite_url: str) -> None:
    """After the busy timeout, and nothing is stored."""
    open_engine(sqlite_url).insert_jobs([JOB])
    engine = SqliteEngine(sqlite_url, busy_timeout=timedelta(milliseconds=50))
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseBusy, match="try again"):
        engine.insert_jobs([JOB])
    with pytest.raises(DatabaseBusy):
        engine.begin()
    other.close()
    assert engine.insert_jobs([JOB]) == [2]
    engine.close()


def test_readers_never_wait_for_a_writer(sqlite_url: str) -> None:
    """The write-ahead log lets them see the last committed state."""
    engine = open_engine(sqlite_url)
    engine.insert_jobs([JOB])
    transaction = engine.begin()
    transaction.run(engine.insert_statement([JOB]))

    assert sum(engine.count_jobs().values()) == 1
    transaction.rollback()
    engine.close()


def test_a_closed_engine_says_so(sqlite_url: str) -> None:
    """Rather than to open the file again."""
    engine = open_engine(sqlite_url)
    engine.insert_jobs([JOB])
    engine.close()

    with pytest.raises(DatabaseUnreachable, match="closed"):
        engine.insert_jobs([JOB])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a folder")
def test_a_file_that_takes_no_writes_is_told(tmp_path: Path) -> None:
    """With what must be allowed."""
    open_engine(f"sqlite:///{tmp_path / 'shop.db'}").insert_jobs([JOB])
    first, _ = _insert_until_error(
        tmp_path / "shop.db", f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path}"
    )

    assert first.startswith("DatabaseReadOnly")
    assert "write access" in first


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_told_and_keeps_what_was_stored(tmp_path: Path) -> None:
    """Nothing of the job that did not fit is there, and all that were acknowledged are."""
    first, last = _insert_until_error(tmp_path / "shop.db", f"mount -t tmpfs -o size=3m none {tmp_path}")

    assert first.startswith("DatabaseFull")
    _, stored, _, found = last.split()
    assert int(stored) == int(found) > 0


def _insert_until_error(path: Path, mount: str) -> list[str]:
    """What a process prints that stores jobs as long as it can, in a mount namespace of its own."""
    python = shlex.join([sys.executable, "-c", INSERT_UNTIL_ERROR, str(path)])
    run = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{mount} && exec {python}"], capture_output=True, text=True, check=False
    )
    if "unshare:" in run.stderr or "mount:" in run.stderr:
        pytest.skip(f"this machine lets nobody mount: {run.stderr}")
    return run.stdout.splitlines()
