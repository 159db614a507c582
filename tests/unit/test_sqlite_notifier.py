"""Hints on SQLite: inside a process by being told, across processes by a look at the file's version."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from packhorse.domain.job import NewJob
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.notifiers.combined import CombinedNotifier
from packhorse.notifiers.local import LocalNotifier, announce
from packhorse.notifiers.sqlite import SqliteNotifier
from tests.opening import open_engine, path_of

JOB = NewJob(task="t")
pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.accepts("C4")]


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[SqliteEngine]:
    """An engine with its schema."""
    engine = open_engine(sqlite_url)
    assert isinstance(engine, SqliteEngine)
    engine.migrate()
    yield engine
    engine.close()


@pytest.fixture
def hints(engine: SqliteEngine) -> Iterator[threading.Semaphore]:
    """Counts the hints that arrive from the file."""
    notifier = SqliteNotifier(engine.address)
    hints = threading.Semaphore(0)
    notifier.listen(hints.release)
    assert hints.acquire(timeout=5), "the first call comes of itself, since jobs may have come before"
    yield hints
    notifier.close()


def test_another_connection_s_commit_is_a_hint(engine: SqliteEngine, hints: threading.Semaphore) -> None:
    """Within a tenth of a second, most of it waiting for the next look."""
    assert not hints.acquire(timeout=0.1)
    began = time.monotonic()
    engine.insert_jobs([JOB])
    assert hints.acquire(timeout=5)

    assert time.monotonic() - began < 0.1


def test_another_process_s_commit_is_a_hint(engine: SqliteEngine, hints: threading.Semaphore, sqlite_url: str) -> None:
    """However it was written: there is no server that could tell."""
    code = f"import sqlite3; c = sqlite3.connect({str(path_of(sqlite_url))!r}); c.execute('create table t (n)')"
    subprocess.run([sys.executable, "-c", code], check=True)

    assert hints.acquire(timeout=5)


@pytest.mark.accepts("C2")
def test_a_rollback_is_no_hint(engine: SqliteEngine, hints: threading.Semaphore) -> None:
    """Nothing has come."""
    transaction = engine.begin()
    transaction.run(engine.insert_statement([JOB]))
    transaction.rollback()

    assert not hints.acquire(timeout=0.15)


def test_looking_does_not_keep_a_writer_waiting(engine: SqliteEngine, hints: threading.Semaphore) -> None:
    """Nor is a look held up by one."""
    writer = sqlite3.connect(engine.address, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    writer.execute("create table t (n)")
    writer.execute("COMMIT")

    assert hints.acquire(timeout=5)
    writer.close()


def test_a_file_that_is_not_there_yet_is_waited_for(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notifier creates nothing, and calls once of itself when the file is there."""
    monkeypatch.setattr("packhorse.notifiers.sqlite.TROUBLE_INTERVAL", 0.01)
    notifier = SqliteNotifier(path_of(sqlite_url))
    hints = threading.Semaphore(0)
    notifier.listen(hints.release)
    assert not hints.acquire(timeout=0.1)
    assert not path_of(sqlite_url).exists()
    engine = open_engine(sqlite_url)
    engine.migrate()

    assert hints.acquire(timeout=5)
    notifier.close()
    engine.close()


def test_what_is_announced_in_the_process_is_heard_at_once() -> None:
    """By those who listen to that database, until they stop."""
    heard: list[str] = []
    shop, mail = LocalNotifier("/shop.db"), LocalNotifier("/mail.db")
    shop.listen(lambda: heard.append("shop"))
    mail.listen(lambda: heard.append("mail"))
    announce("/shop.db")
    shop.close()
    announce("/shop.db")
    announce("/mail.db")

    assert heard == ["shop", "mail"]
    mail.close()


def test_several_notifiers_work_as_one(engine: SqliteEngine) -> None:
    """Each of them calls, and closing closes them all."""
    hints = threading.Semaphore(0)
    notifier = CombinedNotifier(LocalNotifier(engine.address), SqliteNotifier(engine.address))
    notifier.listen(hints.release)
    assert hints.acquire(timeout=5)
    announce(engine.address)
    assert hints.acquire(timeout=0.01)
    engine.insert_jobs([JOB])
    assert hints.acquire(timeout=5)
    notifier.close()
    announce(engine.address)

    assert not hints.acquire(timeout=0.1)
