"""The guard against the bug that loses commits while the write-ahead log starts anew."""

import sqlite3
from pathlib import Path

import pytest

from packhorse.domain.job import NewJob
from packhorse.engines.sqlite import wal
from packhorse.engines.sqlite.engine import SqliteEngine
from tests.opening import open_engine, path_of

BIG_JOB = NewJob(task="t", args='["' + "x" * 20_000 + '"]')


@pytest.mark.parametrize(
    ("version", "is_needed"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_the_guard_is_up_exactly_for_the_versions_with_the_bug(version: tuple[int, ...], is_needed: bool) -> None:
    """Fixed in 3.51.3, and in the maintenance releases 3.50.7 and 3.44.6."""
    assert wal.needs_guard(version) == is_needed


@pytest.fixture
def guarded(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> SqliteEngine:
    """An engine that takes the library for one with the bug, whichever it is."""
    monkeypatch.setattr(wal, "needs_guard", lambda: True)
    engine = open_engine(sqlite_url)
    assert isinstance(engine, SqliteEngine)
    return engine


@pytest.mark.engines("sqlite")
def test_no_guarded_connection_checkpoints_by_itself(guarded: SqliteEngine) -> None:
    """An automatic checkpoint reads the log's header without a lock, which is the bug."""
    transaction = guarded.begin()
    try:
        assert transaction.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    finally:
        transaction.rollback()
        guarded.close()


@pytest.mark.engines("sqlite")
def test_a_foreign_connection_can_be_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's own connections to the file need it as well."""
    monkeypatch.setattr(wal, "needs_guard", lambda: True)
    connection = sqlite3.connect(":memory:")
    wal.prepare(connection)

    assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    connection.close()


@pytest.mark.engines("sqlite")
def test_upkeep_keeps_the_log_short(guarded: SqliteEngine, sqlite_url: str) -> None:
    """What is above the limit is copied into the file, so that the next commits start the log anew."""
    for _ in range(3):
        guarded.insert_jobs([BIG_JOB] * 200)
        guarded.upkeep()
    guarded.insert_jobs([BIG_JOB])

    assert _log_of(sqlite_url).stat().st_size <= wal.WAL_LIMIT
    guarded.close()


@pytest.mark.engines("sqlite")
def test_producers_alone_keep_the_log_bounded(guarded: SqliteEngine, sqlite_url: str) -> None:
    """With no worker to do the upkeep, a producer does it now and then."""
    biggest = 0
    for _ in range(4 * wal.LOOK_AFTER):
        guarded.insert_jobs([BIG_JOB])
        biggest = max(biggest, _log_of(sqlite_url).stat().st_size)

    assert biggest < 4 * wal.WAL_LIMIT
    guarded.close()


@pytest.mark.engines("sqlite")
def test_a_checkpoint_does_not_wait_for_a_writer(guarded: SqliteEngine) -> None:
    """Without the write lock it is not safe, and while somebody else has it, it is left for later."""
    transaction = guarded.begin()
    guarded._connections.checkpoint()
    transaction.rollback()
    guarded.close()


def _log_of(url: str) -> Path:
    path = path_of(url)
    return path.with_name(f"{path.name}-wal")
