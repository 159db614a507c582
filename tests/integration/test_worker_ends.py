"""Every run of a worker comes to an end that is on record, whatever goes wrong beside its handler."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from packhorse import Backoff, Context, Fail, JobState, Middleware, Packhorse
from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack, decide
from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.outcome import WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.worker import NewWorker
from packhorse.runtime.executor import Executor
from packhorse.runtime.settings import WorkerSettings
from tests.integration.worker_kit import Gate, wait_for, working
from tests.waiting import wait_until

WORKER = 7


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema and no tasks yet."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


def claimed(app: Packhorse, count: int) -> list[ClaimedJob]:
    """The jobs that are waiting, claimed by hand."""
    lease = timedelta(seconds=60)
    app.engine.register_worker(NewWorker(id=WORKER, name="by-hand:1", queues=[], tasks=[], lease=lease))
    return app.engine.claim_jobs(Claim(lease=Lease(WORKER, 1), queue="default", limit=count))


@pytest.mark.accepts("C8")
@pytest.mark.parametrize("kind", ["thread", "coroutine"])
def test_trouble_outside_the_handler_is_a_failure_of_the_job(app: Packhorse, kind: str) -> None:
    """Here its acknowledgement can't be taken at first: another one says so, and the slot is free again."""

    def work() -> None:
        """Nothing that could fail."""

    async def awork() -> None:
        """The same."""

    task = app.task(name="work")(work) if kind == "thread" else app.task(name="work")(awork)
    acks: list[Ack] = []

    def deliver(ack: Ack, each: bool) -> None:
        acks.append(ack)
        if len(acks) == 1:
            raise OSError("no way through")

    for _ in range(2):
        task.enqueue()
    jobs = claimed(app, 2)
    executor = Executor(app.runner(deliver), WorkerSettings(threads=1, coroutines=1), lambda: None)
    executor.accept(jobs)
    wait_until(lambda: executor.done == 2 and executor.is_idle(), what="both runs")
    executor.stop()
    executor.close()

    assert [(ack.job_id, ack.outcome) for ack in acks] == [
        (jobs[0].id, "success"),
        (jobs[0].id, "retry"),
        (jobs[1].id, "success"),
    ]
    assert acks[1].error is not None
    assert acks[1].error.type == "OSError"
    assert executor.held("default") == 0


class BrokenBackoff(Backoff):
    """A backoff that does not work."""

    def delay(self, failures: int, chance: float) -> timedelta:
        """Fail."""
        raise ZeroDivisionError("in the backoff")


class Riddle(Exception):
    """An exception that does not let itself be looked at."""

    @property
    def orig(self) -> BaseException:
        """Fail."""
        raise RuntimeError("in a property")


@pytest.mark.accepts("C8")
def test_a_policy_or_an_exception_that_does_not_work_is_a_failure_of_the_job(app: Packhorse) -> None:
    """It is retried by the default rule, with the trouble on record, and others go on."""

    @app.task(name="hopeless", backoff=BrokenBackoff())
    def hopeless() -> None:
        raise ValueError("the first trouble")

    @app.task(name="riddle", atomic=True)
    def riddle(ctx: Context) -> None:
        ctx.tx.execute("select 1")
        raise Riddle

    with working(app, threads=1):
        first = wait_for(app, hopeless.enqueue().id, JobState.SCHEDULED)
        second = wait_for(app, riddle.enqueue().id, JobState.SCHEDULED)

    assert (first.error_type, first.failures) == ("ZeroDivisionError", 1)
    assert (second.error_type, second.failures) == ("RuntimeError", 1)


@pytest.mark.accepts("C8")
@pytest.mark.parametrize("way", ["another task", "its own task", "a plain function"])
def test_a_cancellation_that_is_not_the_worker_s_is_a_counted_failure(app: Packhorse, way: str) -> None:
    """It would repeat itself for ever if it were taken for the end of the worker."""

    async def another() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    async def own() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(60)

    def plain() -> None:
        raise asyncio.CancelledError

    ways: dict[str, Any] = {"another task": another, "its own task": own, "a plain function": plain}
    handle = app.task(name="give_in", max_attempts=1)(ways[way])
    with working(app):
        record = wait_for(app, handle.enqueue().id)

    assert (record.state, record.failures, record.skips) == (JobState.FAILED, 1, 0)
    assert record.error_type == "CancelledError"


def test_an_ack_that_waits_for_the_database_does_not_hold_up_the_event_loop(app: Packhorse) -> None:
    """With `ack="each"`, too, other coroutines go on meanwhile."""

    @app.task(name="careful", ack="each")
    async def careful() -> None:
        """Acknowledged at once."""

    @app.task(name="other")
    async def other() -> None:
        """Acknowledged in a batch."""

    gate, done = Gate(), threading.Event()

    def deliver(ack: Ack, each: bool) -> None:
        gate.wait() if each else done.set()

    careful.enqueue()
    other.enqueue()
    first, second = claimed(app, 2)
    executor = Executor(app.runner(deliver), WorkerSettings(), lambda: None)
    executor.accept([first])
    gate.reached()
    executor.accept([second])
    try:
        assert done.wait(5)
    finally:
        gate.open()
    wait_until(lambda: executor.done == 2, what="both runs")
    executor.stop()
    executor.close()


@pytest.mark.accepts("C9")
def test_a_coroutine_that_outlasts_its_cancellation_runs_again_uncounted(app: Packhorse) -> None:
    """It goes down with the process; its job is handed back before that, not left to be rescued as a crash."""

    @app.task(name="stubborn")
    async def stubborn() -> None:
        started.set()
        while not over.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    started, over = threading.Event(), threading.Event()
    try:
        with working(app, shutdown_timeout=0.1):
            job = stubborn.enqueue()
            assert started.wait(10)
        record = app.get_job(job.id)
    finally:
        over.set()

    assert record.state in (JobState.SCHEDULED, JobState.AVAILABLE)
    assert (record.failures, record.crashes) == (0, 0)


class Witness(Middleware):
    """Notes the ends of runs."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, JobState]] = []

    def finished(self, context: Context, ack: Ack) -> None:
        """Note it."""
        self.seen.append((context.job.task, ack.state))


@pytest.mark.accepts("C29", "C7")
@pytest.mark.parametrize("colour", ["def", "async def"])
def test_middleware_is_not_told_of_a_success_that_was_rolled_back(database_url: str, colour: str) -> None:
    """The lease of an atomic run was lost before its commit: it counts for nothing."""
    witness = Witness()
    app = Packhorse(database_url, middleware=[witness])
    app.engine.migrate()

    def lose(ctx: Context) -> None:
        lost = decide(ctx.job, WorkerLost("somebody"), RetryPolicy(max_crashes=1), 0.5)
        app.engine.ack_jobs([lost])

    def plain(ctx: Context) -> None:
        lose(ctx)
        ctx.tx.execute("select 1")

    async def coroutine(ctx: Context) -> None:
        lose(ctx)
        await ctx.tx.execute("select 1")

    handlers: dict[str, Any] = {"def": plain, "async def": coroutine}
    task = app.task(name="lose", atomic=True)(handlers[colour])

    @app.task(name="last")
    def last() -> None:
        """Seen to end after the other one."""

    with working(app) as worker:
        job = task.enqueue()
        wait_for(app, job.id)
        wait_until(worker._executor.is_idle, what="the run to end")
        wait_for(app, last.enqueue().id)
    app.close()

    assert witness.seen == [("last", JobState.SUCCEEDED)]


def test_a_very_long_run_is_reported_in_every_lane(
    app: Packhorse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once each: it may be stuck, and nobody would know."""
    monkeypatch.setattr("packhorse.runtime.executor.LONG_RUN", timedelta(0))
    gate = Gate()

    @app.task(name="in_a_thread")
    def in_a_thread() -> None:
        gate.wait()

    @app.task(name="in_the_loop")
    async def in_the_loop() -> None:
        await asyncio.to_thread(gate.wait)

    with caplog.at_level(logging.WARNING, "packhorse.worker"), working(app):
        in_a_thread.enqueue()
        in_the_loop.enqueue()
        gate.reached(2)
        try:
            wait_until(
                lambda: all(f"({name}) has been running" in caplog.text for name in ("in_a_thread", "in_the_loop")),
                what="a warning for each",
            )
        finally:
            gate.open()


def test_a_verdict_of_one_s_own_needs_no_more_than_its_class(app: Packhorse) -> None:
    """Even when it forgets to call what it inherits."""

    class Hopeless(Fail):
        def __init__(self, customer: int) -> None:
            self.customer = customer

    @app.task(name="judge")
    def judge() -> None:
        raise Hopeless(7)

    with working(app):
        record = wait_for(app, judge.enqueue().id)

    assert (record.state, record.reason) == (JobState.FAILED, None)
