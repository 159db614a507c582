"""Jobs of a group run within what its queue allows to each; and jobs with a serial key besides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Cancel, Fail, Outcome, Retry, Skip, Success, Unknown, Unstarted
from packhorse.domain.retry import RetryPolicy
from packhorse.engine import Engine
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    decided,
    drained,
    ids_of,
    job_of,
    line,
    ready,
    rescue,
    run_one,
    settle,
)
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import TASK

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
GROUP = Keys(group_key="tenant:1")
BOTH = Keys(serial_key="customer:7", group_key="tenant:1")
ENDS: list[Outcome] = [Success(), Fail(), Cancel(), Retry(after=HOUR), Skip(after=HOUR), Unknown(TASK)]


class GroupContract(EngineContract):
    """Jobs of a group."""

    @pytest.mark.accepts("C16")
    def test_without_limits_a_group_means_nothing(self, engine: Engine) -> None:
        """All go on as soon as somebody has looked."""
        ids = line(engine, 5, GROUP)
        assert ready(engine) == ids

    @pytest.mark.accepts("C16")
    def test_no_more_than_the_queue_allows_go_on(self, engine: Engine) -> None:
        """Of each group, and of each queue by itself."""
        put(engine, "default", group_max_running=2)
        put(engine, "mail", group_max_running=1)
        ids = line(engine, 4, GROUP)
        other = line(engine, 3, Keys(group_key="tenant:2"))
        mail = line(engine, 2, GROUP, queue="mail")
        assert ready(engine) == [*ids[:2], *other[:2]]
        assert ready(engine, queue="mail") == mail[:1]

    @pytest.mark.accepts("C16")
    def test_what_was_let_on_before_there_was_a_limit_waits_again(self, engine: Engine) -> None:
        """Unless it runs, which then counts."""
        ids = line(engine, 5, GROUP)
        running = claim_one(engine, limit=1)
        put(engine, "default", group_max_running=2)
        assert engine.regate_jobs(["default"], 100) == 4
        assert ready(engine) == ids[1:2]
        acknowledge(engine, running, Success())
        assert ready(engine) == ids[1:3]

    @pytest.mark.accepts("C16")
    @pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__)
    def test_each_end_of_a_run_lets_another_one_go_on_at_once(self, engine: Engine, end: Outcome) -> None:
        """With the very acknowledgement, whatever it says."""
        put(engine, "default", group_max_running=2)
        ids = line(engine, 4, GROUP)
        job, _ = claim(engine)
        acknowledge(engine, job, end)
        assert ids_of(claim(engine)) == ids[2:3]

    @pytest.mark.accepts("C16")
    def test_room_is_given_back_while_a_job_waits_for_its_retry(self, engine: Engine, clock: Clock) -> None:
        """Then it comes to the end of its group's line."""
        put(engine, "default", group_max_running=1)
        first, second, third = line(engine, 3, GROUP)
        run_one(engine, Retry(after=timedelta(minutes=1)))
        clock.advance(HOUR)
        engine.stage_jobs(10)
        settle(engine)
        assert drained(engine) == [second, third, first]

    @pytest.mark.accepts("C16")
    def test_a_job_that_goes_back_keeps_its_room(self, engine: Engine) -> None:
        """Unstarted, or from a worker that died: it is the next to run."""
        put(engine, "default", group_max_running=1)
        first, second = line(engine, 2, GROUP)
        run_one(engine, Unstarted())
        claim_one(engine, worker=7)
        rescue(engine, 7)
        assert ready(engine) == []
        job = claim_one(engine, suspects=True)
        assert job.id == first
        acknowledge(engine, job, Success())
        assert ready(engine) == [second]

    @pytest.mark.accepts("C10", "C16", "C17")
    @pytest.mark.parametrize("how", ["cancel", "hold", "park"])
    def test_who_goes_away_gives_room_to_the_next(self, engine: Engine, how: str) -> None:
        """Cancelled, held by a person, or of a task that nobody knows; who comes back waits for room again."""
        put(engine, "default", group_max_running=1)
        first, second = line(engine, 2, GROUP)
        if how == "cancel":
            engine.cancel_jobs([first])
        elif how == "hold":
            engine.hold_jobs([first])
        else:
            engine.park_jobs("default", TASK, 1)
        assert ready(engine) == [second]
        engine.release_jobs([first])
        engine.unpark_jobs([TASK], 10)
        assert ready(engine) == [second]
        run_one(engine, Success())
        assert ready(engine) == ([] if how == "cancel" else [first])

    @pytest.mark.accepts("C16")
    def test_another_limit_holds_at_once(self, engine: Engine) -> None:
        """More room lets more go on, without waiting for an end; less lets nobody else go on."""
        put(engine, "default", group_max_running=1)
        ids = line(engine, 5, GROUP)
        put(engine, "default", group_max_running=3)
        assert ready(engine) == ids[:3]
        put(engine, "default", group_max_running=1)
        for job in claim(engine, limit=2):
            acknowledge(engine, job, Success())
        assert ready(engine) == ids[2:3]
        put(engine, "default", group_max_running=None)
        assert ready(engine) == ids[2:]

    @pytest.mark.accepts("C16")
    def test_no_more_start_than_the_rate_allows(self, engine: Engine, clock: Clock) -> None:
        """In any period; those that wait for it go on when it allows, with nobody's doing."""
        put(engine, "default", group_rate=(2, timedelta(minutes=1)))
        ids = line(engine, 5, GROUP)
        ran: list[int] = []
        for _ in range(2):
            jobs = claim(engine)
            engine.ack_jobs([decided(job, Success()) for job in jobs])
            ran += ids_of(jobs)
            assert ready(engine) == []
            due_in = engine.glance(1).due_in
            assert due_in is not None
            assert timedelta(0) < due_in <= timedelta(minutes=1)
            clock.advance(due_in + SECOND)
            settle(engine)
        assert ran == ids[:4]

    def test_starts_are_forgotten_when_they_count_no_more(self, engine: Engine, clock: Clock) -> None:
        """Those of groups without jobs when their time is over, and of queues without such a rate at once."""
        put(engine, "default", group_rate="2/m")
        put(engine, "mail", group_rate="2/m")
        for queue in ("default", "mail"):
            line(engine, 1, GROUP, queue=queue)
            run_one(engine, Success(), queue=queue)
        assert (engine.forget_turns(10), engine.forget_starts(10)) == (2, 0)
        put(engine, "mail", group_rate=None)
        assert engine.forget_starts(10) == 1
        assert len(line(engine, 2, GROUP)) == 2
        assert len(ready(engine)) == 1
        clock.advance(2 * timedelta(minutes=1))
        assert engine.forget_starts(10) == 0
        settle(engine)
        assert len(drained(engine)) == 2
        clock.advance(2 * timedelta(minutes=1))
        assert (engine.forget_turns(10), engine.forget_starts(10)) == (1, 2)

    @pytest.mark.accepts("C16")
    def test_another_rate_holds_at_once(self, engine: Engine) -> None:
        """Nobody waits for what the old one would have allowed."""
        put(engine, "default", group_rate=(1, timedelta(days=1)))
        ids = line(engine, 3, GROUP)
        run_one(engine, Success())
        assert ready(engine) == []
        put(engine, "default", group_rate=None)
        assert ready(engine) == ids[1:]

    @pytest.mark.accepts("C16")
    def test_in_a_fair_queue_a_newcomer_waits_for_few_of_the_others(self, engine: Engine) -> None:
        """However many of another group came before it."""
        put(engine, "default", fair=True)
        many = line(engine, 200, GROUP)
        [few] = line(engine, 1, Keys(group_key="tenant:2"))
        order = ready(engine, limit=300)
        assert order.index(few) < 50
        assert order[:10] == many[:10]
        assert sorted(drained(engine)) == [*many, few]


class BothKeysContract(EngineContract):
    """Jobs with a serial key and a group."""

    @pytest.mark.accepts("C15", "C16")
    def test_a_job_passes_one_gate_after_the_other(self, engine: Engine) -> None:
        """The serial key first: who waits for room has it already."""
        put(engine, "default", group_max_running=1)
        [busy] = line(engine, 1, GROUP)
        first, second = line(engine, 2, BOTH)
        assert [job_of(engine, id).waits_for for id in (first, second)] == ["group", "serial"]
        assert drained(engine) == [busy, first, second]

    @pytest.mark.accepts("C15", "C16")
    def test_a_retry_keeps_the_key_and_gives_room(self, engine: Engine, clock: Clock) -> None:
        """Another one of the group runs meanwhile, and none with the key."""
        put(engine, "default", group_max_running=1)
        first, second = line(engine, 2, BOTH)
        [other] = line(engine, 1, GROUP)
        run_one(engine, Retry(after=timedelta(minutes=1)))
        assert ready(engine) == [other]
        clock.advance(HOUR)
        engine.stage_jobs(10)
        settle(engine)
        assert drained(engine) == [other, first, second]

    @pytest.mark.accepts("C15", "C16", "C17")
    def test_who_is_cancelled_while_it_waits_for_room_gives_the_key_on(self, engine: Engine) -> None:
        """And who has both, both."""
        put(engine, "default", group_max_running=1)
        [busy] = line(engine, 1, GROUP)
        first, second, third = line(engine, 3, BOTH)
        engine.cancel_jobs([first])
        settle(engine)
        assert job_of(engine, second).waits_for == "group"
        assert run_one(engine, Success()).id == busy
        engine.cancel_jobs([second])
        assert ready(engine) == [third]

    @pytest.mark.accepts("C15", "C16")
    def test_the_last_failure_gives_both_on(self, engine: Engine) -> None:
        """In one acknowledgement."""
        put(engine, "default", group_max_running=1)
        ids = line(engine, 3, BOTH)
        for id in ids:
            assert ready(engine) == [id]
            run_one(engine, Retry(), RetryPolicy(max_attempts=1))
        assert ready(engine) == []
