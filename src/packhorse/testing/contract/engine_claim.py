"""Jobs are claimed: which ones, in which order, and what changes by it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from packhorse.domain.claim import Claim, Place
from packhorse.domain.outcome import Retry, Success, WorkerLost
from packhorse.domain.state import JobState
from packhorse.engine import Engine
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
)
from packhorse.testing.contract.subject import EngineContract, ProducerConnection, Subject
from packhorse.testing.samples import new_job, new_lease

HOUR = timedelta(hours=1)
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


class ClaimContract(EngineContract):
    """`claim_jobs`."""

    @pytest.mark.accepts("C3")
    def test_the_most_urgent_priority_comes_first_and_equals_in_order_of_id(self, engine: Engine) -> None:
        """Enqueued 9, 1, 5, 5, 3: claimed 1, 3, the first 5, the second 5, 9."""
        nine, one, five, five_again, three = engine.insert_jobs([new_job(priority=n) for n in (9, 1, 5, 5, 3)])
        assert ids_of(claim(engine)) == [one, three, five, five_again, nine]

    @pytest.mark.accepts("C3", "T5")
    def test_inside_a_priority_the_moment_decides(self, engine: Engine) -> None:
        """The sooner expected before the later one; without a time as soon as possible; overdue before both."""
        later = enqueue_one(engine, expected_in=2 * HOUR)
        sooner = enqueue_one(engine, expected_in=HOUR)
        at_once = enqueue_one(engine)
        overdue = enqueue_one(engine, scheduled_at=LONG_AGO)
        assert ids_of(claim(engine)) == [overdue, at_once, sooner, later]

    @pytest.mark.accepts("C3")
    def test_a_deadline_does_not_beat_a_priority(self, engine: Engine) -> None:
        """The priority dominates."""
        overdue = enqueue_one(engine, priority=6, expected_at=LONG_AGO)
        urgent = enqueue_one(engine, priority=5, expected_in=HOUR)
        assert ids_of(claim(engine)) == [urgent, overdue]

    @pytest.mark.accepts("C3")
    @pytest.mark.parametrize("limit", [1, 7, 1000])
    def test_the_order_is_exact_from_claim_to_claim(self, engine: Engine, limit: int) -> None:
        """However many are taken at a time, all of them come in the order of priority, `order_at`, id."""
        chance = random.Random(limit)  # noqa: S311 - a mixture, no secret
        moments = [LONG_AGO + n * HOUR for n in range(4)]
        jobs = [new_job(priority=chance.randint(1, 4), expected_at=chance.choice([*moments, None])) for _ in range(80)]
        records = [job_of(engine, id) for id in engine.insert_jobs(jobs)]

        claimed: list[int] = []
        while more := ids_of(claim(engine, limit=limit)):
            assert len(more) <= limit
            claimed += more

        ordered = sorted(records, key=lambda record: (record.priority, record.order_at, record.id))
        assert claimed == [record.id for record in ordered]

    @pytest.mark.accepts("C3")
    def test_an_urgent_job_that_comes_late_is_next(self, engine: Engine) -> None:
        """However deep in a less urgent priority the claims already are."""
        enqueue(engine, 20)
        claim(engine, limit=10)
        urgent = enqueue_one(engine, priority=1)
        assert ids_of(claim(engine, limit=1)) == [urgent]

    @pytest.mark.accepts("C3")
    def test_a_job_that_commits_late_is_found(
        self, engine: Engine, producer: ProducerConnection, subject: Subject
    ) -> None:
        """Its place was passed by claims before its commit; it is taken all the same, and before what comes after."""
        if not engine.features.concurrent_writers:
            pytest.skip("one writer at a time: no two transactions with jobs are open at once")
        [(late,)] = producer.run(engine.insert_statement([new_job()]))
        quick = subject.connect()
        quick.run(engine.insert_statement([new_job()]))
        quick.commit()
        quick.close()
        assert late not in ids_of(claim(engine))
        producer.commit()
        newest = enqueue_one(engine)
        assert ids_of(claim(engine)) == [late, newest]

    @pytest.mark.accepts("C3")
    @pytest.mark.parametrize("limit", [1, 7])
    def test_a_claim_behind_a_place_goes_on_from_there(self, engine: Engine, limit: int) -> None:
        """Claims that each start behind the last job of the one before come in the same order as those at the head."""
        chance = random.Random(limit)  # noqa: S311 - a mixture, no secret
        moments = [LONG_AGO + n * HOUR for n in range(3)]
        jobs = [new_job(priority=chance.randint(-1, 2), expected_at=chance.choice([*moments, None])) for _ in range(40)]
        records = [job_of(engine, id) for id in engine.insert_jobs(jobs)]

        claimed: list[int] = []
        more = claim(engine, limit=limit)
        while more:
            claimed += ids_of(more)
            more = claim(engine, limit=limit, after=Place.of(more[-1]))

        ordered = sorted(records, key=lambda record: (record.priority, record.order_at, record.id))
        assert claimed == [record.id for record in ordered]

    @pytest.mark.accepts("C3")
    def test_a_claim_behind_a_place_leaves_what_is_in_front_of_it(self, engine: Engine) -> None:
        """The next one at the head finds it."""
        passed = enqueue(engine, 3)
        [_, last] = claim(engine, limit=2)
        overdue = enqueue_one(engine, expected_at=LONG_AGO)
        urgent = enqueue_one(engine, priority=1)
        assert ids_of(claim(engine, after=Place.of(last))) == passed[2:]
        assert ids_of(claim(engine)) == [urgent, overdue]

    @pytest.mark.accepts("C3")
    def test_a_claim_above_a_priority_takes_what_is_more_urgent(self, engine: Engine) -> None:
        """And nothing of that priority itself."""
        same, urgent, high = engine.insert_jobs([new_job(priority=n) for n in (5, 1, 3)])
        assert ids_of(claim(engine, above=5)) == [urgent, high]
        assert ids_of(claim(engine)) == [same]

    def test_never_more_than_the_limit(self, engine: Engine) -> None:
        """The rest stays available."""
        ids = enqueue(engine, 5)
        assert ids_of(claim(engine, limit=3)) == ids[:3]
        assert engine.count_jobs()[JobState.AVAILABLE] == 2

    def test_only_the_queue_that_was_asked_for(self, engine: Engine) -> None:
        """A queue's name is taken literally."""
        enqueue(engine, 2)
        mail = enqueue(engine, 2, queue="mail")
        assert ids_of(claim(engine, queue="mail")) == mail
        assert claim(engine, queue="mai%") == []
        assert claim(engine, queue="Mail") == []

    @pytest.mark.parametrize("delay", [None, timedelta(hours=-1)])
    def test_a_claimed_job_is_executing_under_the_lease(self, engine: Engine, delay: timedelta | None) -> None:
        """With one more attempt, the moment and the worker's name on record."""
        worker = register(engine, name="shop-3:4711")
        id = enqueue_one(engine, args="[1]", kwargs='{"a":2}', meta='{"b":3}', max_attempts=4, priority=3, delay=delay)
        lease = new_lease(worker.id)
        [job] = engine.claim_jobs(Claim(lease=lease, queue="default", limit=1))
        record = job_of(engine, id)
        assert (job.id, job.lease, job.attempt, job.failures, job.skips, job.crashes) == (id, lease, 1, 0, 0, 0)
        assert (job.task, job.queue, job.args, job.kwargs, job.meta, job.max_attempts, job.priority) == (
            *(record.task, record.queue, "[1]", '{"a":2}', '{"b":3}', 4, 3),
        )
        assert record.enqueued_at - record.order_at == -(delay or timedelta())
        assert (job.order_at, job.enqueued_at) == (record.order_at, record.enqueued_at)
        assert (record.state, record.attempt, record.worker) == (JobState.EXECUTING, 1, "shop-3:4711")
        assert record.started_at is not None
        assert record.started_at >= record.enqueued_at

    def test_a_running_job_has_no_reason(self, engine: Engine) -> None:
        """Why it had to wait is told by its history."""
        id = enqueue_one(engine)
        run_one(engine, Retry("the printer is off", after=timedelta(0)))
        assert job_of(engine, id).reason == "the printer is off"
        engine.stage_jobs(1)
        claim_one(engine)
        assert job_of(engine, id).reason is None

    def test_nothing_but_available_jobs(self, engine: Engine) -> None:
        """Scheduled, blocked, executing and finished jobs are no one's to take."""
        enqueue(engine, 3)
        claim(engine, limit=1)
        [done] = claim(engine, limit=1)
        acknowledge(engine, done, Success())
        engine.park_jobs("default", new_job().task, 1)
        enqueue_one(engine, delay=HOUR)
        assert claim(engine) == []

    @pytest.mark.accepts("C13")
    def test_tasks_of_others_are_left_alone(self, engine: Engine) -> None:
        """What is behind them is taken, and their jobs are as they were."""
        theirs = enqueue(engine, 3, task="theirs") + enqueue(engine, 3, task="also.theirs")
        mine = enqueue(engine, 2, task="mine")
        assert ids_of(claim(engine, limit=2, other_tasks=["theirs", "also.theirs"])) == mine
        assert {job_of(engine, id).attempt for id in theirs} == {0}
        assert ids_of(claim(engine)) == theirs

    @pytest.mark.accepts("C6")
    def test_suspects_are_claimed_apart(self, engine: Engine) -> None:
        """A job whose worker died comes only to a claim that asks for suspects, and such a claim takes nothing else."""
        suspect = enqueue_one(engine)
        run_one(engine, WorkerLost("w"))
        fresh = enqueue_one(engine)
        assert ids_of(claim(engine)) == [fresh]
        job = claim_one(engine, suspects=True)
        assert (job.id, job.attempt, job.crashes) == (suspect, 2, 1)

    @pytest.mark.accepts("C6")
    def test_suspects_obey_the_limit_and_the_order(self, engine: Engine) -> None:
        """A claim for one of them takes the most urgent one, whose task is not left alone."""
        enqueue(engine, 2)
        enqueue_one(engine, priority=1)
        for job in claim(engine):
            acknowledge(engine, job, WorkerLost("w"))
        other = enqueue_one(engine, priority=1, task="other")
        acknowledge(engine, claim_one(engine), WorkerLost("w"))
        [first] = claim(engine, suspects=True, limit=1, other_tasks=["other"])
        [second] = claim(engine, suspects=True, limit=1)
        assert (first.priority, second.id) == (1, other)

    @pytest.mark.accepts("C5")
    def test_every_claim_counts_as_an_attempt(self, engine: Engine) -> None:
        """The second run of a job is attempt 2 under another lease."""
        enqueue(engine)
        first = run_one(engine, WorkerLost("w"))
        second = claim_one(engine, suspects=True)
        assert (first.attempt, second.attempt) == (1, 2)
        assert first.lease != second.lease
