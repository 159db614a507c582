"""What people do with jobs: cancel those that wait, bring back those that are over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.job import ClaimedJob
from packhorse.domain.outcome import Cancel, Fail, Failure, Outcome, Skip, Success, WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.operations import Cancelled
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    enqueue,
    enqueue_one,
    ids_of,
    job_of,
    run_one,
)
from packhorse.testing.contract.subject import EngineContract
from packhorse.testing.samples import ERROR, TASK

HOUR = timedelta(hours=1)


class CancelContract(EngineContract):
    """`cancel_jobs`."""

    def test_a_job_that_waits_is_cancelled(self, engine: Engine) -> None:
        """Blocked, scheduled or available: it becomes `cancelled`, keeps what it was, and is never claimed."""
        blocked = enqueue_one(engine)
        engine.park_jobs("default", TASK, 10)
        scheduled = enqueue_one(engine, delay=HOUR)
        available = enqueue_one(engine, args="[7]")
        ids = [blocked, scheduled, available]
        assert engine.cancel_jobs(ids).cancelled == set(ids)
        assert {job_of(engine, id).state for id in ids} == {JobState.CANCELLED}
        record = job_of(engine, available)
        assert (record.args, record.attempt) == ("[7]", 0)
        assert record.finished_at is not None
        assert claim(engine) == []
        assert engine.stage_jobs(10) == engine.unpark_jobs([TASK], 10) == 0

    def test_a_job_that_runs_or_is_over_is_not(self, engine: Engine) -> None:
        """Nor one that does not exist; nothing about them changes, and only those cancelled are named.

        One that runs is not even asked to stop where that is not wanted.
        """
        enqueue(engine, 2)
        done, running = claim(engine)
        acknowledge(engine, done, Success())
        waiting = enqueue_one(engine)
        before = [job_of(engine, job.id) for job in (done, running)]
        assert engine.cancel_jobs([done.id, running.id, waiting, 10**9], running=False) == Cancelled(
            frozenset({waiting})
        )
        assert [job_of(engine, job.id) for job in (done, running)] == before
        assert acknowledge(engine, running, Success())

    def test_a_job_is_cancelled_once(self, engine: Engine) -> None:
        """The second call has nothing to do; an empty one neither."""
        id = enqueue_one(engine)
        assert engine.cancel_jobs([id]) == Cancelled(frozenset({id}))
        assert engine.cancel_jobs([id]) == engine.cancel_jobs([]) == Cancelled()

    def test_a_job_that_runs_is_asked_to_stop(self, engine: Engine) -> None:
        """It goes on until its worker sees that; who asked again is told the same."""
        job = self._running(engine)
        waiting = enqueue_one(engine)
        assert engine.cancel_jobs([job.id, waiting], "kim", "too dear") == Cancelled(
            frozenset({waiting}), frozenset({job.id})
        )
        assert engine.cancel_jobs([job.id], "robin") == Cancelled(asked=frozenset({job.id}))
        record = job_of(engine, job.id)
        assert (record.state, record.cancelled_by) == (JobState.EXECUTING, "kim: too dear")
        assert record.cancel_at is not None
        assert {job.id: job.cancelled_by for job in engine.list_cancelled_runs(1)} == {job.id: "kim: too dear"}

    def test_who_cancelled_a_job_and_why_is_its_reason(self, engine: Engine) -> None:
        """Whatever was typed there."""
        ids = enqueue(engine, 3)
        engine.cancel_jobs(ids[:1], "kim", "the prices were wrong")
        engine.cancel_jobs(ids[1:2], "kim")
        engine.cancel_jobs(ids[2:], why="\0\ud800")
        reasons = [job_of(engine, id).reason for id in ids]
        assert reasons[:2] == ["cancelled by kim: the prices were wrong", "cancelled by kim"]
        assert reasons[2] == "cancelled by somebody: \\x00\\ud800"

    def _running(self, engine: Engine) -> ClaimedJob:
        enqueue_one(engine)
        return claim_one(engine)

    def test_thousands_are_cancelled_in_one_call(self, engine: Engine) -> None:
        """As many as were enqueued in one."""
        ids = enqueue(engine, 5000)
        assert engine.cancel_jobs(ids).cancelled == set(ids)


class RetryContract(EngineContract):
    """`retry_jobs`."""

    @pytest.mark.parametrize("end", [Fail("broken"), Cancel("not wanted")], ids=lambda outcome: type(outcome).__name__)
    def test_a_failed_or_cancelled_job_comes_back_under_its_id(self, engine: Engine, end: Outcome) -> None:
        """Available, with what it was enqueued with, and no longer among the finished ones."""
        id = enqueue_one(engine, args='["ü"]', kwargs="{}", meta='{"a":1}', priority=3, max_attempts=4)
        before = job_of(engine, id)
        run_one(engine, end)
        assert engine.retry_jobs([id]).retried == {id}
        after = job_of(engine, id)
        assert (after.state, after.finished_at, after.result) == (JobState.AVAILABLE, None, None)
        for name in ("task", "queue", "args", "kwargs", "meta", "priority", "max_attempts", "enqueued_at"):
            assert getattr(after, name) == getattr(before, name)
        assert {name: count for name, count in engine.count_jobs().items() if count} == {JobState.AVAILABLE: 1}
        assert ids_of(claim(engine)) == [id]

    def test_it_has_all_attempts_before_it(self, engine: Engine) -> None:
        """Failures, skips and crashes begin anew, so it is no suspect; the history stays, and its runs count on."""
        id = enqueue_one(engine, max_attempts=2)
        run_one(engine, WorkerLost("w"))
        run_one(engine, Skip(), suspects=True, policy=RetryPolicy(max_skips=0))
        assert job_of(engine, id).state is JobState.FAILED
        assert engine.retry_jobs([id]).retried == {id}
        job = claim_one(engine)
        assert (job.failures, job.skips, job.crashes, job.attempt) == (0, 0, 0, 3)
        assert acknowledge(engine, job, Failure(ERROR))
        assert job_of(engine, id).state is JobState.SCHEDULED
        assert [attempt.outcome for attempt in engine.list_attempts(id)] == ["crash", "fail", "retry"]

    def test_a_job_that_was_cancelled_while_it_waited_comes_back(self, engine: Engine) -> None:
        """It was never run; what was scheduled for later is now available."""
        ids = [enqueue_one(engine), enqueue_one(engine, delay=HOUR)]
        engine.cancel_jobs(ids)
        assert engine.retry_jobs(ids).retried == set(ids)
        assert {job_of(engine, id).state for id in ids} == {JobState.AVAILABLE}
        assert {job.attempt for job in claim(engine)} == {1}

    def test_other_jobs_are_left(self, engine: Engine) -> None:
        """One that succeeded, lives or does not exist; only those brought back are named."""
        enqueue(engine, 3)
        succeeded, failed, running = claim(engine)
        acknowledge(engine, succeeded, Success())
        acknowledge(engine, failed, Fail())
        waiting = enqueue_one(engine)
        asked = [succeeded.id, failed.id, running.id, waiting, 10**9]
        assert engine.retry_jobs(asked).retried == {failed.id}
        assert engine.retry_jobs(asked).retried == engine.retry_jobs([]).retried == set()
        assert job_of(engine, succeeded.id).state is JobState.SUCCEEDED
        assert job_of(engine, running.id).state is JobState.EXECUTING

    def test_thousands_are_brought_back_in_one_call(self, engine: Engine) -> None:
        """As many as were cancelled in one."""
        ids = enqueue(engine, 5000)
        engine.cancel_jobs(ids)
        assert engine.retry_jobs(ids).retried == set(ids)
        assert engine.count_jobs()[JobState.AVAILABLE] == 5000
