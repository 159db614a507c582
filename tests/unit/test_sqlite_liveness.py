"""Who is alive, on SQLite: seen from a lock that the operating system frees, and from the heartbeat on its file."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess

import pytest

from packhorse.domain.claim import Claim
from packhorse.domain.job import Lease, NewJob
from packhorse.domain.worker import NewWorker
from packhorse.engines.sqlite.engine import SqliteEngine
from tests.opening import open_engine, path_of
from tests.waiting import wait_until

LEASE = timedelta(seconds=15)
pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.accepts("C6")]


def worker(id: int, lease: timedelta = LEASE) -> NewWorker:
    """A worker as it reports."""
    return NewWorker(id=id, name=f"host:{id}", queues=(), tasks=["t"], lease=lease)


def live(url: str, id: int) -> None:
    """Be a worker process that holds a job, until killed."""
    engine = open_engine(url)
    engine.register_worker(worker(id))
    engine.claim_jobs(Claim(lease=Lease(id, 1), queue="default", limit=1))
    signal.pause()


def fork_and_die(url: str, id: int) -> None:
    """Be a worker process that leaves a child behind, which lives until the test's database is removed."""
    engine = open_engine(url)
    engine.register_worker(worker(id))
    if os.fork() == 0:
        wait_until(lambda: not path_of(url).exists(), timeout=60)
    os._exit(0)


@contextmanager
def worker_process(url: str, id: int) -> Iterator[BaseProcess]:
    """A registered worker in a process of its own."""
    process = multiprocessing.get_context("spawn").Process(target=live, args=(url, id))
    process.start()
    yield process
    process.kill()
    process.join()


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[SqliteEngine]:
    """An engine with one job."""
    engine = open_engine(sqlite_url)
    assert isinstance(engine, SqliteEngine)
    engine.insert_jobs([NewJob(task="t")])
    yield engine
    engine.close()


def lost(engine: SqliteEngine) -> set[int]:
    """The lost workers, by both ways of asking; one may become lost between two of them."""
    before = engine.glance(1).has_lost_workers
    ids = {record.id for record in engine.list_lost_workers()}
    after = engine.glance(1).has_lost_workers
    assert before <= bool(ids) <= after
    return ids


def test_a_killed_worker_is_lost_at_once(engine: SqliteEngine, sqlite_url: str) -> None:
    """The kernel frees its lock; nobody waits for the lease to run out."""
    with worker_process(sqlite_url, 7) as process:
        wait_until(lambda: engine.list_leased_jobs(7, 1), timeout=30)
        assert lost(engine) == set()
        killed_at = time.monotonic()
        process.kill()
        wait_until(lambda: lost(engine) == {7})

    assert time.monotonic() - killed_at < 2


@pytest.mark.accepts("C5")
def test_a_stopped_worker_is_lost_when_its_heartbeat_expires(engine: SqliteEngine, sqlite_url: str) -> None:
    """It holds its lock all the same."""
    with worker_process(sqlite_url, 7) as process:
        wait_until(lambda: engine.list_leased_jobs(7, 1), timeout=30)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        engine.beat([7], timedelta(milliseconds=100))
        wait_until(lambda: lost(engine) == {7})


def test_a_heartbeat_does_not_wait_for_a_writer(engine: SqliteEngine, sqlite_url: str) -> None:
    """A handler may hold the one write lock for a minute; nobody looks dead because of it."""
    engine.register_worker(worker(7, lease=timedelta(milliseconds=50)))
    handler = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    handler.execute("BEGIN IMMEDIATE")

    began = time.monotonic()
    assert engine.beat([7], LEASE) == {7}
    assert time.monotonic() - began < 1
    assert lost(engine) == set()
    handler.close()


def test_a_worker_s_end_is_seen_by_the_clock_of_the_database(engine: SqliteEngine) -> None:
    """Heartbeats follow the offset that the testing kit gives that clock."""
    engine.register_worker(worker(7))
    engine.move_clock(timedelta(seconds=20))
    assert lost(engine) == {7}

    engine.beat([7], LEASE)
    assert lost(engine) == set()


def test_a_forked_child_does_not_keep_its_parent_alive(engine: SqliteEngine, sqlite_url: str) -> None:
    """It shares the parent's open files, and lets go of the lock."""
    code = f"from tests.unit.test_sqlite_liveness import fork_and_die; fork_and_die({sqlite_url!r}, 7)"
    subprocess.run([sys.executable, "-c", code], check=True)
    wait_until(lambda: lost(engine) == {7})


def test_an_expired_worker_is_lost_though_its_process_lives(engine: SqliteEngine) -> None:
    """Its supervisor knows better."""
    engine.register_worker(worker(7))
    engine.expire_worker(7)

    assert lost(engine) == {7}
    assert engine.list_known_tasks() == frozenset()


def test_a_worker_that_could_make_no_lock_lives_by_its_row(engine: SqliteEngine) -> None:
    """When the folder of the locks can't be used, the heartbeat goes to the database."""
    engine._locks.folder.write_text("in the way")
    engine.register_worker(worker(7, lease=timedelta(0)))
    assert lost(engine) == {7}

    assert engine.beat([7], LEASE) == {7}
    assert lost(engine) == set()
    engine.expire_worker(7)
    assert lost(engine) == {7}


def test_the_lock_s_file_goes_with_the_worker(engine: SqliteEngine) -> None:
    """So that the folder does not grow from start to start."""
    engine.register_worker(worker(7))
    engine.deregister_worker(7)

    assert list(engine._locks.folder.iterdir()) == []
