"""Processes and threads share one SQLite file."""

import multiprocessing
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.queues import Queue
from typing import Any

import pytest

from packhorse.domain.claim import Claim
from packhorse.domain.decide import decide
from packhorse.domain.job import Lease, NewJob
from packhorse.domain.outcome import Success
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.engines.sqlite.engine import SqliteEngine
from tests.opening import path_of

PROCESSES = 8
ROUNDS = 60
pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.slow]


def enqueue_and_run(url: str, number: int, results: "Queue[Any]") -> None:
    """Store jobs and run whatever there is, by turns; report what was stored and what was run."""
    engine = SqliteEngine(url)
    stored: list[int] = []
    ran: list[int] = []
    try:
        for turn in range(ROUNDS):
            stored += engine.insert_jobs([NewJob(task="t", args=f"[{number}]")] * (1 + turn % 5))
            ran += _run_some(engine, Lease(number, turn), limit=1 + turn % 7)
            engine.upkeep()
        results.put((stored, ran, None))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test is to see it
        results.put((stored, ran, repr(error)))


def _run_some(engine: Engine, lease: Lease, limit: int) -> list[int]:
    jobs = engine.claim_jobs(Claim(lease=lease, queue="default", limit=limit))
    return sorted(engine.ack_jobs([decide(job, Success(), RetryPolicy(), 0) for job in jobs]))


def test_no_job_is_lost_or_run_twice_and_no_lock_shows(sqlite_url: str) -> None:
    """Nobody sees `database is locked`, the first use included; the file is sound afterwards."""
    reports = in_processes(enqueue_and_run, sqlite_url)
    assert [error for _, _, error in reports if error] == []

    stored = [id for ids, _, _ in reports for id in ids]
    ran = [id for _, ids, _ in reports for id in ids]
    engine = SqliteEngine(sqlite_url)
    while more := _run_some(engine, Lease(PROCESSES + 1, len(ran)), limit=500):
        ran += more

    assert max(Counter(stored).values()) == 1
    assert sorted(ran) == sorted(stored)
    assert engine.count_jobs()[JobState.SUCCEEDED] == len(stored)
    engine.close()
    check = sqlite3.connect(path_of(sqlite_url))
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()


def test_a_forked_child_opens_its_own_connections(sqlite_url: str) -> None:
    """SQLite's must not be carried over a fork, nor closed there: that would free the parent's locks."""
    engine = SqliteEngine(sqlite_url, synchronous="OFF")
    engine.insert_jobs([NewJob(task="t")])
    transaction = engine.begin()
    transaction.run(engine.insert_statement([NewJob(task="t")]))
    context = multiprocessing.get_context("fork")
    counted: Queue[int] = context.Queue()
    child = context.Process(target=lambda: counted.put(sum(engine.count_jobs().values())))
    child.start()

    assert counted.get(timeout=30) == 1
    child.join(30)
    transaction.commit()
    assert sum(engine.count_jobs().values()) == 2
    engine.close()


def test_many_threads_share_one_engine(sqlite_url: str) -> None:
    """They take turns at writing, and none is given another's jobs."""
    engine = SqliteEngine(sqlite_url, synchronous="OFF", busy_timeout=timedelta(minutes=1))
    ran: list[int] = []

    def work(number: int) -> None:
        for turn in range(20):
            engine.insert_jobs([NewJob(task="t")] * 3)
            ran.extend(_run_some(engine, Lease(number, turn), limit=3))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ran) == len(set(ran)) == 16 * 20 * 3
    engine.close()


def in_processes(work: Callable[[str, int, "Queue[Any]"], None], url: str) -> list[Any]:
    """Run `work` in all processes at once; their reports."""
    context = multiprocessing.get_context("spawn")
    results: Queue[Any] = context.Queue()
    processes = [context.Process(target=work, args=(url, number, results)) for number in range(1, PROCESSES + 1)]
    for process in processes:
        process.start()
    reports = [results.get(timeout=90) for _ in processes]
    for process in processes:
        process.join(10)
    return reports
