"""The inbox: failures wait for a person, and the responsible one is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Cancel, ErrorInfo, Fail, Failure, Outcome, Retry, Success, WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import JobState
from packhorse.engine import Engine, JobFilter
from packhorse.inbox import NOTICE, InboxItem
from packhorse.operations import Retried, Selection
from packhorse.testing.contract.steps import claim, enqueue, enqueue_one, job_of, register, run_one
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import ERROR, TASK

HOUR = timedelta(hours=1)
OTHER = ErrorInfo("KeyError", "42", "Traceback …")


def fail(engine: Engine, error: ErrorInfo | None = ERROR, responsible: str | None = None, **job: Any) -> int:
    """Store a job and let it fail for good; its id."""
    id = enqueue_one(engine, **job)
    outcome: Outcome = Fail("useless") if error is None else Failure(error)
    run_one(engine, outcome, RetryPolicy(max_attempts=1, responsible=responsible), queue=job.get("queue", "default"))
    return id


def failures(engine: Engine, **fields: Any) -> list[int]:
    """The ids of the failures in the inbox that fit."""
    return [item.id for item in engine.list_failures(Selection(**fields), None, 1000)]


def item_of(engine: Engine, id: int) -> InboxItem:
    """The failure of a job, which must be there."""
    item = engine.find_failure(id)
    assert item is not None
    return item


class InboxContract(EngineContract):
    """`InboxStore`."""

    def test_what_failed_waits_there_and_nothing_else_does(self, engine: Engine) -> None:
        """With the whole error; the newest first, page by page."""
        first = fail(engine)
        for outcome in (Success(), Cancel(), Retry(after=HOUR)):
            enqueue_one(engine)
            run_one(engine, outcome)
        second = fail(engine, None, args="[7]")
        assert failures(engine) == [second, first]
        assert [item.id for item in engine.list_failures(Selection(), second, 10)] == [first]
        assert [item.id for item in engine.list_failures(Selection(), None, 1)] == [second]
        item = item_of(engine, first)
        assert (item.error_type, item.error_message, item.error_traceback) == (
            ERROR.type,
            ERROR.message,
            ERROR.traceback,
        )
        assert (item.task, item.queue, item.attempt, item.state) == (TASK, "default", 1, "open")
        assert (item_of(engine, second).reason, item_of(engine, second).args) == ("useless", "[7]")

    def test_failures_are_found_by_what_they_say(self, engine: Engine, clock: Clock) -> None:
        """By task, queue, error, message or reason, person and age."""
        old = fail(engine, responsible="kim")
        clock.advance(2 * HOUR)
        mail = fail(engine, OTHER, queue="mail", task="shop.mail")
        plain = fail(engine, None)
        assert failures(engine, task="shop.m*") == failures(engine, queue="mail") == [mail]
        assert failures(engine, error_type="KeyError") == failures(engine, message="4?") == [mail]
        assert failures(engine, message="useless") == [plain]
        assert failures(engine, responsible="kim") == failures(engine, older_than=HOUR) == [old]
        assert failures(engine, newer_than=HOUR) == [plain, mail]

    def test_equal_failures_are_one_group(self, engine: Engine) -> None:
        """The largest first; another message, reason or task is another group."""
        ids = [fail(engine) for _ in range(3)]
        other = fail(engine, OTHER)
        fail(engine, task="shop.mail")
        engine.take_jobs(ids[:1])
        groups = engine.group_failures(Selection(), 10)
        assert [group.count for group in groups] == [3, 1, 1]
        assert (groups[0].lowest_id, groups[0].highest_id, groups[0].taken) == (ids[0], ids[-1], 1)
        assert (groups[0].task, groups[0].error_type, groups[0].error_message) == (TASK, ERROR.type, ERROR.message)
        assert [group.highest_id for group in engine.group_failures(Selection(error_type="KeyError"), 10)] == [other]
        assert len(engine.group_failures(Selection(), 2)) == 2

    def test_somebody_looks_into_a_failure(self, engine: Engine) -> None:
        """It is then `processing`; the next one takes it over; what is not in the inbox can't be taken."""
        id = fail(engine)
        assert engine.take_jobs([id, enqueue_one(engine), 10**9], "kim") == {id}
        assert (item_of(engine, id).state, item_of(engine, id).taken_by) == ("processing", "kim")
        engine.take_jobs([id], "robin")
        assert item_of(engine, id).taken_by == "robin"

    def test_a_dismissed_failure_is_out_of_the_inbox_for_good(self, engine: Engine) -> None:
        """The job stays failed, and says who dismissed it and why; nobody does it twice."""
        id, other = fail(engine), fail(engine)
        assert engine.dismiss_jobs([id, 10**9], "kim", "the customer has left") == {id}
        assert engine.dismiss_jobs([id], "robin") == engine.take_jobs([id]) == set()
        assert failures(engine) == [other]
        assert [group.count for group in engine.group_failures(Selection(), 10)] == [1]
        [item] = engine.list_failures(Selection(), None, 10, dismissed=True)
        assert (item.state, item.dismissed_by, item.dismissal) == ("dismissed", "kim", "the customer has left")
        assert job_of(engine, id).state is JobState.FAILED

    @pytest.mark.accepts("T15")
    def test_a_solved_failure_is_out_of_the_inbox_until_it_fails_again(self, engine: Engine) -> None:
        """Solving runs the job again; what is not in the inbox is left alone; the next failure is a new one."""
        id, dismissed = fail(engine), fail(engine)
        engine.dismiss_jobs([dismissed])
        engine.take_jobs([id], "kim")
        cancelled = enqueue_one(engine)
        engine.cancel_jobs([cancelled])
        assert engine.retry_jobs([id, dismissed, cancelled], inbox=True) == Retried(frozenset({id}))
        assert engine.find_failure(id) is None
        run_one(engine, Fail("again"))
        assert (failures(engine), item_of(engine, id).state) == ([id], "open")


class NoticeContract(EngineContract):
    """The acknowledgement of a failure enqueues a job that tells the responsible person."""

    @pytest.mark.accepts("M15")
    def test_the_responsible_person_is_told_once_by_a_job(self, engine: Engine) -> None:
        """In the queue of what failed; the job's own person goes before its task's, and either is recorded."""
        register(engine, tasks=[TASK, NOTICE])
        task_s = fail(engine, responsible="kim", queue="mail")
        [notice] = claim(engine, queue="mail")
        assert (notice.task, notice.args.replace(" ", "")) == (NOTICE, f'[{task_s},"kim"]')
        assert item_of(engine, task_s).responsible == "kim"
        own = fail(engine, responsible="kim", keys=Keys(responsible='O"Hara ☃'))
        [notice] = claim(engine)
        assert notice.args.replace(" ", "") == f'[{own},"O\\"Hara☃"]'
        assert item_of(engine, own).responsible == 'O"Hara ☃'

    @pytest.mark.accepts("M15")
    def test_nobody_is_told_of_what_nobody_is_responsible_for(self, engine: Engine) -> None:
        """Nor of what will be tried again, was cancelled or succeeded."""
        register(engine, tasks=[TASK, NOTICE])
        fail(engine)
        for outcome in (Retry(after=HOUR), Cancel(), Success(), WorkerLost("w")):
            enqueue_one(engine)
            run_one(engine, outcome, RetryPolicy(responsible="kim"))
        assert NOTICE not in {record.task for record in engine.list_jobs(JobFilter())}

    def test_nobody_is_told_while_no_worker_knows_how(self, engine: Engine) -> None:
        """No job is left behind that none could run."""
        register(engine)
        fail(engine, responsible="kim")
        assert claim(engine) == []

    def test_a_job_that_killed_its_workers_is_told_of(self, engine: Engine) -> None:
        """Its rescuer's acknowledgement is one as any other."""
        register(engine, tasks=[NOTICE])
        [id] = enqueue(engine)
        run_one(engine, WorkerLost("w"), RetryPolicy(max_crashes=1, responsible="kim"))
        [notice] = claim(engine)
        assert notice.args.replace(" ", "") == f'[{id},"kim"]'
