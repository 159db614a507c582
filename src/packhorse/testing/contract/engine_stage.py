"""Jobs become due: scheduled → available."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.outcome import Failure, Skip
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.steps import claim, claim_one, enqueue, enqueue_one, ids_of, job_of, run_one
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import ERROR

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class StageContract(EngineContract):
    """`stage_jobs`, and how `glance` announces the next one."""

    @pytest.mark.accepts("C3")
    def test_a_job_is_never_available_before_its_time(self, engine: Engine, clock: Clock) -> None:
        """By the database's clock: a minute early it is left, when it is due it is taken, once."""
        id = enqueue_one(engine, delay=HOUR)
        clock.advance(HOUR - 60 * SECOND)
        assert engine.stage_jobs(10) == 0
        assert claim(engine) == []
        clock.advance(60 * SECOND)
        assert engine.stage_jobs(10) == 1
        assert engine.stage_jobs(10) == 0
        assert ids_of(claim(engine)) == [id]

    @pytest.mark.accepts("C3")
    def test_a_staged_job_keeps_its_place(self, engine: Engine, clock: Clock) -> None:
        """It comes before what was enqueued after its time, and behind what was wanted earlier."""
        late = enqueue_one(engine, delay=2 * HOUR)
        early = enqueue_one(engine, delay=HOUR)
        first = enqueue_one(engine)
        clock.advance(3 * HOUR)
        last = enqueue_one(engine)
        assert engine.stage_jobs(10) == 2
        assert ids_of(claim(engine)) == [first, early, late, last]

    def test_never_more_than_the_limit(self, engine: Engine, clock: Clock) -> None:
        """The rest comes with the next call."""
        enqueue(engine, 5, delay=HOUR)
        clock.advance(HOUR)
        assert [engine.stage_jobs(2) for _ in range(4)] == [2, 2, 1, 0]

    def test_only_scheduled_jobs_are_staged(self, engine: Engine) -> None:
        """Whatever else waits is left."""
        enqueue(engine, 3)
        engine.park_jobs("default", "shop.jobs.send_invoice", 1)
        claim(engine, limit=1)
        assert engine.stage_jobs(10) == 0

    @pytest.mark.accepts("C8")
    def test_a_retry_and_a_skip_come_back_after_their_delay(self, engine: Engine, clock: Clock) -> None:
        """2 s after the first failure, 12.345 s after that skip; the counters come along."""
        enqueue(engine)
        run_one(engine, Failure(ERROR))
        clock.advance(2 * SECOND)
        assert engine.stage_jobs(10) == 1
        run_one(engine, Skip("test-skip", after=12.345 * SECOND))
        clock.advance(11 * SECOND)
        assert engine.stage_jobs(10) == 0
        clock.advance(2 * SECOND)
        assert engine.stage_jobs(10) == 1
        job = claim_one(engine)
        assert (job.attempt, job.failures, job.skips) == (3, 1, 1)

    def test_a_glance_says_when_the_next_job_is_due(self, engine: Engine, clock: Clock) -> None:
        """None without one; the soonest of several; not above zero once it is overdue; the next one after staging."""
        assert engine.glance(1).due_in is None
        enqueue_one(engine, delay=3 * HOUR)
        enqueue_one(engine, delay=HOUR)
        due = engine.glance(1).due_in
        assert due is not None
        assert HOUR - 60 * SECOND < due <= HOUR
        clock.advance(HOUR)
        due = engine.glance(1).due_in
        assert due is not None
        assert due <= timedelta(0)
        engine.stage_jobs(10)
        due = engine.glance(1).due_in
        assert due is not None
        assert due > HOUR

    def test_staging_leaves_the_times_on_record(self, engine: Engine, clock: Clock) -> None:
        """When it was scheduled for can still be read."""
        id = enqueue_one(engine, delay=HOUR)
        before = job_of(engine, id)
        clock.advance(HOUR)
        engine.stage_jobs(1)
        after = job_of(engine, id)
        assert after.state is JobState.AVAILABLE
        assert (after.scheduled_at, after.order_at) == (before.scheduled_at, before.order_at)
