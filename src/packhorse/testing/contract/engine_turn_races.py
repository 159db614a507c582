"""Everybody at the same keys at once: producers, workers and operators, from several processes."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import timedelta
from typing import get_args

import pytest

from packhorse.domain.job import JobRecord, Keys, OnDuplicate
from packhorse.domain.outcome import Cancel, Fail, Outcome, Retry, Success, Unstarted, WorkerLost
from packhorse.domain.state import LIVE, JobState
from packhorse.engine import Engine, JobFilter
from packhorse.errors import DuplicateJob
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import acknowledge, claim, decided, settle
from packhorse.testing.contract.subject import EngineContract, Subject
from packhorse.testing.samples import TASK, new_job

PROCESSES, SECONDS, ROOM, ALL = 4, 4.0, 2, 10_000
NOW = timedelta(0)
ENDS: Sequence[Outcome] = (
    *(Success(), Success(), Success('"kept"'), Fail(), Cancel(), Retry(after=NOW), Unstarted(), WorkerLost("w")),
)


class Mischief:
    """One process's random deeds.

    Args:
        engine: the database.
        seed: makes them differ from another's.
    """

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._chance = random.Random(seed)  # noqa: S311 - a mixture, no secret
        self._worker = seed
        self._known: list[int] = [1]
        self._deeds: Sequence[Callable[[], object]] = (
            *(self._enqueue, self._work, self._work, self._work, self._settle, self._settle),
            *(self._cancel, self._hold, self._retry, self._park, self._stage),
        )

    def go_on(self, seconds: float) -> None:
        """Do one thing after the other for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._chance.choice(self._deeds)()

    def _enqueue(self) -> None:
        policy = self._chance.choice(get_args(OnDuplicate))
        try:
            self._known += self._engine.insert_jobs([new_job(keys=self._keys(policy)) for _ in range(5)])
        except DuplicateJob:
            return

    def _keys(self, policy: OnDuplicate) -> Keys:
        one, other = self._chance.randrange(4), self._chance.randrange(4)
        return Keys(
            unique_key=self._chance.choice([None, None, f"u{one}"]),
            on_duplicate=policy,
            serial_key=self._chance.choice([None, f"s{other}"]),
            group_key=self._chance.choice([None, f"g{one}"]),
        )

    def _work(self) -> None:
        jobs = claim(self._engine, worker=self._worker, limit=10)
        jobs += claim(self._engine, worker=self._worker, limit=2, suspects=True)
        self._engine.ack_jobs([decided(job, self._chance.choice(ENDS)) for job in jobs])
        for job in self._engine.list_cancelled_runs(self._worker):
            acknowledge(self._engine, job, Cancel())

    def _settle(self) -> None:
        self._engine.release_followers(20)
        self._engine.admit_jobs(20)
        self._engine.forget_turns(20)

    def _some(self) -> list[int]:
        return self._chance.choices(self._known[-200:], k=10)

    def _cancel(self) -> None:
        self._engine.cancel_jobs(self._some()[:3])

    def _hold(self) -> None:
        self._engine.hold_jobs(self._some())
        self._engine.release_jobs(self._known[-200:])

    def _retry(self) -> None:
        self._engine.retry_jobs(self._some()[:3])

    def _park(self) -> None:
        self._engine.park_jobs("default", TASK, 5)
        self._engine.unpark_jobs([TASK], ALL)

    def _stage(self) -> None:
        self._engine.stage_jobs(50)


def make_mischief(open_engine: Callable[[], Engine], seed: int) -> None:
    """Do it in a process of its own; whatever fails there fails the test."""
    engine = open_engine()
    try:
        Mischief(engine, seed).go_on(SECONDS)
    finally:
        engine.close()


def executing(engine: Engine) -> list[JobRecord]:
    """What runs at one moment."""
    return engine.list_jobs(JobFilter(state=JobState.EXECUTING, limit=1000))


def live(engine: Engine) -> list[JobRecord]:
    """What has not ended."""
    return [job for state in LIVE for job in engine.list_jobs(JobFilter(state=state, limit=1000))]


def watch(engine: Engine, runs: Sequence[Future[None]]) -> int:
    """Look again and again at what runs while they do; how often something ran.

    Raises:
        AssertionError: two of one serial key, or too many of a group.
    """
    seen = 0
    while not all(run.done() for run in runs):
        jobs = executing(engine)
        serial = Counter(job.serial_key for job in jobs if job.serial_key)
        group = Counter(job.group_key for job in jobs if job.group_key)
        assert max(serial.values(), default=0) <= 1
        assert max(group.values(), default=0) <= ROOM
        seen += bool(jobs)
    return seen


class TurnRaceContract(EngineContract):
    """Everybody at the same keys at once."""

    @pytest.mark.accepts("C14", "C15", "C16")
    def test_whatever_is_done_at_once_the_rules_hold_and_nobody_waits_for_ever(
        self, engine: Engine, subject: Subject
    ) -> None:
        """Four processes do everything with the same few keys, and nothing fails; at the end every job can be run."""
        put(engine, "default", group_max_running=ROOM)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as processes:
            runs = [processes.submit(make_mischief, subject.open, seed) for seed in range(1, PROCESSES + 1)]
            assert watch(engine, runs)
            for run in runs:
                run.result()
        ids = [job.id for job in live(engine)]
        assert ids
        for worker in range(1, PROCESSES + 1):
            engine.ack_jobs([decided(job, Unstarted()) for job in engine.list_leased_jobs(worker, ALL)])
        self._let_all_go(engine, ids)
        assert [job for job in live(engine) if job.serial_key or job.group_key] == []

    def _let_all_go(self, engine: Engine, ids: Sequence[int]) -> None:
        """Undo what people have done, and run one round of jobs after the other until none can be claimed."""
        engine.release_jobs(ids)
        engine.unpark_jobs([TASK], ALL)
        while self._run_round(engine):
            pass

    def _run_round(self, engine: Engine) -> int:
        settle(engine)
        engine.stage_jobs(ALL)
        jobs = claim(engine, limit=100) + claim(engine, limit=100, suspects=True)
        return len(engine.ack_jobs([decided(job, Success()) for job in jobs]))


def end_targets(open_engine: Callable[[], Engine], worker: int, rounds: int) -> None:
    """Store jobs and their followers, and end the former while others settle who follows."""
    engine = open_engine()
    try:
        for _ in range(rounds):
            [target] = engine.insert_jobs([new_job(queue=f"targets:{worker}")])
            engine.insert_jobs([new_job(keys=Keys(after=(target,)))])
            while not (jobs := claim(engine, worker=worker, queue=f"targets:{worker}")):
                pass  # whoever settles has it for a moment
            engine.ack_jobs([decided(job, Success()) for job in jobs])
    finally:
        engine.close()


class FollowerRaceContract(EngineContract):
    """Followers come while what they wait for ends."""

    @pytest.mark.accepts("C15")
    def test_no_follower_is_forgotten_whenever_its_target_ends(self, engine: Engine, subject: Subject) -> None:
        """Two processes end jobs at the moment in which a third finds out who waits for them."""
        rounds = 300
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
            runs = [processes.submit(end_targets, subject.open, worker, rounds) for worker in (1, 2)]
            while not all(run.done() for run in runs):
                engine.release_followers(1000)
        assert [run.result() for run in runs] == [None, None]
        settle(engine)
        assert engine.count_jobs()[JobState.AVAILABLE] == 2 * rounds
