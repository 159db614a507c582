"""Jobs whose task no live worker knows: set aside, not lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.outcome import Unknown, WorkerLost
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.steps import claim, claim_one, enqueue, enqueue_one, ids_of, job_of, run_one
from packhorse.testing.contract.subject import EngineContract
from packhorse.testing.samples import TASK

UNKNOWN = "removed.task"


class ParkContract(EngineContract):
    """`park_jobs` and `unpark_jobs`."""

    @pytest.mark.accepts("C13")
    def test_parked_jobs_wait_with_the_reason(self, engine: Engine) -> None:
        """Blocked, no attempt used, the task named; claims do not see them."""
        ids = enqueue(engine, 3, task=UNKNOWN)
        assert engine.park_jobs("default", UNKNOWN, 10) == 3
        for id in ids:
            record = job_of(engine, id)
            assert (record.state, record.attempt) == (JobState.BLOCKED, 0)
            assert record.reason is not None
            assert UNKNOWN in record.reason
        assert claim(engine) == []

    @pytest.mark.accepts("C13")
    def test_only_available_jobs_of_that_task_in_that_queue_are_parked(self, engine: Engine) -> None:
        """Everything else stays as it is."""
        enqueue(engine, 2, task=UNKNOWN)
        running = ids_of(claim(engine, limit=1))
        others = [
            enqueue_one(engine),
            enqueue_one(engine, task=UNKNOWN, queue="mail"),
            enqueue_one(engine, task=UNKNOWN, delay=timedelta(hours=1)),
            *running,
        ]
        before = [job_of(engine, id) for id in others]
        assert engine.park_jobs("default", UNKNOWN, 10) == 1
        assert [job_of(engine, id) for id in others] == before

    @pytest.mark.accepts("C13")
    def test_a_suspect_may_be_parked_too(self, engine: Engine) -> None:
        """It is still a suspect when it comes back."""
        enqueue(engine, task=UNKNOWN)
        run_one(engine, WorkerLost("w"))
        assert engine.park_jobs("default", UNKNOWN, 10) == 1
        assert engine.unpark_jobs([UNKNOWN], 10) == 1
        assert claim_one(engine, suspects=True).crashes == 1

    @pytest.mark.accepts("C13")
    def test_unparked_jobs_are_available_in_their_old_places(self, engine: Engine) -> None:
        """Those of the named tasks, however they were parked; the reason is gone."""
        by_ack = enqueue_one(engine, task=UNKNOWN)
        run_one(engine, Unknown(UNKNOWN))
        by_hand = enqueue_one(engine, task=UNKNOWN)
        other = enqueue_one(engine, task="also.removed")
        engine.park_jobs("default", UNKNOWN, 10)
        engine.park_jobs("default", "also.removed", 10)
        assert engine.unpark_jobs([TASK, UNKNOWN], 10) == 2
        for id in (by_ack, by_hand):
            record = job_of(engine, id)
            assert (record.state, record.reason, record.attempt) == (JobState.AVAILABLE, None, 0)
        assert job_of(engine, other).state is JobState.BLOCKED
        newer = enqueue_one(engine)
        assert ids_of(claim(engine)) == [by_ack, by_hand, newer]

    @pytest.mark.accepts("C13")
    def test_never_more_than_the_limit(self, engine: Engine) -> None:
        """In both directions."""
        enqueue(engine, 5, task=UNKNOWN)
        assert [engine.park_jobs("default", UNKNOWN, 2) for _ in range(4)] == [2, 2, 1, 0]
        assert [engine.unpark_jobs([UNKNOWN], 2) for _ in range(4)] == [2, 2, 1, 0]

    @pytest.mark.accepts("C13")
    def test_a_glance_names_the_tasks_of_parked_jobs(self, engine: Engine) -> None:
        """Each once, and none when all are available again."""
        enqueue(engine, 2, task=UNKNOWN)
        enqueue(engine, 1, task="also.removed")
        for task in (UNKNOWN, "also.removed"):
            engine.park_jobs("default", task, 10)
        assert sorted(engine.glance(1).parked_tasks) == ["also.removed", UNKNOWN]
        engine.unpark_jobs([UNKNOWN, "also.removed"], 10)
        assert list(engine.glance(1).parked_tasks) == []

    def test_no_tasks_unpark_nothing(self, engine: Engine) -> None:
        """A worker without tasks is allowed."""
        enqueue(engine, task=UNKNOWN)
        engine.park_jobs("default", UNKNOWN, 1)
        assert engine.unpark_jobs([], 10) == 0
