"""Acknowledgements of jobs whose cancellation was asked just before: the database refuses to let those run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from packhorse.cancellations import Cancellations
from packhorse.domain.decide import Ack, withdrawn
from packhorse.domain.job import ClaimedJob, Lease
from packhorse.engine import JobStore


class AckStore(JobStore, Cancellations, Protocol):
    """Where acknowledgements go."""


def send_acks(store: AckStore, acks: Sequence[Ack]) -> set[int]:
    """Record how runs ended; the ids of those accepted, be it as cancelled because somebody had asked for that."""
    accepted = store.ack_jobs(acks)
    if len(accepted) == len(acks):
        return accepted
    again = _withdrawn(store, [ack for ack in acks if ack.job_id not in accepted])
    return accepted | store.ack_jobs(again) if again else accepted


def _withdrawn(store: AckStore, refused: Sequence[Ack]) -> list[Ack]:
    """Of refused ones, those of jobs that are to be cancelled, saying so now."""
    running_again = [ack for ack in refused if not ack.state.is_final]
    asked: dict[tuple[int, Lease], ClaimedJob] = {
        (job.id, job.lease): job
        for worker in {ack.lease.worker for ack in running_again}
        for job in store.list_cancelled_runs(worker)
    }
    return [withdrawn(ack, asked[key]) for ack in running_again if (key := (ack.job_id, ack.lease)) in asked]
