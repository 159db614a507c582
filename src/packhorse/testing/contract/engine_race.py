"""Many at once: threads with one engine, and processes with one each."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from itertools import chain

import pytest

from packhorse.domain.outcome import Cancel, Fail, Outcome, Retry, Skip, Success, Unstarted, WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import JobState
from packhorse.engine import Engine, JobFilter
from packhorse.testing.contract.steps import POLICY, claim, decided, enqueue, ids_of
from packhorse.testing.contract.subject import EngineContract, Subject
from packhorse.testing.samples import TASK

JOBS = 400
HOUR = timedelta(hours=1)
NOW = timedelta(0)
OUTCOMES: list[Outcome] = [Success(), Retry(after=NOW), Skip(), Fail(), Cancel(), Unstarted(), WorkerLost("w")]


def claim_all(engine: Engine, worker: int) -> list[int]:
    """Claim a few at a time until there are none; the ids."""
    taken: list[int] = []
    while more := ids_of(claim(engine, worker=worker, limit=7)):
        taken += more
    return taken


def claim_all_in_a_process(open_engine: Callable[[], Engine], worker: int) -> list[int]:
    """The same in another process, with an engine of its own."""
    engine = open_engine()
    try:
        return claim_all(engine, worker)
    finally:
        engine.close()


def work(engine: Engine, worker: int, jobs: int) -> int:
    """Enqueue a few, claim a few, acknowledge them, until `jobs` have been enqueued; how many were accepted."""
    accepted = 0
    for _ in range(jobs // 10):
        enqueue(engine, 10)
        accepted += len(engine.ack_jobs([decided(job, Success()) for job in claim(engine, worker=worker, limit=15)]))
    return accepted


def stage_all(engine: Engine) -> int:
    """Stage a few at a time until none is due; how many."""
    staged = 0
    while more := engine.stage_jobs(9):
        staged += more
    return staged


def disturb(engine: Engine, ids: list[int], seed: int) -> None:
    """Do everything that can be done to these jobs, in a random order."""
    chance = random.Random(seed)  # noqa: S311 - a mixture, no secret
    for _ in range(40):
        some = chance.sample(ids, 20)
        jobs = claim(engine, worker=seed, limit=15) + claim(engine, worker=seed, limit=5, suspects=True)
        engine.cancel_jobs(some)
        engine.ack_jobs([decided(job, chance.choice(OUTCOMES)) for job in chance.sample(jobs, len(jobs))])
        engine.park_jobs("default", TASK, 5)
        engine.retry_jobs(some)
        engine.unpark_jobs([TASK], 10)
        engine.stage_jobs(50)


class RaceContract(EngineContract):
    """Claims from many sides."""

    @pytest.mark.accepts("C2")
    def test_threads_never_take_the_same_job(self, engine: Engine) -> None:
        """Each job goes to exactly one of four threads that share an engine."""
        ids = enqueue(engine, JOBS)
        with ThreadPoolExecutor(4) as threads:
            taken = list(chain(*threads.map(lambda worker: claim_all(engine, worker), range(1, 5))))
        assert sorted(taken) == ids

    @pytest.mark.accepts("C2")
    def test_processes_never_take_the_same_job(self, engine: Engine, subject: Subject) -> None:
        """Each job goes to exactly one of four processes."""
        ids = enqueue(engine, JOBS)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(4, mp_context=spawn) as processes:
            taken = list(chain(*processes.map(claim_all_in_a_process, [subject.open] * 4, range(1, 5))))
        assert sorted(taken) == ids

    @pytest.mark.accepts("C2")
    def test_every_method_may_be_called_from_any_thread(self, engine: Engine) -> None:
        """Threads that enqueue, claim and acknowledge at once lose nothing and finish nothing twice."""
        with ThreadPoolExecutor(4) as threads:
            accepted = sum(threads.map(lambda worker: work(engine, worker, 100), range(1, 5)))
        rest = engine.ack_jobs([decided(job, Success()) for job in claim(engine, limit=1000)])
        assert accepted + len(rest) == engine.count_jobs()[JobState.SUCCEEDED] == 400

    @pytest.mark.accepts("C5")
    def test_of_many_equal_acks_one_is_accepted(self, engine: Engine) -> None:
        """Eight threads acknowledge the same runs; each run is accepted once."""
        enqueue(engine, 50)
        acks = [decided(job, Success()) for job in claim(engine)]
        with ThreadPoolExecutor(8) as threads:
            accepted = list(chain(*threads.map(lambda _: engine.ack_jobs(acks), range(8))))
        assert sorted(accepted) == sorted(ack.job_id for ack in acks)

    def test_threads_that_stage_share_the_due_jobs(self, engine: Engine, subject: Subject) -> None:
        """Each due job is made available once."""
        enqueue(engine, 200, delay=HOUR)
        subject.clock(engine).advance(2 * HOUR)
        with ThreadPoolExecutor(4) as threads:
            staged = sum(threads.map(lambda _: stage_all(engine), range(4)))
        assert staged == engine.count_jobs()[JobState.AVAILABLE] == 200

    @pytest.mark.accepts("C5", "C6")
    def test_of_a_worker_and_its_rescuer_one_is_heard(self, engine: Engine) -> None:
        """Both acknowledge the same runs at once, finally and not, in any order; each run is accepted once."""
        once = RetryPolicy(max_crashes=1)
        for _ in range(10):
            enqueue(engine, 100)
            jobs = claim(engine)
            late = [decided(job, Success() if job.id % 2 else Retry()) for job in jobs]
            rescued = [decided(job, WorkerLost("w"), POLICY if job.id % 3 else once) for job in reversed(jobs)]
            with ThreadPoolExecutor(2) as threads:
                accepted = list(chain(*threads.map(engine.ack_jobs, (late, rescued))))
            assert sorted(accepted) == ids_of(sorted(jobs, key=lambda job: job.id))
            engine.cancel_jobs(ids_of(jobs))

    def test_whatever_is_done_at_once_no_job_is_lost_or_doubled(self, engine: Engine) -> None:
        """Four threads claim, acknowledge, cancel, bring back, park and stage the same jobs, and never fail."""
        ids = enqueue(engine, 100)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda seed: disturb(engine, ids, seed), range(1, 5)))
        assert [record.id for record in engine.list_jobs(JobFilter(limit=1000))] == sorted(ids, reverse=True)
        assert sum(engine.count_jobs().values()) == len(ids)
