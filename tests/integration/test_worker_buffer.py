"""What a worker holds: little, not for long, and never in somebody's way."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from packhorse import Context, JobState, Middleware, Packhorse, Retry
from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack
from packhorse.domain.job import ClaimedJob
from packhorse.engine import Glance
from tests.integration.worker_kit import Gate, wait_for, working
from tests.waiting import wait_until

MARGIN = 0.1
"""Seconds that a machine may add to a time by itself."""


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema and no tasks yet."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


def executing(app: Packhorse) -> int:
    """How many jobs are claimed now."""
    return app.count_jobs()[JobState.EXECUTING]


@pytest.mark.accepts("C26")
def test_a_worker_whose_slots_are_busy_claims_nothing_more(app: Packhorse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four slots held by slow jobs: four jobs are claimed, never more, and the others stay for whoever is free."""
    gate, claimed, looks = Gate(), list[int](), list[int]()
    claim_jobs, glance = app.engine.claim_jobs, app.engine.glance

    def noting_claims(claim: Claim) -> list[ClaimedJob]:
        jobs = claim_jobs(claim)
        claimed.extend(job.id for job in jobs)
        return jobs

    def noting_looks(worker: int, floors: bool = False) -> Glance:
        looks.append(worker)
        return glance(worker, floors)

    monkeypatch.setattr(app.engine, "claim_jobs", noting_claims)
    monkeypatch.setattr(app.engine, "glance", noting_looks)

    @app.task(name="slow")
    def slow() -> None:
        gate.wait()

    app.enqueue_many([slow.call()] * 20)
    with working(app, threads=4, poll=0.05):
        gate.reached(4)
        before = len(looks)
        wait_until(lambda: len(looks) >= before + 10, what="ten more looks at the jobs")
        assert len(claimed) == executing(app) == 4
        gate.open()
        wait_until(lambda: app.count_jobs()[JobState.SUCCEEDED] == 20, what="the end of all")

    assert {job.attempt for job in app.list_jobs(state=JobState.SUCCEEDED)} == {1}


@pytest.mark.accepts("C26")
def test_a_slow_job_strands_nobody(app: Packhorse) -> None:
    """Quick jobs that were claimed behind one that takes long are given back and run by a worker that is free."""
    gate = Gate()

    @app.task(name="either")
    def either(slow: bool) -> None:
        if slow:
            gate.wait()

    app.enqueue_many([*[either.call(False)] * 200, either.call(True), *[either.call(False)] * 200])
    with working(app, threads=1):
        gate.reached()
        with working(app, threads=1):
            wait_until(
                lambda: app.count_jobs()[JobState.SUCCEEDED] == 400, 15, "all quick ones, while the slow one runs"
            )
        gate.open()


@pytest.mark.accepts("C26", "C3")
@pytest.mark.alone
def test_an_urgent_job_starts_soon_in_front_of_a_backlog(app: Packhorse) -> None:
    """Fifty thousand jobs wait: an urgent one starts within 0.2 s, in the quietest of a few rounds."""
    started: list[float] = []

    @app.task(name="one")
    def one() -> None: ...

    @app.task(name="urgent", priority="urgent")
    def urgent() -> None:
        started.append(time.monotonic())

    def latency() -> float:
        count = len(started)
        urgent.enqueue()
        committed = time.monotonic()
        wait_until(lambda: len(started) > count, what="the urgent job")
        assert app.count_jobs()[JobState.AVAILABLE] > 0, "the backlog was over before"
        return started[-1] - committed

    app.enqueue_many([one.call()] * 50_000)
    with working(app):
        wait_until(lambda: app.count_jobs()[JobState.SUCCEEDED] > 100, what="the worker to be at full speed")
        assert min(latency() for _ in range(3)) <= 0.2 + MARGIN


@pytest.mark.accepts("C26")
@pytest.mark.alone
def test_an_idle_worker_sends_each_ack_at_once(app: Packhorse) -> None:
    """A job that ends alone is acknowledged within 20 ms, in the quietest of a few rounds."""

    @app.task(name="lone")
    def lone() -> float:
        return time.time()

    def delay() -> float:
        job = lone.enqueue()
        ended_at = job.result(timeout=10)
        finished_at = job.record().finished_at
        assert finished_at is not None
        return finished_at.timestamp() - ended_at

    with working(app):
        assert min(delay() for _ in range(10)) <= 0.02


@pytest.mark.accepts("C26")
def test_a_run_that_is_acknowledged_by_itself_keeps_its_slot_until_then(app: Packhorse) -> None:
    """With ack='each', whoever gets the slot next finds the one before it succeeded."""
    ran: list[int] = []
    found: list[JobState] = []

    @app.task(name="each", ack="each")
    def each(ctx: Context) -> None:
        if ran:
            found.append(app.get_job(ran[-1]).state)
        ran.append(ctx.job.id)

    jobs = app.enqueue_many([each.call()] * 20)
    with working(app, threads=1):
        wait_for(app, jobs[-1].id)

    assert found == [JobState.SUCCEEDED] * 19


@pytest.mark.accepts("C4", "C3")
@pytest.mark.alone
def test_a_delayed_job_starts_when_it_is_due(app: Packhorse) -> None:
    """Never before its time, and at most 0.2 s after it, with no other traffic."""

    @app.task(name="later")
    def later() -> None: ...

    with working(app):
        jobs = [later.using(delay=timedelta(seconds=seconds)).enqueue() for seconds in (0.3, 1.2, 2.0)]
        records = [wait_for(app, job.id) for job in jobs]

    for record in records:
        assert record.started_at is not None
        assert record.scheduled_at is not None
        assert timedelta(0) <= record.started_at - record.scheduled_at <= timedelta(seconds=0.2)


@pytest.mark.accepts("C4", "T9")
@pytest.mark.alone
def test_without_notifications_a_job_is_found_within_the_poll_interval(app: Packhorse) -> None:
    """Nothing wakes the worker; it looks by itself, every time in time."""

    @app.task(name="found")
    def found() -> float:
        return time.monotonic()

    def latency() -> float:
        job = found.enqueue()
        committed = time.monotonic()
        return job.result(timeout=10) - committed

    with working(app, notifications=False, poll=0.2):
        latencies = [latency() for _ in range(6)]

    assert max(latencies) <= 0.2 + MARGIN


@pytest.mark.accepts("C26")
def test_slots_of_a_queue_bound_what_a_worker_takes_of_it(app: Packhorse) -> None:
    """`-q billing:2` in a worker with eight slots: two jobs of billing at once, while another queue uses the rest."""
    gate = Gate()

    @app.task(name="bill", queue="billing")
    def bill() -> None:
        gate.wait()

    @app.task(name="mail", queue="mail")
    def mail() -> str:
        return "sent"

    app.enqueue_many([bill.call()] * 6)
    with working(app, threads=8, queues={"billing": 2, "mail": None}):
        gate.reached(2)
        assert mail.enqueue().result(timeout=1) == "sent"
        assert len(app.list_jobs(state=JobState.EXECUTING, queue="billing")) == 2
        gate.open()
        wait_until(lambda: app.count_jobs()[JobState.SUCCEEDED] == 7, what="the end of all")


@pytest.mark.accepts("C26")
def test_free_slots_of_coroutines_are_no_room_for_functions(app: Packhorse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread ends 100 jobs in a second at most: about ten are taken at once, not one for each idle coroutine."""
    pause, taken, claim_jobs = threading.Event(), list[int](), app.engine.claim_jobs

    def noting(claim: Claim) -> list[ClaimedJob]:
        jobs = claim_jobs(claim)
        taken.append(len(jobs))
        return jobs

    monkeypatch.setattr(app.engine, "claim_jobs", noting)

    @app.task(name="idle")
    async def idle() -> None: ...

    @app.task(name="steady")
    def steady() -> None:
        pause.wait(0.01)

    jobs = app.enqueue_many([steady.call()] * 200)
    with working(app, threads=1, coroutines=100):
        wait_for(app, jobs[-1].id)

    assert max(taken) <= 20


@pytest.mark.accepts("C26")
def test_jobs_of_a_full_lane_stand_in_no_other_lane_s_way(app: Packhorse) -> None:
    """In one queue twice as many slow coroutines as quick functions: the threads are not idle until those go back."""
    pause, done = threading.Event(), list[int]()

    @app.task(name="slow")
    async def slow() -> None:
        await asyncio.sleep(0.5)

    @app.task(name="quick")
    def quick() -> None:
        pause.wait(0.003)
        done.append(1)

    app.enqueue_many([slow.call(), quick.call(), slow.call()] * 1000)
    with working(app, threads=4, coroutines=2):
        wait_until(lambda: len(done) == 1000, timeout=8, what="the quick ones")


@pytest.mark.accepts("C5")
def test_a_job_that_is_back_before_its_last_end_was_told_is_not_handed_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Middleware takes its time over the end of the first run, while the second one begins and goes on for long."""
    again, told, runs, reconciled = Gate(), Gate(), list[int](), list[int]()

    class Slow(Middleware):
        def finished(self, context: Context, ack: Ack) -> None:
            if ack.outcome == "retry":
                told.wait()

    app = Packhorse(database_url, middleware=[Slow()])
    app.engine.migrate()
    list_leased_jobs = app.engine.list_leased_jobs

    def noting(worker: int, limit: int) -> list[ClaimedJob]:
        reconciled.append(worker)
        return list_leased_jobs(worker, limit)

    monkeypatch.setattr(app.engine, "list_leased_jobs", noting)

    @app.task(name="retried")
    def retried() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise Retry(after=timedelta(0))
        again.wait()

    job = retried.enqueue()
    with working(app, threads=4, lease=1.0, beat=0.3, poll=0.05):
        again.reached()
        told.open()
        wait_until(lambda: len(reconciled) >= 3, what="looks at what this worker holds")
        again.open()
        assert wait_for(app, job.id).state is JobState.SUCCEEDED
    app.close()
    assert len(runs) == 2
