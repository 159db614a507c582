"""Counting finished jobs without reading them, and forgetting them when their time is over."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from packhorse.domain.joblog import NewLine, NewProgress
from packhorse.domain.outcome import Cancel, Fail, Failure, Outcome, Retry, Success
from packhorse.domain.queue import Queue, stored_settings
from packhorse.domain.state import JobState
from packhorse.engine import Engine, QueueRecord
from packhorse.joblog import LogFilter
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    decided,
    enqueue,
    enqueue_one,
    ids_of,
    run_one,
)
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import ERROR

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
FAILED = Failure(ERROR, Fail())
NOW_US = 0
"""What a worker's clock shows, for a log: nothing here depends on it."""


def keep(engine: Engine, queue: str = "default", **settings: timedelta) -> None:
    """Say how long a queue keeps its jobs."""
    assert engine.put_queue_settings(Queue(name=queue), {}, stored_settings(settings))


def end_one(engine: Engine, outcome: Outcome, queue: str = "default") -> int:
    """Enqueue a job and let it end so; its id."""
    id = enqueue_one(engine, queue=queue)
    run_one(engine, outcome, queue=queue)
    return id


def end_many(engine: Engine, count: int, queue: str = "default") -> list[int]:
    """Let jobs succeed; their ids."""
    ids = enqueue(engine, count, queue=queue)
    for job in claim(engine, queue=queue, limit=count):
        assert acknowledge(engine, job, Success())
    return ids


def queue_of(engine: Engine, name: str = "default") -> QueueRecord:
    """A queue that must be there."""
    [record] = [queue for queue in engine.list_queues() if queue.name == name]
    return record


def kept(engine: Engine, name: str = "default") -> Mapping[JobState, int]:
    """How many of its jobs are in each state that has any."""
    return {state: count for state, count in queue_of(engine, name).counts.items() if count}


def ended(engine: Engine, name: str = "default") -> Mapping[JobState, int]:
    """How many of its jobs ever ended in each state in which any did."""
    return {state: count for state, count in queue_of(engine, name).ended.items() if count}


def prune(engine: Engine, limit: int = 1000) -> list[int]:
    """One chunk of all that is expired; the ids of what is gone."""
    return [id for expired in engine.list_expired() for id in engine.prune_jobs(expired, limit).ids]


def prune_batches(engine: Engine, limit: int = 1000) -> tuple[int, int]:
    """Step by step, until nothing more is to do; how many batches and jobs are gone."""
    steps = [engine.prune_batches(limit)]
    while steps[-1].is_more:
        steps.append(engine.prune_batches(limit, steps[-1].after))
    return sum(step.batches for step in steps), sum(step.jobs for step in steps)


class CountsContract(EngineContract):
    """`list_queues` and `count_jobs`, as far as they count what is finished."""

    @pytest.mark.accepts("C21")
    def test_every_end_is_counted(self, engine: Engine) -> None:
        """By queue and state, whichever way it was acknowledged."""
        end_many(engine, 3)
        end_one(engine, Success("1"))
        end_one(engine, FAILED, queue="mail")
        end_one(engine, Cancel("enough"), queue="mail")
        engine.cancel_jobs([enqueue_one(engine, queue="mail", delay=DAY)])
        assert kept(engine) == ended(engine) == {JobState.SUCCEEDED: 4}
        assert kept(engine, "mail") == ended(engine, "mail") == {JobState.FAILED: 1, JobState.CANCELLED: 2}

    @pytest.mark.accepts("C21")
    def test_a_batch_is_counted_by_queue_and_state(self, engine: Engine) -> None:
        """One that mixes them is taken apart."""
        enqueue(engine, 5, queue="a")
        enqueue(engine, 4, queue="b")
        jobs = [*claim(engine, queue="a"), *claim(engine, queue="b")]
        outcomes: list[Outcome] = [Success(), Success("1"), FAILED] * 3

        acks = [decided(job, outcome) for job, outcome in zip(jobs, outcomes, strict=True)]
        assert engine.ack_jobs(acks) == set(ids_of(jobs))
        assert kept(engine, "a") == {JobState.SUCCEEDED: 4, JobState.FAILED: 1}
        assert kept(engine, "b") == {JobState.SUCCEEDED: 2, JobState.FAILED: 2}

    @pytest.mark.accepts("C21")
    def test_a_refused_ack_is_not_counted(self, engine: Engine) -> None:
        """Neither one that comes twice nor one of a lease that is over."""
        enqueue(engine, 2)
        plain, other = claim(engine)
        for job, outcome in ((plain, Success()), (other, Success("1"))):
            assert acknowledge(engine, job, outcome)
            assert not acknowledge(engine, job, outcome)
        assert kept(engine) == ended(engine) == {JobState.SUCCEEDED: 2}

    @pytest.mark.accepts("C21")
    def test_a_retried_job_is_no_longer_among_the_finished_ones(self, engine: Engine) -> None:
        """That it ended once stays counted."""
        id = end_one(engine, FAILED)
        engine.retry_jobs([id])
        assert kept(engine) == {JobState.AVAILABLE: 1}
        run_one(engine, FAILED)
        assert kept(engine) == {JobState.FAILED: 1}
        assert ended(engine) == {JobState.FAILED: 2}

    @pytest.mark.accepts("C21")
    def test_what_is_rolled_back_is_not_counted(self, engine: Engine) -> None:
        """The count is part of the transaction in which a handler's job ends."""
        enqueue_one(engine)
        [statement] = engine.ack_statements(decided(claim_one(engine), Success()))[:1]
        transaction = engine.begin()
        transaction.run(statement)
        transaction.rollback()
        assert kept(engine) == {JobState.EXECUTING: 1}

    @pytest.mark.accepts("C21")
    def test_upkeep_changes_no_count(self, engine: Engine, another_engine: Engine) -> None:
        """Not even when two leaders are at it while jobs end."""
        with ThreadPoolExecutor(4) as threads:
            for _ in range(10):
                enqueue(engine, 5)
                acks = [threads.submit(acknowledge, engine, job, Success("1")) for job in claim(engine)]
                upkeep = [threads.submit(one.upkeep) for one in (engine, another_engine)]
                assert all(ack.result() for ack in acks)
                for one in upkeep:
                    one.result()
        assert kept(engine) == ended(engine) == {JobState.SUCCEEDED: 50}
        engine.upkeep()
        assert kept(engine) == ended(engine) == {JobState.SUCCEEDED: 50}

    @pytest.mark.accepts("C21")
    def test_waiting_jobs_are_counted_by_queue(self, engine: Engine) -> None:
        """Whatever their priorities, and whether they are due; so are suspects and running ones."""
        enqueue(engine, 3, queue="a", priority=1)
        enqueue(engine, 2, queue="a", priority=9)
        enqueue(engine, 4, queue="a", delay=DAY)
        enqueue(engine, 6, queue="c", priority=3)
        enqueue(engine, 1, queue="b", delay=DAY)
        engine.park_jobs("c", "shop.jobs.send_invoice", 2)
        claim(engine, queue="a", limit=1)
        assert kept(engine, "a") == {JobState.AVAILABLE: 4, JobState.SCHEDULED: 4, JobState.EXECUTING: 1}
        assert kept(engine, "b") == {JobState.SCHEDULED: 1}
        assert kept(engine, "c") == {JobState.AVAILABLE: 4, JobState.BLOCKED: 2}
        assert not any(queue.at_least for queue in engine.list_queues())
        assert engine.count_jobs()[JobState.AVAILABLE] == 8

    @pytest.mark.accepts("C21")
    def test_a_long_backlog_is_counted_up_to_a_limit(self, engine: Engine) -> None:
        """The count says so; those of other queues are exact."""
        for _ in range(6):
            enqueue(engine, 5000, queue="long")
        enqueue(engine, 1001, queue="short")
        enqueue(engine, 7, queue="shorter")
        long = queue_of(engine, "long")
        assert (long.counts[JobState.AVAILABLE], long.at_least) == (12_000, frozenset({JobState.AVAILABLE}))
        assert (kept(engine, "short"), queue_of(engine, "short").at_least) == ({JobState.AVAILABLE: 1001}, frozenset())
        assert kept(engine, "shorter") == {JobState.AVAILABLE: 7}


class RetentionContract(EngineContract):
    """`list_expired` and `prune_jobs`."""

    @pytest.mark.accepts("C21")
    def test_succeeded_and_cancelled_jobs_are_kept_for_a_week(self, engine: Engine, clock: Clock) -> None:
        """Then they go, and are counted no longer; that they were is not forgotten."""
        succeeded = end_one(engine, Success("1"))
        cancelled = end_one(engine, Cancel("enough"))
        clock.advance(7 * DAY - 60 * SECOND)
        assert engine.list_expired() == []
        clock.advance(61 * SECOND)
        assert sorted(prune(engine)) == [succeeded, cancelled]
        assert kept(engine) == {}
        assert ended(engine) == {JobState.SUCCEEDED: 1, JobState.CANCELLED: 1}
        assert engine.find_job(succeeded) is None
        assert engine.list_expired() == []

    @pytest.mark.accepts("C21")
    def test_a_failed_job_stays_until_somebody_has_seen_to_it(self, engine: Engine, clock: Clock) -> None:
        """For years."""
        id = end_one(engine, FAILED)
        clock.advance(1000 * DAY)
        assert engine.list_expired() == []
        assert engine.find_job(id) is not None

    @pytest.mark.accepts("C21")
    def test_a_queue_says_how_long_it_keeps_its_jobs(self, engine: Engine, clock: Clock) -> None:
        """Shorter or longer than others."""
        keep(engine, "short", keep_succeeded=DAY)
        keep(engine, "long", keep_succeeded=30 * DAY, keep_cancelled=DAY)
        short, usual, long = (end_one(engine, Success(), queue) for queue in ("short", "default", "long"))
        withdrawn = end_one(engine, Cancel("enough"), "long")
        clock.advance(DAY + SECOND)
        assert sorted(prune(engine)) == [short, withdrawn]
        clock.advance(6 * DAY)
        assert prune(engine) == [usual]
        clock.advance(23 * DAY)
        assert prune(engine) == [long]

    @pytest.mark.accepts("C21")
    def test_pruning_goes_in_chunks_from_the_oldest_on(self, engine: Engine, clock: Clock) -> None:
        """The next chunk begins where the last one ended; a job that ended meanwhile is not among them."""
        first = end_many(engine, 3)
        clock.advance(SECOND)
        second = end_many(engine, 2)
        clock.advance(7 * DAY + SECOND)
        [expired] = engine.list_expired()
        recent = end_one(engine, Success())
        one = engine.prune_jobs(expired, 3)
        assert one.rest is not None
        two = engine.prune_jobs(one.rest, 3)
        assert two.rest is None
        assert [sorted(chunk.ids) for chunk in (one, two)] == [first, second]
        assert kept(engine) == {JobState.SUCCEEDED: 1}
        assert engine.find_job(recent) is not None

    @pytest.mark.accepts("C21")
    def test_a_pruned_job_leaves_nothing_behind(self, engine: Engine, clock: Clock) -> None:
        """Neither its history nor what it said; another's stay."""
        first, other = enqueue(engine, 2)
        engine.write_log(
            [NewLine(id, 1, id, 20, "shop", "hello") for id in (first, other)],
            [NewProgress(id, 1, 1.0, None, None) for id in (first, other)],
            NOW_US,
        )
        job, neighbour = claim(engine)
        assert acknowledge(engine, neighbour, Failure(ERROR, Retry(after=timedelta(0))))
        assert acknowledge(engine, job, Failure(ERROR, Retry(after=timedelta(0))))
        engine.stage_jobs(10)
        [job, neighbour] = sorted(claim(engine), key=lambda job: job.id)
        assert acknowledge(engine, job, Success())
        clock.advance(7 * DAY + SECOND)
        assert prune(engine) == [first]
        assert engine.list_attempts(first) == []
        assert engine.list_log(LogFilter(job_id=first)) == []
        assert engine.list_progress([first]) == []
        assert len(engine.list_attempts(other)) == len(engine.list_log(LogFilter(job_id=other))) == 1

    @pytest.mark.accepts("C21")
    def test_a_job_that_came_back_is_not_pruned(self, engine: Engine, clock: Clock) -> None:
        """Not even by somebody who has learnt before that it is expired."""
        id = end_one(engine, Cancel("enough"))
        clock.advance(8 * DAY)
        [expired] = engine.list_expired()
        engine.retry_jobs([id])
        assert engine.prune_jobs(expired, 10).ids == []
        engine.cancel_jobs([id])
        assert engine.prune_jobs(expired, 10).ids == []
        assert kept(engine) == {JobState.CANCELLED: 1}

    @pytest.mark.accepts("C21")
    def test_a_queue_may_keep_no_succeeded_jobs(self, engine: Engine) -> None:
        """They are gone with the acknowledgement, and counted as having ended; failed ones stay as elsewhere."""
        keep(engine, keep_succeeded=timedelta(0))
        plain, other = end_one(engine, Success()), end_one(engine, Success("1"))
        assert engine.find_job(plain) is engine.find_job(other) is None
        failed = end_one(engine, FAILED)
        assert engine.find_job(failed) is not None
        assert kept(engine) == {JobState.FAILED: 1}
        assert ended(engine) == {JobState.SUCCEEDED: 2, JobState.FAILED: 1}
        assert not acknowledge_twice(engine)

    @pytest.mark.accepts("C21")
    def test_what_such_a_job_left_behind_goes_with_the_next_pruning(self, engine: Engine, clock: Clock) -> None:
        """One that failed before it succeeded has a history, and is kept until that is pruned with it."""
        keep(engine, keep_succeeded=timedelta(0))
        id = end_one(engine, Failure(ERROR, Retry(after=timedelta(0))))
        engine.stage_jobs(1)
        run_one(engine, Success())
        clock.advance(SECOND)
        assert prune(engine) == [id]
        assert engine.list_attempts(id) == []
        assert (kept(engine), ended(engine)) == ({}, {JobState.SUCCEEDED: 1})

    @pytest.mark.accepts("C21")
    def test_two_that_prune_at_once_delete_each_job_once(
        self, engine: Engine, another_engine: Engine, clock: Clock
    ) -> None:
        """As a leader that was stopped and its successor might; the counts are right all the same."""
        ids = end_many(engine, 400)
        clock.advance(8 * DAY)

        def all_of(one: Engine) -> list[int]:
            gone: list[int] = []
            while chunk := prune(one, 20):
                gone += chunk
            return gone

        with ThreadPoolExecutor(2) as threads:
            one, two = threads.map(all_of, (engine, another_engine))
        gone = [*one, *two, *prune(engine)]
        assert sorted(gone) == ids
        assert kept(engine) == {}
        assert ended(engine) == {JobState.SUCCEEDED: 400}


def acknowledge_twice(engine: Engine) -> bool:
    """Whether a second acknowledgement of a job that was not kept is accepted."""
    enqueue_one(engine)
    job = claim_one(engine)
    assert acknowledge(engine, job, Success())
    return acknowledge(engine, job, Success())
