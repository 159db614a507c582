"""Batches are forgotten as wholes, with all their jobs, when none of these is to be kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Cancel, Fail, Failure, Outcome, Success
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.errors import BatchNotFound
from packhorse.testing.contract.engine_batches import batch_of, open_batch, put_in, run_all
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.engine_retention import prune, prune_batches
from packhorse.testing.contract.steps import acknowledge, claim, claim_one, enqueue_one, settle, store_on
from packhorse.testing.contract.subject import Clock, EngineContract, ProducerConnection
from packhorse.testing.samples import ERROR, new_job

DAY = timedelta(days=1)
FAILED = Failure(ERROR, Fail())


def finished_batch(engine: Engine, count: int = 3) -> tuple[int, list[int]]:
    """A batch that has ended, all its jobs having succeeded; its id and theirs."""
    id = open_batch(engine)
    jobs = put_in(engine, id, count)
    engine.close_batch(id)
    run_all(engine)
    settle(engine)
    return id, jobs


def is_there(engine: Engine, *jobs: int) -> list[bool]:
    """Which of these jobs are recorded."""
    return [engine.find_job(job) is not None for job in jobs]


@pytest.mark.accepts("M28")
class BatchRetentionContract(EngineContract):
    """`prune_batches`, and what `prune_jobs` leaves to it."""

    def test_a_batch_goes_with_all_its_jobs(self, engine: Engine, clock: Clock) -> None:
        """And nothing is left of them; one that is open stays, with those of its jobs that ended long ago."""
        finished_batch(engine)
        open_one = open_batch(engine)
        [other] = put_in(engine, open_one)
        run_all(engine)
        settle(engine)
        plain = enqueue_one(engine)
        run_all(engine)
        assert prune_batches(engine) == (0, 0)
        clock.advance(8 * DAY)
        assert prune(engine) == [plain]
        assert prune_batches(engine) == (1, 3)
        assert [batch.id for batch in engine.list_batches()] == [open_one]
        assert [member.job_id for member in engine.list_members(open_one)] == [other]
        assert engine.count_jobs()[JobState.SUCCEEDED] == 1
        assert prune_batches(engine) == (0, 0)

    def test_a_batch_is_never_split(self, engine: Engine, clock: Clock) -> None:
        """What its queue would let go of today waits for what another queue keeps for longer."""
        put(engine, "short", keep_succeeded=DAY)
        put(engine, "long", keep_succeeded=30 * DAY)
        id = open_batch(engine)
        jobs = [*put_in(engine, id, 2, queue="short"), *put_in(engine, id, 1, queue="long")]
        engine.close_batch(id)
        for queue in ("long", "short"):
            for job in claim(engine, queue=queue):
                acknowledge(engine, job, Success())
        settle(engine)
        clock.advance(29 * DAY)
        assert (prune(engine), prune_batches(engine)) == ([], (0, 0))
        clock.advance(2 * DAY)
        assert (prune(engine), prune_batches(engine)) == ([], (1, 3))
        assert not any(is_there(engine, *jobs))

    def test_a_failure_that_nobody_has_seen_to_keeps_the_batch(self, engine: Engine, clock: Clock) -> None:
        """Until it is dismissed and its time is over; so does a job that was brought back."""
        id = open_batch(engine)
        good, failed, cancelled = put_in(engine, id, 3)
        engine.close_batch(id)
        outcomes: list[Outcome] = [Success(), FAILED, Cancel()]
        for job, outcome in zip(claim(engine), outcomes, strict=True):
            acknowledge(engine, job, outcome)
        settle(engine)
        clock.advance(400 * DAY)
        assert (prune(engine), prune_batches(engine)) == ([], (0, 0))
        engine.dismiss_jobs([failed], "kim", "no longer wanted")
        clock.advance(29 * DAY)
        assert prune_batches(engine) == (0, 0)
        clock.advance(2 * DAY)
        engine.retry_jobs([cancelled])
        assert prune_batches(engine) == (0, 0)
        acknowledge(engine, claim_one(engine), Success())
        settle(engine)
        assert prune_batches(engine) == (0, 0)
        clock.advance(8 * DAY)
        assert prune_batches(engine) == (1, 3)
        assert not any(is_there(engine, good, failed, cancelled))

    def test_a_large_batch_goes_at_once_and_its_rows_in_chunks(self, engine: Engine, clock: Clock) -> None:
        """From its first chunk on it is gone for everybody; a job that is brought back meanwhile is like any other."""
        id = open_batch(engine)
        jobs = put_in(engine, id, 25)
        engine.cancel_jobs(jobs[-1:])
        engine.close_batch(id)
        run_all(engine)
        settle(engine)
        clock.advance(8 * DAY)
        assert engine.prune_batches(10).forgotten == 1
        assert engine.list_batches(id=id) == engine.list_batches() == []
        assert not engine.close_batch(id)
        with pytest.raises(BatchNotFound):
            enqueue_one(engine, keys=Keys(batch_id=id))
        assert engine.prune_batches(10).jobs == 10
        assert is_there(engine, *jobs) == [False] * 10 + [True] * 15
        assert prune(engine) == []
        engine.retry_jobs(jobs[-1:])
        settle(engine)
        assert prune_batches(engine, 10) == (1, 15)
        assert is_there(engine, *jobs) == [False] * 24 + [True]
        run_all(engine)
        assert engine.list_members(id) == []
        clock.advance(8 * DAY)
        assert prune(engine) == jobs[-1:]

    def test_a_batch_without_kept_jobs_stays_for_a_week(self, engine: Engine, clock: Clock) -> None:
        """Its queue keeps none, or somebody has deleted them; or there never were any."""
        put(engine, "default", keep_succeeded=timedelta(0))
        finished_batch(engine)
        engine.close_batch(open_batch(engine))
        settle(engine)
        clock.advance(6 * DAY)
        assert prune_batches(engine) == (0, 0)
        clock.advance(2 * DAY)
        assert prune_batches(engine) == (2, 3)
        assert engine.list_batches() == []

    def test_jobs_of_a_batch_may_have_waited_for_one_another(self, engine: Engine, clock: Clock) -> None:
        """They go together; one that a job outside waits for keeps the batch until that one has gone."""
        id = open_batch(engine)
        [target] = put_in(engine, id)
        inside = enqueue_one(engine, keys=Keys(after=(target,), batch_id=id))
        engine.close_batch(id)
        outside = enqueue_one(engine, keys=Keys(after=(inside,)))
        engine.cancel_jobs([target, inside, outside])
        settle(engine)
        clock.advance(8 * DAY)
        assert prune_batches(engine) == (0, 0)
        assert prune(engine) == [outside]
        assert prune_batches(engine) == (1, 2)

    def test_a_job_that_comes_while_its_batch_is_forgotten_is_pruned_as_others(
        self, engine: Engine, clock: Clock, producer: ProducerConnection
    ) -> None:
        """Its producer was slow, and its batch ended a week before: it runs, and nothing of it stays for ever."""
        if not engine.features.concurrent_writers:
            pytest.skip("while one writes nobody forgets a batch")
        id, _ = finished_batch(engine)
        clock.advance(8 * DAY)
        [late] = store_on(producer, engine, [new_job(keys=Keys(batch_id=id))])
        assert prune_batches(engine) == (1, 3)
        producer.commit()
        run_all(engine)
        settle(engine)
        assert engine.list_batches() == []
        clock.advance(8 * DAY)
        assert prune(engine) == [late]
        assert engine.list_members(id) == []

    def test_a_job_is_not_pruned_before_it_is_counted(self, engine: Engine, clock: Clock) -> None:
        """However long ago it ended."""
        id = open_batch(engine)
        put_in(engine, id)
        run_all(engine)
        engine.close_batch(id)
        clock.advance(400 * DAY)
        assert (prune(engine), prune_batches(engine)) == ([], (0, 0))
        assert batch_of(engine, id).succeeded == 1
        clock.advance(8 * DAY)
        assert prune_batches(engine) == (1, 1)

    def test_many_batches_are_looked_at_in_turn(self, engine: Engine, clock: Clock) -> None:
        """As many in one step as are asked for, then those behind them."""
        kept = open_batch(engine)
        finished = [finished_batch(engine, 1)[0] for _ in range(4)]
        clock.advance(8 * DAY)
        step = engine.prune_batches(3)
        assert (step.forgotten, step.after) == (3, finished[2])
        assert sorted(batch.id for batch in engine.list_batches()) == [kept, finished[-1]]
        assert prune_batches(engine, 3) == (4, 4)
