"""Random lives of many jobs, compared with a model after every step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack, decide
from packhorse.domain.job import ClaimedJob, NewJob
from packhorse.domain.outcome import (
    Cancel,
    Fail,
    Failure,
    Outcome,
    Retry,
    Skip,
    Success,
    Unknown,
    Unstarted,
    WorkerLost,
)
from packhorse.domain.retry import Backoff, RetryPolicy
from packhorse.domain.state import JobState
from packhorse.engine import Engine, JobFilter
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.testing.samples import ERROR, new_jobs, new_lease
from tests.integration.reference import Reference, is_about
from tests.opening import open_engine

HALF, MINUTE = timedelta(seconds=30), timedelta(minutes=1)
"""Delays are odd numbers of half minutes and the clock moves by whole minutes, so no job is due within a few seconds
of the moment at which the test looks: the test's own duration decides nothing."""
POLICY = RetryPolicy(max_attempts=3, max_crashes=2, max_skips=2, backoff=Backoff(HALF, HALF, jitter=0))
ALL = 1000
TABLES = ("attempt", "finished", "job", "tally")

queues = st.sampled_from(["billing", "mail"])
tasks = st.sampled_from(["shop.send", "shop.print", "removed"])
workers = st.integers(1, 2)
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(
    [
        *(Success("1"), Failure(ERROR), Failure(ERROR, counted=False), Failure(ERROR, Fail())),
        *(Retry("r", after=3 * HALF), Skip("s", after=HALF), Fail("f"), Cancel("c"), Unstarted(), Unknown("removed")),
    ]
)


class Lives(RuleBasedStateMachine):
    """The steps that jobs are taken through."""

    engine: SqliteEngine | PostgresEngine
    jobs: Bundle[int] = Bundle("jobs")
    runs: Bundle[ClaimedJob] = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.model = Reference()
        self.offset = timedelta(0)

    @initialize()
    def begin(self) -> None:
        """With an empty queue and the right time."""
        self.engine.move_clock(timedelta(0))
        empty(self.engine)

    @rule(
        target=jobs,
        count=st.integers(1, 3),
        queue=queues,
        task=tasks,
        priority=st.sampled_from([1, 5]),
        delay=st.sampled_from([None, None, HALF, 3 * HALF]),
        expected_in=st.sampled_from([None, None, -HALF, HALF]),
    )
    def enqueue(self, count: int, **options: Any) -> MultipleResults[int]:
        """A few jobs that commit."""
        ids = self.engine.insert_jobs(new_jobs(count, **options))
        for id in ids:
            record = self.engine.find_job(id)
            assert record is not None
            assert record.order_at == record.enqueued_at + (options["expected_in"] or options["delay"] or 0 * HALF)
            assert record.state is (JobState.SCHEDULED if options["delay"] else JobState.AVAILABLE)
            self.model.insert(record)
        return multiple(*ids)

    @rule(queue=queues, count=st.integers(1, 3))
    def enqueue_in_vain(self, queue: str, count: int) -> None:
        """A few jobs whose transaction is rolled back."""
        transaction = self.engine.begin()
        rows = transaction.run(self.engine.insert_statement([NewJob(task="ghost", queue=queue)] * count))
        transaction.rollback()
        assert len(rows) == count

    @rule(
        target=runs,
        worker=workers,
        queue=queues,
        limit=st.integers(1, 4),
        others=st.frozensets(tasks, max_size=1),
        suspects=st.sampled_from([False, False, True]),
    )
    def claim(
        self, worker: int, queue: str, limit: int, others: frozenset[str], *, suspects: bool
    ) -> MultipleResults[ClaimedJob]:
        """The most urgent ones, in order."""
        lease = new_lease(worker)
        claim = Claim(lease=lease, queue=queue, limit=limit, other_tasks=others, suspects=suspects)
        claimed = self.engine.claim_jobs(claim)
        assert [job.id for job in claimed] == self.model.claim(queue, limit, lease, others, suspects=suspects)
        for job in claimed:
            known = self.model.jobs[job.id]
            assert (job.attempt, job.failures, job.skips) == (known.attempt, known.failures, known.skips)
            assert (job.crashes, job.lease, job.order_at) == (known.crashes, lease, known.order_at)
        return multiple(*claimed)

    @rule(runs=st.lists(st.tuples(runs, outcomes), min_size=1, max_size=4, unique_by=lambda run: run[0].id))
    def acknowledge(self, runs: list[tuple[ClaimedJob, Outcome]]) -> None:
        """Runs of any time, also of workers that were given up long ago."""
        acks = [decide(job, outcome, POLICY, 0.5) for job, outcome in runs]
        expected = {ack.job_id for ack in acks if self.model.accepts(ack)}
        assert self.engine.ack_jobs(acks) == expected
        self._follow(ack for ack in acks if ack.job_id in expected)

    @rule(job=runs, outcome=outcomes, commits=st.booleans())
    def acknowledge_in_a_transaction(self, job: ClaimedJob, outcome: Outcome, *, commits: bool) -> None:
        """One run; undone when it is refused."""
        ack = decide(job, outcome, POLICY, 0.5)
        expected = self.model.accepts(ack)
        accepted = self._run_in_a_transaction(ack, commits=expected and commits)
        assert accepted == expected
        if accepted and commits:
            self._follow([ack])

    @rule(worker=workers)
    def crash_and_rescue(self, worker: int) -> None:
        """The worker's jobs are given to others; what it says afterwards is refused."""
        leased = self.engine.list_leased_jobs(worker, ALL)
        assert [job.id for job in leased] == self.model.leased(worker)
        acks = [decide(job, WorkerLost("w"), POLICY, 0.5) for job in leased]
        assert self.engine.ack_jobs(acks) == {job.id for job in leased}
        self._follow(acks)

    @rule(minutes=st.integers(1, 3))
    def let_time_pass(self, minutes: int) -> None:
        """By the database's clock."""
        self.offset += minutes * MINUTE
        self.engine.move_clock(self.offset)

    @rule()
    def stage(self) -> None:
        """What is due becomes available."""
        assert self.engine.stage_jobs(ALL) == self.model.stage(self._now())

    @rule(queue=queues, task=tasks)
    def park(self, queue: str, task: str) -> None:
        """As a worker does when nobody knows the task."""
        expected = self.model.move(task, queue, JobState.AVAILABLE, JobState.BLOCKED)
        assert self.engine.park_jobs(queue, task, ALL) == expected

    @rule(task=tasks)
    def unpark(self, task: str) -> None:
        """As a worker does that knows it."""
        assert self.engine.unpark_jobs([task], ALL) == self.model.move(task, None, JobState.BLOCKED, JobState.AVAILABLE)

    @rule(ids=st.lists(jobs, max_size=4))
    def cancel(self, ids: list[int]) -> None:
        """Those that wait."""
        assert self.engine.cancel_jobs(ids, running=False).cancelled == self.model.cancel(ids)

    @rule(ids=st.lists(jobs, max_size=4))
    def retry(self, ids: list[int]) -> None:
        """Those that failed or were cancelled."""
        expected = self.model.retry(ids)
        assert self.engine.retry_jobs(ids).retried == expected
        for id in expected:
            record = self.engine.find_job(id)
            assert record is not None
            self.model.reorder(id, record.order_at)

    @rule(ids=st.lists(jobs, max_size=3))
    def hold(self, ids: list[int]) -> None:
        """Those that wait."""
        assert self.engine.hold_jobs(ids) == self.model.hold(ids)

    @rule(ids=st.lists(jobs, max_size=6))
    def release(self, ids: list[int]) -> None:
        """Those that are held."""
        assert self.engine.release_jobs(ids) == self.model.release(ids, self._now())

    @invariant()
    def agree_on_what_there_is_to_do(self) -> None:
        """Counts and the glance of a worker."""
        assert self.engine.count_jobs() == self.model.counts()
        glance, ready = self.engine.glance(1), self.model.in_state(JobState.AVAILABLE)
        assert set(glance.ready_queues) == {job.queue for job in ready if not job.crashes}
        assert set(glance.suspect_queues) == {job.queue for job in ready if job.crashes}
        assert set(glance.parked_tasks) == {
            job.task for job in self.model.in_state(JobState.BLOCKED) if not job.is_held
        }
        holders = {worker for worker in (1, 2) if self.model.leased(worker)}
        assert {record.id for record in self.engine.list_lost_workers()} == holders
        due = self.model.next_due()
        assert (glance.due_in is None) == (due is None)
        assert due is None or glance.due_in is None or is_about(self._now() + glance.due_in, due)

    def teardown(self) -> None:
        """In the end every job, and its history, is as it should be."""
        records = {record.id: record for record in self.engine.list_jobs(JobFilter(limit=ALL))}
        assert records.keys() == self.model.jobs.keys()
        for id, known in self.model.jobs.items():
            record = records[id]
            for name in ("state", "queue", "task", "priority", "attempt", "failures", "skips", "crashes", "order_at"):
                assert getattr(record, name) == getattr(known, name), name
            assert (record.finished_at is not None) == known.state.is_final
            history = [(attempt.attempt, attempt.outcome) for attempt in self.engine.list_attempts(id)]
            assert history == list(known.history)

    def _follow(self, accepted: Iterator[Ack] | list[Ack]) -> None:
        """Let the model do what the engine did; a new time is the database's, and is what was asked for."""
        for ack in accepted:
            record = self.engine.find_job(ack.job_id)
            assert record is not None
            if ack.delay is not None:
                assert is_about(record.order_at, self._now() + ack.delay)
            self.model.acknowledge(ack, record.order_at)

    def _run_in_a_transaction(self, ack: Ack, *, commits: bool) -> bool:
        """Whether the acknowledgement was accepted."""
        transaction = self.engine.begin()
        try:
            rows = [row for statement in self.engine.ack_statements(ack) for row in transaction.run(statement)]
            if commits:
                transaction.commit()
        finally:
            transaction.rollback()
        return bool(rows)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.offset


def empty(engine: Engine) -> None:
    """Remove all jobs."""
    prefix = {"sqlite": "packhorse_", "postgresql": "packhorse."}[engine.dialect]
    transaction = engine.begin()
    for table in TABLES:
        transaction.execute(f"DELETE FROM {prefix}{table}")  # noqa: S608 - names of our own
    transaction.commit()


@pytest.mark.accepts("C2", "C3", "C5", "C6", "C8", "C13")
def test_every_life_of_a_job_is_as_in_the_model(database_url: str) -> None:
    """Enqueued, undone, claimed, acknowledged in time or late, rescued, staged, parked, held, cancelled, retried."""
    engine = open_engine(database_url)
    engine.migrate()
    machine = type("Lives", (Lives,), {"engine": engine})
    run_machine(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            print_blob=True,
        ),
    )
    engine.close()
