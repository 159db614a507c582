"""Hints on PostgreSQL: they come with the commit, only while somebody waits for them, and they may fail."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from packhorse.domain.job import NewJob
from packhorse.domain.worker import NewWorker
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.notifiers.postgres import PostgresNotifier
from tests.servers import CutProxy
from tests.waiting import wait_until

JOB = NewJob(task="t")
LEASE = timedelta(seconds=15)
pytestmark = [pytest.mark.engines("postgresql"), pytest.mark.accepts("C4")]


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[PostgresEngine]:
    """An engine with one worker, which is idle and wants hints."""
    engine = PostgresEngine(postgresql_url)
    engine.migrate()
    engine.register_worker(NewWorker(id=1, name="host:1", queues=(), tasks=["t"], lease=LEASE))
    engine.seek_hints(1, wanted=True)
    yield engine
    engine.close()


@pytest.fixture
def hints(engine: PostgresEngine) -> Iterator[threading.Semaphore]:
    """Counts the hints that arrive."""
    yield from listening(PostgresNotifier(engine.conninfo, engine.channel))


def listening(notifier: PostgresNotifier) -> Iterator[threading.Semaphore]:
    """Listen, wait until that is known to work, and count what comes."""
    hints = threading.Semaphore(0)
    notifier.listen(hints.release)
    assert hints.acquire(timeout=10), "the first call comes of itself, since jobs may have come before"
    yield hints
    notifier.close()


@pytest.mark.accepts("C2")
def test_a_hint_comes_with_the_commit(engine: PostgresEngine, hints: threading.Semaphore, postgresql_url: str) -> None:
    """Not with the statement before it, and not after a rollback."""
    transaction = engine.begin()
    transaction.run(engine.insert_statement([JOB]))
    assert not hints.acquire(timeout=0.2)
    transaction.rollback()
    assert not hints.acquire(timeout=0.2)

    transaction = engine.begin()
    transaction.run(engine.insert_statement([JOB]))
    transaction.commit()
    assert hints.acquire(timeout=5)


def test_a_thousand_jobs_in_one_transaction_are_one_hint(engine: PostgresEngine, hints: threading.Semaphore) -> None:
    """The server folds equal notifications of one transaction together."""
    engine.insert_jobs([JOB] * 1000)

    assert hints.acquire(timeout=5)
    assert not hints.acquire(timeout=0.2)


def test_nobody_is_notified_while_no_worker_waits(engine: PostgresEngine, hints: threading.Semaphore) -> None:
    """Each notification makes commits wait for one another."""
    engine.seek_hints(1, wanted=False)
    engine.insert_jobs([JOB])
    assert not hints.acquire(timeout=0.2)

    engine.seek_hints(1, wanted=True)
    engine.expire_worker(1)
    engine.insert_jobs([JOB])
    assert not hints.acquire(timeout=0.2)


def test_jobs_that_become_available_again_are_announced(engine: PostgresEngine, hints: threading.Semaphore) -> None:
    """As a person's retry of a failed one."""
    ids = engine.insert_jobs([JOB])
    assert hints.acquire(timeout=5)
    engine.cancel_jobs(ids)
    engine.retry_jobs(ids)

    assert hints.acquire(timeout=5)


@pytest.mark.accepts("C10")
def test_a_terminated_listener_listens_again(
    engine: PostgresEngine, hints: threading.Semaphore, postgresql_url: str
) -> None:
    """And calls once of itself, for what it may have missed."""
    with psycopg.connect(postgresql_url) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert hints.acquire(timeout=10)

    wait_until(lambda: engine.insert_jobs([JOB]) and hints.acquire(timeout=0.5))


def test_a_network_that_goes_silent_is_noticed(
    engine: PostgresEngine, cut_proxy: CutProxy, postgresql_url: str
) -> None:
    """The notifier comes back by itself, and then calls once, for what it may have missed."""
    notifier = PostgresNotifier(PostgresEngine(cut_proxy.url(postgresql_url)).conninfo, engine.channel)
    hints = threading.Semaphore(0)
    notifier.listen(hints.release)
    assert hints.acquire(timeout=10)
    cut_proxy.refuse()
    assert not hints.acquire(timeout=1)
    cut_proxy.restore()
    assert hints.acquire(timeout=20)
    notifier.close()


def test_closing_does_not_wait(engine: PostgresEngine) -> None:
    """Whether it listens, or can't connect."""
    deaf = PostgresNotifier("host=127.0.0.1 port=1", engine.channel)
    for notifier in (PostgresNotifier(engine.conninfo, engine.channel), deaf):
        hints = threading.Semaphore(0)
        notifier.listen(hints.release)
        assert notifier is deaf or hints.acquire(timeout=10)
        began = time.monotonic()
        notifier.close()
        notifier.close()
        assert time.monotonic() - began < 1


@pytest.mark.accepts("T9")
def test_the_channel_is_tested_before_it_is_trusted(
    engine: PostgresEngine, cut_proxy: CutProxy, postgresql_url: str
) -> None:
    """A notification of its own must arrive first; when it does not, all is done again on a new connection."""
    lost = cut_proxy.cut_at(b"NOTIFY", delivered=False)
    notifier = PostgresNotifier(PostgresEngine(cut_proxy.url(postgresql_url)).conninfo, engine.channel)
    hints = threading.Semaphore(0)
    notifier.listen(hints.release)
    assert lost.wait(10)
    assert hints.acquire(timeout=20)

    assert cut_proxy.accepted == 4, "two connections for each of two tests"
    notifier.close()


@pytest.mark.accepts("T9")
def test_a_channel_that_carries_nothing_is_told_once_with_what_to_do(
    engine: PostgresEngine, cut_proxy: CutProxy, postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The test is made again and again in silence; as soon as notifications arrive they are used, and that is told."""
    cut_proxy.swallow(engine.channel.encode() + b"\0")
    notifier = PostgresNotifier(PostgresEngine(cut_proxy.url(postgresql_url)).conninfo, engine.channel)
    hints = threading.Semaphore(0)
    with caplog.at_level("INFO", "packhorse.worker"):
        notifier.listen(hints.release)
        wait_until(lambda: cut_proxy.accepted == 4, 20, "a second test")
        wait_until(lambda: "did not arrive" in caplog.text, 10, "the warning")
        assert not hints.acquire(blocking=False)
        cut_proxy.restore()
        assert hints.acquire(timeout=20)
        wait_until(lambda: "arrive again" in caplog.text, 10, "the good news")
    notifier.close()

    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"one of our own on channel {engine.channel} did not arrive within 2 s" in warning
    assert "let workers connect to PostgreSQL itself" in warning
    assert "--no-notifications" in warning
