"""Limits of a queue that hold in all workers together: how many of its jobs run, and how many start in some time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

import pytest
from msgspec.structs import replace

from packhorse.domain.outcome import Fail, Outcome, Retry, Skip, Success, Unknown, Unstarted
from packhorse.domain.state import JobState
from packhorse.engine import Engine, JobFilter
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import acknowledge, claim, decided, enqueue, ids_of, rescue
from packhorse.testing.contract.subject import Clock, EngineContract, Subject
from packhorse.testing.samples import TASK

PROCESSES = 8
MINUTE = timedelta(minutes=1)
ENDS: list[Outcome] = [Success(), Success('"kept"'), Fail(), Retry(after=MINUTE), Skip(after=MINUTE), Unstarted()]


def limited(engine: Engine, *, worker: int = 1, limit: int = 100) -> list[int]:
    """Claim as a worker does from a queue with a limit; the ids."""
    return ids_of(claim(engine, worker=worker, limit=limit, limited=True))


def count_executing(engine: Engine) -> int:
    """How many jobs are executing."""
    return engine.count_jobs()[JobState.EXECUTING]


def work(open_engine: Callable[[], Engine], worker: int) -> int:
    """Claim and end jobs of a limited queue until none is left; the most that were seen executing at once."""
    engine, most = open_engine(), 0
    try:
        while engine.count_jobs()[JobState.AVAILABLE]:
            jobs = claim(engine, worker=worker, limit=2, limited=True)
            most = max(most, count_executing(engine))
            engine.ack_jobs([decided(job, Success()) for job in jobs])
    finally:
        engine.close()
    return most


def take(open_engine: Callable[[], Engine], worker: int) -> int:
    """Claim from a limited queue again and again, and end nothing; how many were taken."""
    engine = open_engine()
    try:
        return sum(len(claim(engine, worker=worker, limit=3, limited=True)) for _ in range(10))
    finally:
        engine.close()


class PermitContract(EngineContract):
    """`claim_jobs` from a queue with a limit."""

    @pytest.mark.accepts("C16")
    def test_no_more_are_claimed_than_may_run(self, engine: Engine) -> None:
        """By whichever worker, in however many claims, the most urgent first."""
        put(engine, "default", max_running=3)
        ids = enqueue(engine, 5)
        assert limited(engine, limit=2) == ids[:2]
        assert limited(engine, worker=2) == [ids[2]]
        assert limited(engine, worker=2) == limited(engine) == []

    @pytest.mark.accepts("C16")
    @pytest.mark.parametrize("outcome", ENDS, ids=str)
    def test_however_a_run_ends_its_place_is_free(self, engine: Engine, outcome: Outcome) -> None:
        """As soon as it is acknowledged."""
        put(engine, "default", max_running=1)
        enqueue(engine, 2)
        [job] = claim(engine, limited=True)
        assert limited(engine) == []
        assert acknowledge(engine, job, outcome)
        assert len(limited(engine)) == 1

    @pytest.mark.accepts("C16")
    def test_what_a_dead_worker_ran_is_free_when_it_is_rescued(self, engine: Engine) -> None:
        """It becomes a suspect, which is under the same limit."""
        put(engine, "default", max_running=1)
        id, _ = enqueue(engine, 2)
        assert limited(engine) == [id]
        assert rescue(engine, 1) == {id}
        assert ids_of(claim(engine, worker=2, limited=True, suspects=True)) == [id]
        assert limited(engine, worker=3) == []

    @pytest.mark.accepts("C16")
    def test_what_ran_before_there_was_a_limit_counts_when_its_worker_knows(self, engine: Engine) -> None:
        """A worker that reads the new settings counts what it runs."""
        enqueue(engine, 4)
        claim(engine, limit=2)
        put(engine, "default", max_running=3)
        engine.permit_jobs(1, ["default"])
        assert len(limited(engine, worker=2)) == 1

    @pytest.mark.accepts("C16")
    def test_a_rate_lets_so_many_start_in_any_period(self, engine: Engine, clock: Clock) -> None:
        """The next one starts when the first one no longer counts; the glance says when that is."""
        put(engine, "default", rate="3/m")
        ids = enqueue(engine, 7)
        assert limited(engine, limit=2) == ids[:2]
        clock.advance(MINUTE / 2)
        assert limited(engine) == [ids[2]]
        assert limited(engine) == []
        due_in = engine.glance(1).due_in
        assert due_in is not None
        assert MINUTE / 4 < due_in <= MINUTE / 2
        clock.advance(MINUTE / 2)
        assert limited(engine) == ids[3:5]
        clock.advance(MINUTE / 2)
        assert limited(engine) == [ids[5]]

    @pytest.mark.accepts("C16")
    @pytest.mark.parametrize("outcome", [Unstarted(), Unknown(TASK)], ids=str)
    def test_what_goes_back_without_having_run_uses_up_no_rate(
        self, engine: Engine, clock: Clock, outcome: Outcome
    ) -> None:
        """Another one may start at once; what did start counts from its own start on."""
        put(engine, "default", rate="3/m")
        enqueue(engine, 9)
        jobs = claim(engine, limited=True)
        assert all(acknowledge(engine, job, outcome) for job in jobs[:2])
        clock.advance(MINUTE / 2)
        assert len(limited(engine)) == 2
        assert limited(engine) == []
        clock.advance(MINUTE / 2)
        assert len(limited(engine)) == 1
        assert limited(engine) == []
        due_in = engine.glance(1).due_in
        assert due_in is not None
        assert MINUTE / 4 < due_in <= MINUTE / 2

    @pytest.mark.accepts("C16")
    def test_a_start_is_given_back_once(self, engine: Engine) -> None:
        """An acknowledgement that comes twice gives nothing more, nor does one that is refused."""
        put(engine, "default", rate="3/m")
        enqueue(engine, 9)
        back, asked, _ = claim(engine, limited=True)
        assert acknowledge(engine, back, Unstarted())
        assert not acknowledge(engine, back, Unstarted())
        engine.cancel_jobs([asked.id], by="ann")
        assert not acknowledge(engine, asked, Unstarted())
        assert len(limited(engine)) == 1
        assert acknowledge(engine, replace(asked, cancelled_by="ann"), Unstarted())
        assert len(limited(engine)) == 1
        assert limited(engine) == []

    @pytest.mark.accepts("C16")
    def test_what_was_claimed_before_there_was_a_rate_gives_nothing_back(self, engine: Engine) -> None:
        """It never counted."""
        enqueue(engine, 9)
        jobs = claim(engine, limit=3)
        put(engine, "default", rate="2/m")
        assert len(limited(engine)) == 2
        assert all(acknowledge(engine, job, Unstarted()) for job in jobs)
        assert limited(engine) == []

    def test_starts_are_forgotten_when_their_queue_has_no_rate_any_more(self, engine: Engine) -> None:
        """A chunk at a time; while it has one they are left to its claims."""
        put(engine, "default", rate="3/m")
        enqueue(engine, 9)
        assert [len(limited(engine, limit=1)) for _ in range(3)] == [1, 1, 1]
        assert engine.forget_starts(100) == 0
        put(engine, "default", rate=None)
        assert [engine.forget_starts(2) for _ in range(3)] == [2, 1, 0]

    def test_starts_of_a_queue_that_is_removed_are_forgotten(self, engine: Engine) -> None:
        """They would count for a rate of the same name."""
        put(engine, "default", rate="3/m")
        enqueue(engine, 9)
        assert len(limited(engine)) == 3
        engine.remove_queue("default")
        assert engine.forget_starts(100) == 1
        put(engine, "default", rate="2/m")
        assert len(limited(engine)) == 2

    @pytest.mark.accepts("C16")
    def test_limit_and_rate_hold_together(self, engine: Engine, clock: Clock) -> None:
        """The narrower one says how many."""
        put(engine, "default", rate="3/m", max_running=2)
        enqueue(engine, 6)
        jobs = claim(engine, limited=True)
        assert len(jobs) == 2
        assert all(acknowledge(engine, job, Success()) for job in jobs)
        assert len(limited(engine)) == 1
        assert limited(engine) == []
        clock.advance(MINUTE)
        assert len(limited(engine)) == 1

    def test_other_queues_are_not_limited(self, engine: Engine) -> None:
        """A limit is one queue's."""
        put(engine, "default", max_running=1)
        enqueue(engine, 3, queue="mail")
        assert len(claim(engine, queue="mail", limited=True)) == 3

    @pytest.mark.accepts("C16")
    def test_eight_processes_never_run_more_than_the_limit(self, engine: Engine, subject: Subject) -> None:
        """However they compete; and all of the work is done."""
        put(engine, "default", max_running=5)
        enqueue(engine, 200)
        with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as processes:
            most = list(processes.map(work, [subject.open] * PROCESSES, range(1, PROCESSES + 1)))
        assert max(most) <= 5
        assert engine.count_jobs()[JobState.SUCCEEDED] == 200

    @pytest.mark.accepts("C16")
    def test_eight_processes_start_no_more_than_the_rate(self, engine: Engine, subject: Subject) -> None:
        """By the database's own record of the starts."""
        put(engine, "default", rate="20/h")
        enqueue(engine, 100)
        with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as processes:
            taken = list(processes.map(take, [subject.open] * PROCESSES, range(1, PROCESSES + 1)))
        assert sum(taken) == len(engine.list_jobs(JobFilter(state=JobState.EXECUTING, limit=100))) == 20
