"""Why a job does not run."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from packhorse.domain.explanation import MOST_COUNTED, Code, Explanation, Reason
from packhorse.domain.job import Keys
from packhorse.domain.outcome import Fail, Failure, Success, WorkerLost
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    enqueue,
    enqueue_one,
    ids_of,
    job_of,
    register,
    run_one,
    settle,
)
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import ERROR, TASK

FAILED = Fail("no")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def explained(engine: Engine, id: int) -> Explanation:
    """The explanation of a job that must be there."""
    explanation = engine.explain(id)
    assert explanation is not None
    return explanation


def reasons(engine: Engine, id: int) -> dict[Code, Reason]:
    """The reasons by their code, in order."""
    return {reason.code: reason for reason in explained(engine, id).reasons}


def codes(engine: Engine, id: int) -> list[Code]:
    """The codes of the reasons, in order."""
    return [*reasons(engine, id)]


@pytest.mark.accepts("C17")
class ExplainContract(EngineContract):
    """`explain`: jobs without keys."""

    def test_a_job_that_is_not_there_has_no_explanation(self, engine: Engine) -> None:
        """It was deleted, or there never was one."""
        assert engine.explain(1) is None
        assert engine.explain(2**63 - 1) is None

    def test_the_next_job_is_claimable_and_nothing_is_in_its_way(self, engine: Engine) -> None:
        """It is told which worker will take it."""
        worker, id = register(engine), enqueue_one(engine)
        found = explained(engine, id)
        assert (found.id, found.task, found.queue, found.state) == (id, TASK, "default", JobState.AVAILABLE)
        assert (found.claimable, found.ahead, [reason.code for reason in found.reasons]) == (True, 0, ["next"])
        assert worker.name in found.reasons[0].text

    @pytest.mark.parametrize("aging", [False, True])
    def test_those_before_it_are_counted_in_the_order_of_the_queue(
        self, engine: Engine, clock: Clock, *, aging: bool
    ) -> None:
        """By priority, time and id; where priorities age in their merged order; not those of other queues."""
        register(engine)
        put(engine, "default", order="aging" if aging else "deadline")
        for priority in (5, 5, 3, 7, 5, 9, 1, 3):
            enqueue(engine, 2, priority=priority)
            clock.advance(7 * MINUTE)
        enqueue(engine, 2, queue="other", priority=1)
        order = ids_of(claim(engine, aging=aging))
        waiting = [job_of(engine, id) for id in order]
        for job in waiting:
            assert codes(engine, job.id) == ["lost"]  # claimed by nobody that is registered
        engine_ids = [enqueue_one(engine, priority=job.priority) for job in waiting]
        again = ids_of(claim(engine, limit=1, aging=aging))
        assert len(again) == 1
        left = [id for id in engine_ids if id not in again]
        ahead = {id: explained(engine, id).ahead for id in left}
        assert ids_of(claim(engine, aging=aging)) == sorted(left, key=lambda id: ahead[id] or 0)
        assert sorted(each or 0 for each in ahead.values()) == list(range(len(left)))

    def test_a_paused_queue_is_said_with_who_and_why(self, engine: Engine) -> None:
        """And what ends the pause."""
        register(engine)
        id = enqueue_one(engine, queue="mail")
        engine.pause_queue("mail", "anna", "month end")
        found = reasons(engine, id)
        assert [*found] == ["paused"]
        assert "its queue mail has been paused by anna for" in found["paused"].text
        assert "(month end)" in found["paused"].text
        assert found["paused"].advice == "`packhorse queues resume mail`"
        assert not explained(engine, id).claimable

    def test_a_job_below_the_floor_is_not_claimable(self, engine: Engine) -> None:
        """One at the floor is."""
        register(engine)
        below, at = enqueue_one(engine, priority=8), enqueue_one(engine, priority=7)
        put(engine, "default", priority_floor=7)
        assert codes(engine, below)[0] == "floor"
        assert (explained(engine, below).claimable, explained(engine, at).claimable) == (False, True)

    def test_an_old_job_below_the_floor_is_before_nobody(self, engine: Engine, clock: Clock) -> None:
        """Though where priorities age it would come first."""
        register(engine)
        below = enqueue_one(engine, priority=8)
        clock.advance(120 * MINUTE)
        put(engine, "default", order="aging", priority_floor=7, max_running=1)
        first = enqueue_one(engine, priority=1)
        assert (explained(engine, first).claimable, explained(engine, first).ahead) == (True, 0)
        assert explained(engine, below).claimable is False

    def test_it_is_said_which_workers_are_wanting(self, engine: Engine, clock: Clock) -> None:
        """None alive; none for the queue; none for the task; none for both. A dead one does not count."""
        id = enqueue_one(engine, queue="mail")
        assert codes(engine, id) == ["no_worker"]
        register(engine, queues=["other"], tasks=[f"{TASK}s"])
        found = reasons(engine, id)
        assert [*found] == ["no_worker_for_queue", "unknown_task"]
        assert f"and knows the similar {TASK}s" in found["unknown_task"].text
        register(engine, queues=["other"])
        assert codes(engine, id) == ["no_worker_for_queue"]
        serving = register(engine, queues=["mail"], tasks=["x"])
        assert codes(engine, id) == ["no_worker_for_both"]
        register(engine, queues=["mail"])
        assert codes(engine, id) == ["next"]
        clock.advance(2 * serving.lease)
        assert codes(engine, id) == ["no_worker"]
        assert explained(engine, id).claimable

    def test_a_module_that_cannot_be_loaded_is_named(self, engine: Engine) -> None:
        """With the machine and the error."""
        register(engine, tasks=["x"])
        engine.note_load_failure("shop.jobs", "web1", "ModuleNotFoundError: No module named 'pandas'")
        found = reasons(engine, enqueue_one(engine))
        assert [*found] == ["unloadable"]
        assert "can't be imported on web1: ModuleNotFoundError: No module named 'pandas'" in found["unloadable"].text

    def test_a_parked_job_waits_for_a_worker_that_knows_its_task(self, engine: Engine) -> None:
        """And for a look when one has come."""
        register(engine, tasks=["x"])
        id = enqueue_one(engine)
        engine.park_jobs("default", TASK, 10)
        assert codes(engine, id) == ["unknown_task", "settling"]
        register(engine)
        assert codes(engine, id) == ["settling"]
        assert not explained(engine, id).claimable

    def test_a_held_job_says_by_whom(self, engine: Engine) -> None:
        """Its reason, and what releases it."""
        register(engine)
        id = enqueue_one(engine)
        engine.hold_jobs([id], "kim", "ask first")
        found = reasons(engine, id)
        assert (found["held"].text, found["held"].advice) == (
            "it is on hold: held by kim: ask first",
            f"`packhorse jobs release {id}`",
        )

    def test_a_scheduled_job_says_when_it_is_due(self, engine: Engine, clock: Clock) -> None:
        """A retry says what failed; one that is due waits for a look; what would keep it then is said, too."""
        register(engine)
        id = enqueue_one(engine, delay=HOUR)
        engine.pause_queue("default", None, None)
        assert codes(engine, id) == ["not_due", "paused"]
        engine.resume_queue("default")
        clock.advance(2 * HOUR)
        assert codes(engine, id) == ["no_worker", "due"]
        register(engine)
        assert codes(engine, id) == ["due"]
        assert not explained(engine, id).claimable
        engine.stage_jobs(10)
        run_one(engine, Failure(ERROR))
        found = reasons(engine, id)
        assert [*found] == ["not_due"]
        assert "; 1 attempt has failed, the last with ValueError: no such invoice" in found["not_due"].text

    def test_a_running_job_says_where(self, engine: Engine, clock: Clock) -> None:
        """When its worker is lost that is said instead; when its cancellation was asked that comes first."""
        worker, id = register(engine), enqueue_one(engine)
        claim_one(engine, worker=worker.id)
        found = reasons(engine, id)
        assert [*found] == ["running"]
        assert f"claimed by {worker.name}" in found["running"].text
        engine.cancel_jobs([id], "kim")
        assert codes(engine, id) == ["cancelling", "running"]
        clock.advance(2 * worker.lease)
        assert "no live worker is there" in reasons(engine, id)["lost"].text
        register(engine)
        assert "a live worker gives it back" in reasons(engine, id)["lost"].text

    def test_a_finished_job_says_how_it_ended(self, engine: Engine) -> None:
        """The reason is the only one."""
        ids = [enqueue_one(engine, priority=priority) for priority in (1, 2, 3)]
        run_one(engine, Success("1"), limit=1)
        run_one(engine, FAILED, limit=1)
        engine.cancel_jobs([ids[2]], "kim", "not wanted")
        assert [codes(engine, id) for id in ids] == [["succeeded"], ["failed"], ["cancelled"]]
        assert reasons(engine, ids[1])["failed"].advice == f"`packhorse inbox show {ids[1]}`"
        assert reasons(engine, ids[2])["cancelled"].text.endswith("cancelled by kim: not wanted")

    def test_a_suspect_runs_alone_and_before_the_others(self, engine: Engine) -> None:
        """It is counted among suspects; ordinary jobs have it before them."""
        register(engine)
        suspect = enqueue_one(engine, priority=9)
        run_one(engine, WorkerLost("w"))
        other = enqueue_one(engine, priority=1)
        assert (codes(engine, suspect), explained(engine, suspect).ahead) == (["suspect"], 0)
        assert (codes(engine, other), explained(engine, other).ahead) == (["suspects_first", "behind"], 1)

    def test_suspects_age_too(self, engine: Engine, clock: Clock) -> None:
        """Where priorities do, one that has waited long comes before a more urgent one."""
        register(engine)
        put(engine, "default", order="aging")
        old = enqueue_one(engine, priority=9)
        clock.advance(120 * MINUTE)
        urgent = enqueue_one(engine, priority=1)
        for job in claim(engine, aging=True):
            acknowledge(engine, job, WorkerLost("w", "died"))
        assert [explained(engine, id).ahead for id in (old, urgent)] == [0, 1]
        assert ids_of(claim(engine, aging=True, suspects=True)) == [old, urgent]

    def test_a_worker_that_runs_a_suspect_alone_takes_no_other_job(self, engine: Engine, clock: Clock) -> None:
        """For a while; and not when it holds others, beside which the suspect runs."""
        worker = register(engine, lease=HOUR)
        suspect = enqueue_one(engine)
        run_one(engine, WorkerLost("w"))
        assert ids_of(claim(engine, worker=worker.id, suspects=True)) == [suspect]
        other = enqueue_one(engine, priority=1)
        assert codes(engine, other) == ["alone"]
        assert f"runs job {suspect} alone" in reasons(engine, other)["alone"].text
        clock.advance(MINUTE)
        assert codes(engine, other) == ["next"]

    def test_one_that_runs_a_suspect_beside_others_takes_more(self, engine: Engine) -> None:
        """It has waited for its neighbours long enough."""
        worker = register(engine)
        enqueue_one(engine)
        run_one(engine, WorkerLost("w"))
        neighbour = enqueue_one(engine)
        assert ids_of(claim(engine, worker=worker.id)) == [neighbour]
        assert len(claim(engine, worker=worker.id, suspects=True)) == 1
        assert codes(engine, enqueue_one(engine, priority=1)) == ["next"]

    def test_the_wait_is_told_from_the_pace_of_the_queue(self, engine: Engine, clock: Clock) -> None:
        """Of what has ended in the last minutes; not when that was too little."""
        register(engine)
        enqueue(engine, 30)
        assert explained(engine, enqueue_one(engine)).wait is None
        for _ in range(20):
            run_one(engine, Success("1"), limit=1)
        clock.advance(10 * SECOND)
        found = explained(engine, enqueue_one(engine))
        assert found.ahead == 11
        assert found.per_second == pytest.approx(2.0, rel=0.4)
        assert found.wait is not None
        assert found.wait.total_seconds() == pytest.approx(5.5, rel=0.4)
        clock.advance(HOUR)
        assert explained(engine, found.id).wait is None

    @pytest.mark.slow
    def test_a_long_queue_is_counted_up_to_a_bound(self, engine: Engine) -> None:
        """Quickly, whoever asks and wherever the job is."""
        register(engine)
        first = enqueue_one(engine)
        enqueue(engine, MOST_COUNTED * 3)
        last = enqueue_one(engine)
        begun = time.monotonic()
        found = explained(engine, last)
        assert time.monotonic() - begun < 1.0
        assert (found.ahead, found.ahead_is_exact) == (MOST_COUNTED, False)
        assert found.reasons[-1].text.startswith("more than 10,000 jobs of the queue default are before it")
        assert (explained(engine, first).ahead, explained(engine, first).ahead_is_exact) == (0, True)


@pytest.mark.accepts("C16", "C17")
class ExplainLimitsContract(EngineContract):
    """`explain`: limits and rates of queues."""

    def test_a_full_queue_says_its_limit(self, engine: Engine) -> None:
        """How many run of how many; with room for two, the third is not claimable."""
        register(engine)
        put(engine, "default", max_running=3)
        enqueue(engine)
        assert len(claim(engine, limited=True)) == 1
        ids = enqueue(engine, 4)
        assert [explained(engine, id).claimable for id in ids] == [True, True, False, False]
        assert "max_running" in reasons(engine, ids[2])
        assert len(claim(engine, limited=True)) == 2
        found = reasons(engine, ids[2])["max_running"]
        assert found.text == "the queue default runs 3 of at most 3 jobs (max_running)"
        assert found.advice == "`packhorse queues set default max_running=6`"

    def test_a_used_up_rate_says_when_it_goes_on(self, engine: Engine, clock: Clock) -> None:
        """And when that moment has come, the job is claimable."""
        register(engine)
        put(engine, "default", rate="2/m")
        enqueue(engine, 2)
        assert len(claim(engine, limited=True)) == 2
        clock.advance(10 * SECOND)
        id = enqueue_one(engine)
        found = reasons(engine, id)["rate"]
        assert found.text.startswith("the queue default has started 2 of its rate of 2/m; the next may start in ")
        assert not explained(engine, id).claimable
        clock.advance(MINUTE)
        assert explained(engine, id).claimable
        assert "rate" not in reasons(engine, id)

    def test_workers_that_hold_all_they_may_of_the_queue_are_named(self, engine: Engine) -> None:
        """Where the queue's record says how many slots it takes."""
        worker = register(engine)
        put(engine, "default", slots=1)
        ids = enqueue(engine, 2)
        claim(engine, worker=worker.id, limit=1)
        found = reasons(engine, ids[1])
        assert [*found] == ["slots"]
        assert found["slots"].text == f"{worker.name} holds as many jobs of the queue default as allowed: 1 (slots)"


@pytest.mark.accepts("C15", "C17")
class ExplainKeysContract(EngineContract):
    """`explain`: jobs with keys, and those that wait for others."""

    def test_a_job_that_waits_for_its_serial_key_says_who_has_it(self, engine: Engine) -> None:
        """What that one does, and how many are before it; before a worker has looked, that one has to."""
        worker = register(engine)
        ids = enqueue(engine, 3, keys=Keys(serial_key="customer:7"))
        assert codes(engine, ids[2]) == ["settling"]
        settle(engine)
        assert codes(engine, ids[0]) == ["next"]
        assert f"held by job {ids[0]}, which is the next to run; 1 job is before it" in text_of(engine, ids[2])
        job = claim_one(engine, worker=worker.id)
        text = text_of(engine, ids[1])
        assert text.startswith(f"it waits for its serial key customer:7, held by job {ids[0]}, which has been running")
        assert text.endswith(worker.name)
        assert reasons(engine, ids[1])["serial_key"].advice == f"`packhorse jobs explain {job.id}`"

    def test_a_job_of_a_full_group_says_its_limit(self, engine: Engine) -> None:
        """How many of the group are let on, and how many wait before it."""
        register(engine)
        put(engine, "default", group_max_running=2)
        ids = enqueue(engine, 4, keys=Keys(group_key="acme"))
        settle(engine)
        assert codes(engine, ids[1]) == ["behind"]
        text = text_of(engine, ids[3])
        assert (
            "its turn in the group acme: 2 jobs of the group run or are next, of at most 2 (group_max_running)" in text
        )
        assert text.endswith("; 1 job of it waits before it")

    def test_a_job_of_a_group_that_has_used_up_its_rate_says_when_it_goes_on(self, engine: Engine) -> None:
        """The rate, and the time."""
        register(engine)
        put(engine, "default", group_rate="1/m")
        ids = enqueue(engine, 2, keys=Keys(group_key="acme"))
        settle(engine)
        assert text_of(engine, ids[1]).endswith("the group starts no more than its rate of 1/m (group_rate)")
        claim_one(engine)
        settle(engine)
        assert "its rate of 1/m (group_rate)" in text_of(engine, ids[1])

    def test_a_job_that_waits_for_others_says_for_which(self, engine: Engine) -> None:
        """The failed one first, and what to do about it; when all have ended, that a worker will see it."""
        register(engine)
        first, second = enqueue(engine, 2)
        id = enqueue_one(engine, keys=Keys(after=(first, second)))
        assert text_of(engine, id) == (
            f"it waits for the success of job {first}, which waits for a worker, and for 1 other job"
        )
        run_one(engine, Success("1"), limit=1)
        run_one(engine, FAILED, limit=1)
        settle(engine)
        found = reasons(engine, id)["after"]
        assert found.text == f"it waits for the success of job {second}, which failed"
        assert found.advice == f"`packhorse inbox show {second}`"
        engine.retry_jobs([second])
        run_one(engine, Success("1"), limit=1)
        assert codes(engine, id) == ["settling"]
        settle(engine)
        assert codes(engine, id) == ["next"]


def text_of(engine: Engine, id: int) -> str:
    """The first reason's sentence."""
    return explained(engine, id).reasons[0].text
