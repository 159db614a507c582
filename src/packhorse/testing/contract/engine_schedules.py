"""Schedules: their records, their ticks, and their runs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from packhorse.domain.job import NewJob
from packhorse.domain.outcome import Fail, Success
from packhorse.domain.schedule.definition import Policy, Schedule
from packhorse.domain.schedule.every import Every
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.errors import DatabaseError
from packhorse.schedules import KEPT_RUNS, Change, Definition, ScheduleRecord
from packhorse.testing.contract.steps import acknowledge, claim, job_of, register, run_one
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import TASK

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
NAME = "hourly"
RULE = Every(number=1, unit="hours")
JOB = NewJob(task=TASK, args="[42]", queue="reports", priority=3)


def schedule(**changes: Any) -> Schedule:
    """A schedule of every hour; `changes` are fields."""
    return Schedule(**{"name": NAME, "rule": RULE, "job": JOB, **changes})


def put(engine: Engine, made: Schedule | None = None, **changes: Any) -> ScheduleRecord:
    """Store a schedule that begins now; its record."""
    made = made or schedule()
    now = engine.peek_schedules().seen_at
    times = {"settled_at": now, "next_at": made.rule.next_after(now)}
    fields = {"is_declared": False, "owner": "ann", "by": "ann", **times}
    assert engine.put_schedule(Definition(**{"schedule": made, **fields, **changes}))
    return record_of(engine, made.name)


def record_of(engine: Engine, name: str = NAME) -> ScheduleRecord:
    """The record of a schedule that must be there."""
    [record] = engine.list_schedules([name])
    return record


def change(record: ScheduleRecord, *ticks: datetime | None, **changes: Any) -> Change:
    """What settles a schedule until now and starts a run for each tick."""
    assert record.schedule is not None
    fields = {"name": record.name, "revision": record.revision, "settled_at": record.seen_at}
    jobs = [(tick, record.schedule.job_at(tick)) for tick in ticks]
    return Change(**{**fields, "next_at": record.next_at, "jobs": jobs, "by": "test", **changes})


def fire(engine: Engine, *ticks: datetime | None, **changes: Any) -> list[int]:
    """Settle the schedule as it is now; the jobs."""
    ids = engine.settle_schedule(change(record_of(engine), *ticks, **changes))
    assert ids is not None
    return ids


class ScheduleRecordContract(EngineContract):
    """How schedules are stored, changed, paused and deleted."""

    def test_what_is_stored_comes_back(self, engine: Engine) -> None:
        """The rule, the job and the policy, who made it, and when it is due."""
        policy = Policy(alarm_after=HOUR, pause_on_failure=True)
        record = put(engine, schedule(policy=policy))
        assert record.schedule == schedule(policy=policy)
        assert (record.fingerprint, record.owner, record.changed_by) == (
            schedule(policy=policy).fingerprint,
            "ann",
            "ann",
        )
        assert (record.problem, record.is_declared, record.revision, record.waiting) == (None, False, 1, ())
        assert record.settled_at is not None
        assert record.next_at == RULE.next_after(record.settled_at)
        assert (record.last_run, record.live_jobs, record.paused_at) == (None, (), None)

    def test_a_schedule_is_not_stored_over_another_one_unasked(self, engine: Engine) -> None:
        """A new one needs a free name, a changed one the revision that it goes out from."""
        first = put(engine)
        other = schedule(job=NewJob(task="other"))
        definition = Definition(
            schedule=other, is_declared=True, owner="b", by="b", former=["f"], settled_at=None, next_at=None
        )
        assert not engine.put_schedule(definition)
        assert not engine.put_schedule(replace(definition, revision=first.revision + 1))
        assert record_of(engine).schedule == schedule()
        assert engine.put_schedule(replace(definition, revision=first.revision))
        changed = record_of(engine)
        assert (changed.schedule, changed.former, changed.is_declared, changed.owner) == (other, ("f",), True, "b")
        assert changed.revision == first.revision + 1

    def test_of_many_that_store_at_once_one_does(self, engine: Engine) -> None:
        """Eight threads, one schedule."""
        with ThreadPoolExecutor(8) as threads:
            definition = Definition(
                schedule=schedule(), is_declared=True, owner="", by="", settled_at=None, next_at=None
            )
            stored = list(threads.map(lambda _: engine.put_schedule(definition), range(8)))
        assert sum(stored) == 1

    def test_all_are_listed_by_name(self, engine: Engine) -> None:
        """All, or those of some names; none is no error."""
        for name in ("b", "a", "c"):
            put(engine, schedule(name=name))
        assert [record.name for record in engine.list_schedules()] == ["a", "b", "c"]
        assert [record.name for record in engine.list_schedules(["c", "a", "x"])] == ["a", "c"]
        assert engine.list_schedules([]) == []

    @pytest.mark.accepts("O9")
    def test_a_pause_says_who_and_why_until_it_ends(self, engine: Engine) -> None:
        """A paused one is not paused again, is not due, and what waited comes to nothing."""
        record = put(engine)
        assert engine.settle_schedule(change(record, waiting=[record.seen_at])) == []
        assert engine.pause_schedules([NAME, "no such"], "ann", "too loud") == {NAME}
        assert engine.pause_schedules([NAME], "ben", None) == set()
        paused = record_of(engine)
        assert (paused.paused_by, paused.pause_reason, paused.waiting) == ("ann", "too loud", ())
        assert paused.paused_at is not None
        stale = change(record)
        assert not engine.resume_schedule(stale)
        assert engine.resume_schedule(change(paused))
        resumed = record_of(engine)
        assert (resumed.paused_at, resumed.paused_by, resumed.pause_reason) == (None, None, None)

    def test_a_deleted_schedule_takes_its_runs_along(self, engine: Engine) -> None:
        """Its jobs stay; one of the same name begins without a past."""
        put(engine)
        [job] = fire(engine, None)
        assert engine.delete_schedules([NAME, "no such"]) == {NAME}
        assert engine.list_schedules() == []
        assert engine.list_schedule_runs(NAME, 10) == []
        assert job_of(engine, job).state is JobState.AVAILABLE
        put(engine)
        assert record_of(engine).last_run is None


class TickContract(EngineContract):
    """How ticks are settled."""

    @pytest.mark.accepts("C18")
    def test_a_tick_enqueues_its_job_and_is_settled(self, engine: Engine) -> None:
        """The job has the schedule's options, and the handler reads its tick; the run is on record."""
        record = put(engine)
        tick = record.seen_at.replace(microsecond=0)
        ids = engine.settle_schedule(change(record, tick, next_at=tick + HOUR))
        assert ids is not None
        job = job_of(engine, ids[0])
        assert (job.task, job.queue, job.priority, job.args) == (TASK, "reports", 3, "[42]")
        assert json.loads(job.meta or "") == {"schedule": {"name": NAME, "tick": tick.isoformat()}}
        after = record_of(engine)
        assert (after.settled_at, after.next_at, after.live_jobs) == (record.seen_at, tick + HOUR, (job.id,))
        run = after.last_run
        assert run is not None
        assert (run.tick, run.job_id, run.state, run.fired_by) == (tick, job.id, "available", "test")

    @pytest.mark.accepts("C18")
    def test_who_was_slower_settles_nothing(self, engine: Engine) -> None:
        """Neither the row changes nor is a job enqueued; whatever was changed meanwhile."""
        record = put(engine)
        fire(engine)
        assert engine.settle_schedule(change(record, record.seen_at)) is None
        assert engine.list_schedule_runs(NAME, 10) == []
        assert engine.count_jobs()[JobState.AVAILABLE] == 0
        engine.pause_schedules([NAME], "ann", None)
        assert engine.settle_schedule(replace(change(record, record.seen_at), revision=2)) is None

    @pytest.mark.accepts("C18")
    def test_of_many_that_find_a_tick_one_fires_it(self, engine: Engine, another_engine: Engine) -> None:
        """Eight threads on two engines, twenty ticks, twenty jobs."""
        first = put(engine).seen_at
        for hours in range(20):
            found = change(record_of(engine), first + hours * HOUR)
            with ThreadPoolExecutor(8) as threads:
                fired = list(threads.map(lambda one: one.settle_schedule(found), [engine, another_engine] * 4))  # noqa: B023 - used at once
            assert len([ids for ids in fired if ids]) == 1
        assert len(claim(engine, queue="reports")) == 20

    def test_a_tick_that_has_run_does_not_run_again(self, engine: Engine) -> None:
        """Also after the clock was set back, when it is found a second time; others run."""
        record = put(engine)
        tick = record.seen_at
        assert len(fire(engine, tick)) == 1
        assert fire(engine, tick) == []
        assert len(fire(engine, tick, tick + HOUR)) == 1
        assert len(fire(engine, None, None)) == 2

    def test_a_job_that_cannot_be_stored_leaves_the_tick_unsettled(self, engine: Engine) -> None:
        """All or nothing: the row stays as it was, and nobody's lock is left behind."""
        record = put(engine)
        bad = replace(change(record), jobs=[(None, NewJob(task="t", priority=10**9))])
        with pytest.raises(DatabaseError):
            engine.settle_schedule(bad)
        assert record_of(engine).revision == record.revision
        assert len(fire(engine, None)) == 1

    def test_ticks_may_wait(self, engine: Engine) -> None:
        """They are kept in order, and make the schedule due."""
        record = put(engine)
        waiting = (record.seen_at, record.seen_at + SECOND)
        fire(engine, waiting=waiting)
        [due] = engine.list_due_schedules(10)
        assert due.waiting == waiting

    def test_skipped_ticks_are_counted_with_the_run_in_their_way(self, engine: Engine) -> None:
        """The latest one."""
        put(engine)
        fire(engine, None)
        fire(engine, None)
        fire(engine, skipped=2)
        fire(engine, skipped=1)
        assert [run.skipped for run in engine.list_schedule_runs(NAME, 10)] == [3, 0]

    def test_missed_ticks_leave_a_note(self, engine: Engine) -> None:
        """The first of the last time; what is settled later does not take it away."""
        record = put(engine)
        fire(engine, missed_at=record.seen_at)
        fire(engine)
        assert record_of(engine).missed_at == record.seen_at


class DueContract(EngineContract):
    """Which schedules have something to do."""

    @pytest.mark.accepts("C18")
    def test_a_schedule_is_due_from_its_tick_on(self, engine: Engine, clock: Clock) -> None:
        """By the database's clock; a peek says when to look again."""
        record = put(engine)
        assert record.next_at is not None
        peek = engine.peek_schedules()
        assert (peek.is_due, peek.next_at, peek.has_open_runs) == (False, record.next_at, False)
        assert engine.list_due_schedules(10) == []
        clock.advance(record.next_at - peek.seen_at + SECOND)
        peek = engine.peek_schedules()
        assert (peek.is_due, peek.next_at) == (True, None)
        assert peek.seen_at > record.next_at
        assert [due.name for due in engine.list_due_schedules(10)] == [NAME]

    def test_without_schedules_nothing_is_due(self, engine: Engine) -> None:
        """And nothing comes."""
        peek = engine.peek_schedules()
        assert (peek.is_due, peek.next_at, peek.has_open_runs) == (False, None, False)
        put(engine, next_at=None)
        assert engine.peek_schedules().next_at is None
        assert not engine.peek_schedules().is_due

    def test_a_paused_schedule_is_not_due(self, engine: Engine, clock: Clock) -> None:
        """It does not even keep anybody awake."""
        put(engine)
        engine.pause_schedules([NAME], "ann", None)
        clock.advance(2 * HOUR)
        assert engine.list_due_schedules(10) == []
        peek = engine.peek_schedules()
        assert (peek.is_due, peek.next_at) == (False, None)

    def test_those_that_waited_longest_come_first(self, engine: Engine, clock: Clock) -> None:
        """Up to the limit."""
        now = engine.peek_schedules().seen_at
        for number, name in enumerate(["b", "c", "a"]):
            put(engine, schedule(name=name), next_at=now + number * SECOND)
        clock.advance(HOUR)
        assert [record.name for record in engine.list_due_schedules(2)] == ["b", "c"]

    def test_a_clock_that_was_set_far_back_makes_schedules_due(self, engine: Engine, clock: Clock) -> None:
        """Otherwise they would wait until it is as late again."""
        put(engine)
        clock.advance(-timedelta(hours=2))
        assert engine.list_due_schedules(10) == []
        clock.advance(-timedelta(hours=2))
        assert [record.name for record in engine.list_due_schedules(10)] == [NAME]
        assert engine.peek_schedules().is_due


class RunContract(EngineContract):
    """What becomes of the runs."""

    @pytest.mark.accepts("O10")
    def test_a_run_tells_of_its_job(self, engine: Engine, clock: Clock) -> None:
        """Its state, start, end and duration, from the job itself, before anybody has recorded them."""
        put(engine)
        [job] = fire(engine, None)
        run = record_of(engine).last_run
        assert run is not None
        assert (run.state, run.started_at, run.ended_at, run.duration) == ("available", None, None, None)
        run_one(engine, Success(), queue="reports")
        record = record_of(engine)
        assert record.live_jobs == ()
        run = record.last_run
        assert run is not None
        assert (run.job_id, run.state, run.attempt) == (job, "succeeded", 1)
        assert run.started_at is not None
        assert run.ended_at is not None
        assert run.duration == run.ended_at - run.started_at

    @pytest.mark.accepts("O10")
    def test_an_end_is_recorded_once(self, engine: Engine) -> None:
        """Whoever records it learns of it; live runs are left out; the error is kept when the job is gone."""
        put(engine)
        fire(engine, None)
        fire(engine, None)
        [first, second] = sorted(run.id for run in engine.list_schedule_runs(NAME, 10))
        failed, _ = claim(engine, queue="reports")
        assert acknowledge(engine, failed, Fail("no paper"))
        [notable] = engine.list_notable_runs(10)
        assert (notable.run.id, notable.is_over, notable.run.state) == (first, True, "failed")
        assert engine.end_runs([first, second]) == {first}
        assert engine.end_runs([first, second]) == set()
        assert engine.list_notable_runs(10) == []
        assert engine.peek_schedules().has_open_runs
        run = engine.list_schedule_runs(NAME, 10)[1]
        assert (run.state, run.reason) == ("failed", "no paper")

    @pytest.mark.accepts("O14")
    def test_a_run_that_takes_too_long_is_found_once(self, engine: Engine, clock: Clock) -> None:
        """From its start on, whether its job waits or runs; whoever says so first learns of it."""
        put(engine)
        fire(engine, None, alarm_after=HOUR)
        fire(engine, None)
        clock.advance(HOUR - 60 * SECOND)
        assert engine.list_notable_runs(10) == []
        clock.advance(61 * SECOND)
        [notable] = engine.list_notable_runs(10)
        assert not notable.is_over
        assert engine.mark_late_runs([notable.run.id]) == {notable.run.id}
        assert engine.mark_late_runs([notable.run.id]) == set()
        assert engine.list_notable_runs(10) == []
        assert [run.late_at is not None for run in engine.list_schedule_runs(NAME, 10)] == [False, True]

    def test_only_the_latest_ended_runs_are_kept(self, engine: Engine) -> None:
        """A hundred; one that has not ended is kept however old it is."""
        put(engine)
        fire(engine, None)
        [live] = engine.list_schedule_runs(NAME, 10)
        ids = fire(engine, *[None] * KEPT_RUNS)
        engine.cancel_jobs(ids)
        engine.end_runs([run.id for run in engine.list_schedule_runs(NAME, 1000)])
        fire(engine, None)
        runs = engine.list_schedule_runs(NAME, 1000)
        assert len(runs) == KEPT_RUNS + 1
        assert runs[-1].id == live.id

    def test_the_policy_comes_with_a_notable_run(self, engine: Engine) -> None:
        """What is to be done about its failure."""
        put(engine, schedule(policy=Policy(pause_on_failure=True)))
        [job] = fire(engine, None)
        engine.cancel_jobs([job])
        [notable] = engine.list_notable_runs(10)
        assert notable.policy.pause_on_failure
        assert notable.run.state == "cancelled"


class DeclarationContract(EngineContract):
    """Which workers' code declares which schedules."""

    def test_what_workers_declare_is_known_until_they_leave(self, engine: Engine) -> None:
        """Each by its fingerprint; a new declaration replaces the old one."""
        old, new = register(engine), register(engine)
        engine.declare_schedules(old.id, {NAME: "1", "other": "x"})
        engine.declare_schedules(new.id, {NAME: "2"})
        assert engine.list_declarations([NAME]) == {(NAME, "1"), (NAME, "2")}
        engine.declare_schedules(old.id, {"other": "x"})
        assert engine.list_declarations([NAME, "other"]) == {(NAME, "2"), ("other", "x")}
        engine.deregister_worker(new.id)
        assert engine.list_declarations([NAME]) == set()

    def test_who_is_not_registered_declares_nothing(self, engine: Engine) -> None:
        """A worker that was given up meanwhile."""
        engine.declare_schedules(12345, {NAME: "1"})
        assert engine.list_declarations([NAME]) == set()

    def test_a_schedule_rests_while_nobody_declares_it(self, engine: Engine, clock: Clock) -> None:
        """Said once; what is settled stays so; one that was made at run time does not rest."""
        worker = register(engine)
        put(engine, is_declared=True)
        put(engine, schedule(name="at run time"[:2]), is_declared=False)
        engine.declare_schedules(worker.id, {NAME: "1"})
        assert engine.rest_undeclared_schedules(HOUR) == []
        engine.declare_schedules(worker.id, {})
        assert engine.rest_undeclared_schedules(HOUR) == [], "it may have been stored ahead of its workers"
        clock.advance(HOUR)
        before = record_of(engine)
        assert engine.rest_undeclared_schedules(HOUR) == [NAME]
        assert engine.rest_undeclared_schedules(HOUR) == []
        clock.advance(2 * HOUR)
        assert [record.name for record in engine.list_due_schedules(10)] == ["at"]
        engine.declare_schedules(worker.id, {NAME: "1"})
        after = record_of(engine)
        assert (after.undeclared_at, after.settled_at) == (None, before.settled_at)
        assert len(engine.list_due_schedules(10)) == 2
