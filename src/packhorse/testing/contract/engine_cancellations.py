"""What runs can be asked to stop: the worker hears of it, and the job does not run again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.outcome import Fail, Outcome, Retry, Skip, Success, Unknown, Unstarted, WorkerLost
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.steps import acknowledge, claim, claim_one, enqueue, enqueue_one, ids_of, job_of
from packhorse.testing.contract.subject import EngineContract
from packhorse.testing.samples import TASK

AGAIN = (Retry("later"), Skip("not now"), Unstarted(), Unknown(TASK), WorkerLost("w"))


class CancellationContract(EngineContract):
    """Jobs that are to be cancelled while they run."""

    @pytest.mark.accepts("C17")
    def test_a_worker_hears_of_its_own_jobs(self, engine: Engine) -> None:
        """Of those under its leases that somebody has asked to stop, with who did; of no others."""
        mine, other, untouched = enqueue(engine, 3)
        [first, second, third] = [*claim(engine, worker=1, limit=1), *claim(engine, worker=2, limit=1), *claim(engine)]
        assert ids_of([first, second, third]) == [mine, other, untouched]
        assert engine.list_cancelled_runs(1) == []
        assert engine.cancel_jobs([mine, other], "ann").asked == {mine, other}
        [told] = engine.list_cancelled_runs(1)
        assert (told.id, told.lease, told.attempt, told.cancelled_by) == (mine, first.lease, 1, "ann")
        assert [job.cancelled_by for job in engine.list_leased_jobs(1, 10)] == ["ann", None]

    def test_a_nameless_request_is_somebodys(self, engine: Engine) -> None:
        """A worker can always say who it was."""
        id = enqueue_one(engine)
        claim_one(engine)
        engine.cancel_jobs([id])
        assert [job.cancelled_by for job in engine.list_cancelled_runs(1)] == ["somebody"]

    @pytest.mark.accepts("C17")
    @pytest.mark.parametrize("outcome", AGAIN, ids=lambda outcome: type(outcome).__name__)
    def test_it_does_not_run_again(self, engine: Engine, outcome: Outcome) -> None:
        """Whoever did not know of it is refused, and leaves no trace; whoever knows then cancels the job."""
        id = enqueue_one(engine)
        job = claim_one(engine)
        engine.cancel_jobs([id], "ann")
        assert not acknowledge(engine, job, outcome)
        assert job_of(engine, id).state is JobState.EXECUTING
        assert engine.list_attempts(id) == []
        [told] = engine.list_cancelled_runs(1)
        assert acknowledge(engine, told, outcome)
        record = job_of(engine, id)
        assert (record.state, (record.reason or "").partition(";")[0].replace(" before it ran", "")) == (
            JobState.CANCELLED,
            "cancelled by ann",
        )
        assert len(engine.list_attempts(id)) == (0 if isinstance(outcome, Unstarted | Unknown) else 1)
        assert engine.list_cancelled_runs(1) == []

    @pytest.mark.parametrize("outcome", [Success(), Fail("broken")], ids=lambda outcome: type(outcome).__name__)
    def test_an_end_is_an_end(self, engine: Engine, outcome: Outcome) -> None:
        """A run that came to its end before anybody told the worker is recorded as it ended."""
        id = enqueue_one(engine)
        job = claim_one(engine)
        engine.cancel_jobs([id], "ann")
        assert acknowledge(engine, job, outcome)
        assert job_of(engine, id).state in (JobState.SUCCEEDED, JobState.FAILED)
        assert engine.list_cancelled_runs(1) == []

    def test_a_job_that_comes_back_later_is_not_cancelled_for_ever(self, engine: Engine) -> None:
        """Retried by an operator it runs like any other."""
        id = enqueue_one(engine)
        claim_one(engine)
        engine.cancel_jobs([id], "ann")
        [told] = engine.list_cancelled_runs(1)
        acknowledge(engine, told, Retry(after=timedelta(0)))
        assert engine.retry_jobs([id]).retried == {id}
        again = claim_one(engine)
        assert engine.list_cancelled_runs(1) == []
        assert acknowledge(engine, again, Retry(after=timedelta(0)))
        assert job_of(engine, id).state is JobState.SCHEDULED
