"""What people do with many jobs: select, hold, release, delete; and all of it at once, from several processes."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Cancel, Fail, Failure, Outcome, Retry, Success
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import LIVE, JobState
from packhorse.engine import Engine, JobFilter
from packhorse.operations import Cancelled, Retried, Selection
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    decided,
    enqueue,
    enqueue_one,
    ids_of,
    job_of,
    run_one,
    settle,
)
from packhorse.testing.contract.subject import Clock, EngineContract, Subject
from packhorse.testing.samples import ERROR, TASK

ALL = 10_000
HOUR = timedelta(hours=1)
ONCE = RetryPolicy(max_attempts=1)
ENDS: list[Outcome] = [Success(), Fail("broken"), Cancel(), Retry(after=timedelta(0))]


def selected(engine: Engine, **fields: object) -> list[int]:
    """The ids of all jobs that fit."""
    return engine.list_selected(Selection(**fields), 0, ALL)  # type: ignore[arg-type]


def where(engine: Engine, id: int) -> tuple[object, ...]:
    """Where a job is, and what it waits for."""
    job = job_of(engine, id)
    return job.state, job.waits_for, job.scheduled_at


class SelectContract(EngineContract):
    """`list_selected`, `count_selected`."""

    def test_jobs_are_selected_by_what_is_known_of_them(self, engine: Engine) -> None:
        """State, queue and task, live and finished alike; all that is given must fit."""
        mail, slow = enqueue_one(engine, queue="mail"), enqueue_one(engine, delay=HOUR)
        other = enqueue_one(engine, task="shop.reports.make", queue="mail")
        engine.cancel_jobs([other])
        assert selected(engine) == [mail, slow, other]
        assert selected(engine, queue="mail") == [mail, other]
        assert selected(engine, states=frozenset({JobState.SCHEDULED, JobState.CANCELLED})) == [slow, other]
        assert selected(engine, queue="mail", task=TASK) == [mail]
        assert selected(engine, states=frozenset({JobState.FAILED})) == []

    def test_a_pattern_stands_for_names(self, engine: Engine) -> None:
        """`*` for any text, `?` for a character; all others for themselves, and capitals are others than small ones."""
        names = ["shop.a", "shop.b_c", "Shop.a", "shop.[a]", "shop.b%c", "shop.b\\c"]
        ids = dict(zip(names, [enqueue_one(engine, task=name) for name in names], strict=True))
        assert selected(engine, task="shop.?") == [ids["shop.a"]]
        assert selected(engine, task="shop.*") == [id for name, id in ids.items() if name != "Shop.a"]
        for name in names:
            assert selected(engine, task=name) == [ids[name]]

    def test_jobs_are_selected_by_their_age(self, engine: Engine, clock: Clock) -> None:
        """A live one counts from its enqueueing, a finished one from its end."""
        old, ended = enqueue(engine, 2)
        clock.advance(2 * HOUR)
        new = enqueue_one(engine)
        engine.cancel_jobs([ended])
        assert selected(engine, older_than=HOUR) == [old]
        assert selected(engine, newer_than=HOUR) == [ended, new]

    def test_jobs_are_selected_by_error_and_key(self, engine: Engine) -> None:
        """By the class and the message of the last error; by any of their keys."""
        failed, other = enqueue(engine, 2)
        for job in claim(engine):
            error = ERROR if job.id == failed else type(ERROR)("KeyError", "42")
            acknowledge(engine, job, Failure(error), ONCE)
        assert selected(engine, error_type="ValueError") == [failed]
        assert selected(engine, message="no such*") == selected(engine, message=ERROR.message) == [failed]
        assert selected(engine, is_open=True) == [failed, other]
        each = [Keys(unique_key="k"), Keys(serial_key="k"), Keys(group_key="k")]
        keyed = [enqueue_one(engine, keys=keys) for keys in each]
        assert selected(engine, key="k") == keyed

    def test_a_page_goes_on_behind_the_last_id(self, engine: Engine) -> None:
        """In order of id over live and finished jobs, up to the highest that is wanted."""
        ids = enqueue(engine, 6)
        engine.cancel_jobs(ids[::2])
        everything = Selection(until_id=ids[4])
        assert engine.list_selected(everything, 0, 3) == ids[:3]
        assert engine.list_selected(everything, ids[2], 3) == ids[3:5]

    def test_they_are_counted_in_groups(self, engine: Engine) -> None:
        """By task, queue and state, with the highest id of each."""
        mail = enqueue(engine, 3, queue="mail")
        ended = enqueue(engine, 2)
        engine.cancel_jobs(ended)
        counted = [
            (group.task, group.queue, group.state, group.count, group.highest_id)
            for group in engine.count_selected(Selection())
        ]
        assert counted == [
            (TASK, "default", JobState.CANCELLED, 2, ended[-1]),
            (TASK, "mail", JobState.AVAILABLE, 3, mail[-1]),
        ]


class HoldContract(EngineContract):
    """`hold_jobs`, `release_jobs`."""

    @pytest.mark.accepts("C17")
    def test_a_held_job_waits_until_it_is_released(self, engine: Engine, clock: Clock) -> None:
        """Blocked, scheduled or available: it is not claimed, staged or unparked meanwhile, and says who holds it."""
        parked = enqueue_one(engine)
        engine.park_jobs("default", TASK, ALL)
        scheduled, available = enqueue_one(engine, delay=HOUR), enqueue_one(engine)
        ids = [parked, scheduled, available]
        assert engine.hold_jobs(ids, "kim", "stock-taking") == set(ids)
        assert {(job_of(engine, id).state, job_of(engine, id).reason) for id in ids} == {
            (JobState.BLOCKED, "held by kim: stock-taking")
        }
        free = enqueue_one(engine, delay=timedelta(days=1))
        assert (selected(engine, is_held=True), selected(engine, is_unheld=True)) == (ids, [free])
        assert [group.count for group in engine.count_selected(Selection(is_unheld=True))] == [1]
        assert {job_of(engine, id).waits_for for id in ids} == {"hold"}
        clock.advance(2 * HOUR)
        assert engine.stage_jobs(ALL) == engine.unpark_jobs([TASK], ALL) == len(claim(engine)) == 0
        assert engine.release_jobs(ids) == set(ids)
        assert sorted(ids_of(claim(engine))) == ids

    def test_it_goes_back_where_it_belongs(self, engine: Engine) -> None:
        """To its time while that is to come, and to the gate that it had not passed."""
        scheduled = enqueue_one(engine, delay=HOUR)
        serial = enqueue_one(engine, keys=Keys(serial_key="k"))
        before = [where(engine, id) for id in (scheduled, serial)]
        engine.hold_jobs([scheduled, serial])
        assert engine.release_jobs([scheduled, serial]) == {scheduled, serial}
        assert [where(engine, id) for id in (scheduled, serial)] == before
        assert job_of(engine, scheduled).reason is None

    def test_other_jobs_are_left(self, engine: Engine) -> None:
        """One that runs, is over or does not exist is not held; one that nobody holds is not released."""
        enqueue(engine, 2)
        running, done = claim(engine)
        acknowledge(engine, done, Success())
        waiting = enqueue_one(engine)
        assert engine.hold_jobs([running.id, done.id, 10**9]) == engine.release_jobs([running.id, waiting]) == set()
        assert engine.hold_jobs([waiting], "kim") == {waiting}
        assert engine.hold_jobs([waiting], "robin") == set()
        assert job_of(engine, waiting).reason == "held by kim"
        assert engine.cancel_jobs([waiting]) == Cancelled(frozenset({waiting}))


class KeyedRetryContract(EngineContract):
    """`retry_jobs` of jobs with keys."""

    def test_a_job_whose_key_is_taken_is_refused_and_the_others_come_back(self, engine: Engine) -> None:
        """It says by which job; of two with the same key the older one comes back."""
        keys = Keys(unique_key="invoice:42", unique_until="end")
        first = enqueue_one(engine, keys=keys)
        engine.cancel_jobs([first])
        second = enqueue_one(engine, keys=keys)
        engine.cancel_jobs([second])
        plain = enqueue_one(engine)
        engine.cancel_jobs([plain])
        back = engine.retry_jobs([second, first, plain], "kim")
        assert back == Retried(frozenset({first, plain}), {second: first})
        assert job_of(engine, second).state is JobState.CANCELLED
        assert job_of(engine, first).reason == "retried by kim"

    def test_a_key_that_counts_until_the_start_counts_again(self, engine: Engine) -> None:
        """What comes back has not started: it is the one with the key, or is refused."""
        keys = Keys(unique_key="k", unique_until="start")
        failed = enqueue_one(engine, keys=keys)
        run_one(engine, Fail())
        waiting = enqueue_one(engine, keys=keys)
        assert engine.retry_jobs([failed]).taken == {failed: waiting}
        engine.cancel_jobs([waiting])
        assert engine.retry_jobs([failed]).retried == {failed}
        assert engine.retry_jobs([waiting]).taken == {waiting: failed}

    @pytest.mark.parametrize("keys", [Keys(serial_key="k"), Keys(group_key="g")], ids=["serial", "group"])
    def test_a_job_of_a_line_goes_to_its_end(self, engine: Engine, keys: Keys) -> None:
        """It waits at its gate, as after its enqueueing."""
        id = enqueue_one(engine, keys=keys)
        before = where(engine, id)
        engine.cancel_jobs([id])
        assert engine.retry_jobs([id]).retried == {id}
        assert where(engine, id) == before


class DeleteContract(EngineContract):
    """`delete_jobs`."""

    @pytest.mark.accepts("C17")
    def test_a_finished_job_is_deleted_with_its_history(self, engine: Engine) -> None:
        """Nothing of it is left, and it is counted no more."""
        failed = enqueue_one(engine)
        run_one(engine, Fail())
        assert engine.delete_jobs([failed, 10**9]) == {failed}
        assert engine.find_job(failed) is None
        assert engine.list_attempts(failed) == []
        assert not any(engine.count_jobs().values())

    def test_a_live_job_is_not(self, engine: Engine) -> None:
        """Nor its history: it must be cancelled first."""
        id = enqueue_one(engine)
        run_one(engine, Retry(after=timedelta(0)))
        assert engine.delete_jobs([id]) == set()
        assert len(engine.list_attempts(id)) == 1
        engine.cancel_jobs([id])
        assert engine.delete_jobs([id]) == {id}

    def test_one_for_whose_success_others_wait_is_not(self, engine: Engine) -> None:
        """They would never know; once its failure is dismissed they are cancelled, and it can be deleted."""
        failed = enqueue_one(engine)
        follower = enqueue_one(engine, keys=Keys(after=(failed,)))
        run_one(engine, Fail())
        settle(engine)
        assert engine.delete_jobs([failed]) == set()
        assert job_of(engine, follower).state is JobState.BLOCKED
        engine.dismiss_jobs([failed])
        settle(engine)
        assert job_of(engine, follower).state is JobState.CANCELLED

    def test_who_waits_for_a_job_that_comes_back_waits_for_its_next_end(self, engine: Engine) -> None:
        """It goes on when that has succeeded."""
        failed = enqueue_one(engine)
        follower = enqueue_one(engine, keys=Keys(after=(failed,)))
        settle(engine)
        run_one(engine, Fail())
        settle(engine)
        engine.retry_jobs([failed])
        settle(engine)
        run_one(engine, Success())
        settle(engine)
        assert ids_of(claim(engine)) == [follower]


def operate(open_engine: Callable[[], Engine], ids: list[int], seed: int) -> list[int]:
    """Work as a worker and as an operator in a process of its own; the ids of the jobs that ended here."""
    engine, chance = open_engine(), random.Random(seed)  # noqa: S311 - a mixture, no secret
    ended: list[int] = []
    try:
        while engine.list_selected(Selection(states=LIVE), 0, 1):
            some = chance.sample(ids, 20)
            jobs = claim(engine, worker=seed, limit=10)
            ended += engine.cancel_jobs(chance.sample(ids, 3), f"operator {seed}").cancelled
            engine.hold_jobs(some[:5])
            for held in (jobs, engine.list_cancelled_runs(seed)):
                acks = [decided(job, chance.choice(ENDS)) for job in held]
                ended += engine.ack_jobs(acks) & {ack.job_id for ack in acks if ack.state.is_final}
            engine.release_jobs(ids)
            engine.stage_jobs(ALL)
    finally:
        engine.close()
    return ended


class OperationsRaceContract(EngineContract):
    """Operators and workers at once."""

    @pytest.mark.accepts("C17")
    def test_every_job_ends_in_exactly_one_place(self, engine: Engine, subject: Subject) -> None:
        """Four processes claim, acknowledge, cancel, hold and release the same jobs until none lives."""
        ids = enqueue(engine, 200)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(4, mp_context=spawn) as processes:
            ended = list(processes.map(operate, [subject.open] * 4, [ids] * 4, range(1, 5)))
        assert sorted(id for part in ended for id in part) == ids
        assert [record.id for record in engine.list_jobs(JobFilter(limit=ALL))] == ids[::-1]
        assert {record.state.is_final for record in engine.list_jobs(JobFilter(limit=ALL))} == {True}
