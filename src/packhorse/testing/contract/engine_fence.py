"""The fence: an acknowledgement counts only under the lease that the job has now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack
from packhorse.domain.job import ClaimedJob, Lease
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
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.steps import acknowledge, claim_one, decided, enqueue_one, job_of
from packhorse.testing.contract.subject import EngineContract
from packhorse.testing.samples import ERROR, TASK

OUTCOMES: list[Outcome] = [
    *(Success("1"), Failure(ERROR), Retry(after=timedelta(0)), Skip(), Fail(), Cancel()),
    *(Unstarted(), Unknown(TASK), WorkerLost("w")),
]
each_outcome: pytest.MarkDecorator = pytest.mark.parametrize(
    "outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__
)


def claim_under(engine: Engine, lease: Lease, *, suspects: bool = False) -> ClaimedJob:
    """Claim the one job that there is under this very lease."""
    [job] = engine.claim_jobs(Claim(lease=lease, queue="default", limit=1, suspects=suspects))
    return job


def is_refused(engine: Engine, ack: Ack) -> bool:
    """Whether both ways to acknowledge refuse it, and nothing about the job has changed."""
    before = (engine.find_job(ack.job_id), engine.list_attempts(ack.job_id))
    accepted = engine.ack_jobs([ack])
    transaction = engine.begin()
    rows = [row for statement in engine.ack_statements(ack) for row in transaction.run(statement)]
    transaction.rollback()
    assert (engine.find_job(ack.job_id), engine.list_attempts(ack.job_id)) == before
    return not accepted and not rows


class FenceContract(EngineContract):
    """Acks that come too late, by `ack_jobs` and by `ack_statements`."""

    @pytest.mark.accepts("C5")
    @each_outcome
    def test_not_after_the_job_was_rescued(self, engine: Engine, outcome: Outcome) -> None:
        """It waits for somebody else."""
        id = enqueue_one(engine)
        job = claim_one(engine)
        acknowledge(engine, job, WorkerLost("w"))
        assert is_refused(engine, decided(job, outcome))
        assert job_of(engine, id).state is JobState.AVAILABLE

    @pytest.mark.accepts("C5")
    @each_outcome
    def test_not_while_another_worker_runs_it(self, engine: Engine, outcome: Outcome) -> None:
        """The other's acknowledgement is accepted all the same."""
        enqueue_one(engine)
        old = claim_under(engine, Lease(1, 1))
        acknowledge(engine, old, WorkerLost("w"))
        current = claim_under(engine, Lease(2, 1), suspects=True)
        assert is_refused(engine, decided(old, outcome))
        assert acknowledge(engine, current, Success())

    @pytest.mark.accepts("C5")
    @each_outcome
    def test_not_after_the_same_worker_claimed_it_anew(self, engine: Engine, outcome: Outcome) -> None:
        """Its later claim has a greater number."""
        enqueue_one(engine)
        old = claim_under(engine, Lease(1, 1))
        acknowledge(engine, old, WorkerLost("w"))
        current = claim_under(engine, Lease(1, 2), suspects=True)
        assert is_refused(engine, decided(old, outcome))
        assert acknowledge(engine, current, Success())

    @pytest.mark.accepts("C5")
    @each_outcome
    @pytest.mark.parametrize("end", [Success(), Fail(), Cancel()], ids=lambda outcome: type(outcome).__name__)
    def test_not_after_the_job_has_finished(self, engine: Engine, outcome: Outcome, end: Outcome) -> None:
        """However it ended: what is finished stays as it is."""
        enqueue_one(engine)
        job = claim_one(engine)
        acknowledge(engine, job, end)
        assert is_refused(engine, decided(job, outcome))

    @pytest.mark.accepts("C5")
    def test_not_for_a_run_that_was_already_acknowledged(self, engine: Engine) -> None:
        """An ack that is sent again because its answer was lost does no harm to what came after it."""
        id = enqueue_one(engine)
        ack = decided(claim_one(engine), Retry(after=timedelta(0)))
        assert engine.ack_jobs([ack]) == {id}
        assert is_refused(engine, ack)
        engine.stage_jobs(1)
        claim_one(engine)
        assert is_refused(engine, ack)
        assert len(engine.list_attempts(id)) == 1

    @pytest.mark.accepts("C5")
    def test_not_after_it_was_retried_by_hand(self, engine: Engine) -> None:
        """A person brought the failed job back; the old run has no say in it."""
        id = enqueue_one(engine)
        job = claim_one(engine)
        acknowledge(engine, job, Fail())
        assert engine.retry_jobs([id]).retried == {id}
        assert is_refused(engine, decided(job, Success()))

    @pytest.mark.accepts("C5")
    def test_not_with_half_a_lease(self, engine: Engine) -> None:
        """Worker and number must both be those of the claim; big numbers are told apart to the last digit."""
        enqueue_one(engine)
        lease = Lease(2**63 - 1, 2**31 - 1)
        job = claim_under(engine, lease)
        for wrong in (Lease(lease.worker - 1, lease.number), Lease(lease.worker, lease.number - 1)):
            ack = decided(job, Success())
            assert is_refused(engine, replace(ack, lease=wrong))
        assert acknowledge(engine, job, Success())

    @pytest.mark.accepts("C5")
    def test_not_for_a_job_that_does_not_exist(self, engine: Engine) -> None:
        """Nothing is stored for it."""
        enqueue_one(engine)
        job = claim_one(engine)
        ack = decided(job, Fail())
        ghost = replace(ack, job_id=job.id + 1)
        assert is_refused(engine, ghost)
