"""The steps that the suites' tests are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import pytest

from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack, decide
from packhorse.domain.job import ClaimedJob, JobRecord, Keys, NewJob
from packhorse.domain.outcome import Outcome, Success, Unstarted, WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.worker import NewWorker, WorkerRecord
from packhorse.engine import Engine
from packhorse.testing.contract.subject import ProducerConnection
from packhorse.testing.samples import new_job, new_jobs, new_lease, new_worker

POLICY = RetryPolicy()
PROBE = "probe"
PAUSE = 0.005
"""Seconds between two looks at a condition."""


def eventually(condition: Callable[[], bool], what: str, timeout: float = 15.0) -> None:
    """Wait until the condition holds, at most `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain until {what}"
        time.sleep(PAUSE)


def enqueue(engine: Engine, count: int = 1, **changes: Any) -> list[int]:
    """Store jobs that differ only in their argument; their ids."""
    return engine.insert_jobs(new_jobs(count, **changes))


def enqueue_one(engine: Engine, **changes: Any) -> int:
    """Store one job; its id."""
    [id] = engine.insert_jobs([new_job(**changes)])
    return id


def claim(
    engine: Engine,
    *,
    worker: int = 1,
    queue: str = "default",
    limit: int = 100,
    other_tasks: Iterable[str] = (),
    **where: Any,
) -> list[ClaimedJob]:
    """Claim under a new lease of the worker; `where` are further fields of `Claim`."""
    others = frozenset(other_tasks)
    return engine.claim_jobs(Claim(lease=new_lease(worker), queue=queue, limit=limit, other_tasks=others, **where))


def claim_one(engine: Engine, **options: Any) -> ClaimedJob:
    """Claim the one job that there is."""
    [job] = claim(engine, **options)
    return job


def ids_of(jobs: Iterable[ClaimedJob]) -> list[int]:
    """The ids, in the order of the claim."""
    return [job.id for job in jobs]


def decided(job: ClaimedJob, outcome: Outcome, policy: RetryPolicy = POLICY) -> Ack:
    """The acknowledgement of an outcome, without jitter."""
    return decide(job, outcome, policy, 0.5)


def acknowledge(engine: Engine, job: ClaimedJob, outcome: Outcome, policy: RetryPolicy = POLICY) -> bool:
    """Acknowledge one run; whether it was accepted."""
    return engine.ack_jobs([decided(job, outcome, policy)]) == {job.id}


def run_one(engine: Engine, outcome: Outcome, policy: RetryPolicy = POLICY, **options: Any) -> ClaimedJob:
    """Claim the one job that there is and acknowledge it."""
    job = claim_one(engine, **options)
    assert acknowledge(engine, job, outcome, policy)
    return job


def rescue(engine: Engine, worker: int) -> set[int]:
    """What a rescuer does for a lost worker; the ids of the jobs rescued."""
    leased = engine.list_leased_jobs(worker, 1000)
    return engine.ack_jobs([decided(job, WorkerLost(str(worker))) for job in leased])


def store_on(producer: ProducerConnection, engine: Engine, jobs: Sequence[NewJob]) -> list[int]:
    """Store jobs with keys over the producer's own connection, as an enqueue on it does; their ids."""
    storing = engine.storing(jobs)
    try:
        rows = producer.run(next(storing))
        while True:
            rows = producer.run(storing.send(rows))
    except StopIteration as end:
        ids: list[int] = end.value
        return ids


def settle(engine: Engine) -> None:
    """What a worker does when a glance says that it is to be settled whose turn it is."""
    for _ in range(100):
        if not engine.glance(1).has_turns:
            return
        engine.release_followers(1000)
        engine.admit_jobs(1000)
    pytest.fail("there is always something more to settle")


def line(engine: Engine, count: int, keys: Keys, **changes: Any) -> list[int]:
    """Store jobs with these keys, and settle whose turn it is."""
    ids = enqueue(engine, count, keys=keys, **changes)
    settle(engine)
    return ids


def ready(engine: Engine, **where: Any) -> list[int]:
    """The jobs that can be claimed now; they are given back at once."""
    settle(engine)
    jobs = claim(engine, **where)
    engine.ack_jobs([decided(job, Unstarted()) for job in jobs])
    return ids_of(jobs)


def drained(engine: Engine) -> list[int]:
    """Run one job after the other until none is left; in which order they ran."""
    ran: list[int] = []
    while jobs := claim(engine, limit=1):
        acknowledge(engine, jobs[0], Success())
        ran += ids_of(jobs)
        settle(engine)
    return ran


def job_of(engine: Engine, id: int) -> JobRecord:
    """The record of a job that must be there."""
    record = engine.find_job(id)
    assert record is not None, f"job {id} is gone"
    return record


def register(engine: Engine, **changes: Any) -> NewWorker:
    """Register a worker; what was registered."""
    worker = new_worker(**changes)
    engine.register_worker(worker)
    return worker


def lost_workers(engine: Engine) -> dict[int, WorkerRecord]:
    """The lost workers by id."""
    return {worker.id: worker for worker in engine.list_lost_workers()}


def database_now(engine: Engine) -> datetime:
    """The moment by the database's clock, read from a job that is made for it in a queue of its own."""
    return job_of(engine, enqueue_one(engine, queue=PROBE)).enqueued_at
