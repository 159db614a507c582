"""Batches: jobs that belong together are counted as they come and end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from packhorse.domain.batch import BatchRecord, NewBatch
from packhorse.domain.job import Keys, NewJob
from packhorse.domain.outcome import Cancel, Fail, Retry, Success
from packhorse.engine import Engine, JobFilter
from packhorse.errors import BatchNotFound
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    decided,
    drained,
    enqueue,
    enqueue_one,
    settle,
    store_on,
)
from packhorse.testing.contract.subject import Clock, EngineContract, ProducerConnection
from packhorse.testing.samples import new_job


def batch_of(engine: Engine, id: int) -> BatchRecord:
    """The record of a batch that must be there, when all that is news is counted."""
    settle(engine)
    [batch] = engine.list_batches(id=id)
    return batch


def open_batch(engine: Engine, **changes: Any) -> int:
    """Store a batch; its id."""
    return engine.insert_batch(NewBatch(**{"name": "night", **changes}))


def put_in(engine: Engine, batch: int, count: int = 1, **changes: Any) -> list[int]:
    """Store jobs of a batch; their ids."""
    return enqueue(engine, count, keys=Keys(batch_id=batch), **changes)


def counts(batch: BatchRecord) -> tuple[int, int, int, int]:
    """What came, succeeded, failed and was cancelled."""
    return batch.enqueued, batch.succeeded, batch.failed, batch.cancelled


def run_all(engine: Engine) -> None:
    """Run what is available."""
    for job in claim(engine, limit=10_000):
        assert acknowledge(engine, job, Success("1"))


def tasks_waiting(engine: Engine) -> list[str]:
    """The tasks of the jobs that wait, the oldest first."""
    return [job.task for job in reversed(engine.list_jobs(JobFilter(limit=1000))) if not job.state.is_final]


class BatchContract(EngineContract):
    """Jobs of a batch."""

    @pytest.mark.accepts("M23")
    def test_a_new_batch_is_open_and_empty(self, engine: Engine) -> None:
        """It has what it was given, and the job's batch as its parent where none is named."""
        parent = open_batch(engine)
        [job] = put_in(engine, parent)
        child = engine.insert_batch(
            NewBatch(name="child", type="import", of_job=job, expected=3, keep_alive=timedelta(hours=1))
        )
        batch = batch_of(engine, child)
        assert (batch.name, batch.type, batch.parent_id, batch.expected) == ("child", "import", parent, 3)
        assert (batch.keep_alive, counts(batch), batch.state) == (timedelta(hours=1), (0, 0, 0, 0), "open")
        assert engine.list_batches(id=child + 1) == []
        assert [one.id for one in engine.list_batches()] == [child, parent]
        assert [one.id for one in engine.list_batches(before_id=child, is_open=True, limit=1)] == [parent]

    @pytest.mark.accepts("M23")
    def test_jobs_are_counted_as_they_come_and_end(self, engine: Engine) -> None:
        """Each once, whatever its end; the counters say when, and which ended last."""
        id = open_batch(engine)
        jobs = put_in(engine, id, 4)
        batch = batch_of(engine, id)
        assert counts(batch) == (4, 0, 0, 0)
        assert batch.first_enqueued_at == batch.last_enqueued_at is not None
        running = {job.id: job for job in claim(engine)}
        engine.ack_jobs([decided(running[jobs[0]], Success())])
        engine.ack_jobs([decided(running[jobs[1]], Fail()), decided(running[jobs[2]], Cancel())])
        engine.ack_jobs([decided(running[jobs[3]], Retry(after=timedelta(0)))])
        batch = batch_of(engine, id)
        assert (counts(batch), batch.processed) == ((4, 1, 1, 1), 3)
        assert batch.last_processed_at is not None
        assert [(one.number, one.counted_as) for one in engine.list_members(id)] == [
            (1, "succeeded"),
            (2, "failed"),
            (3, "cancelled"),
            (4, "enqueued"),
        ]
        assert [one.job_id for one in engine.list_members(id, unsuccessful=True)] == jobs[1:3]
        assert [one.job_id for one in engine.list_members(id, after_id=jobs[1], limit=1)] == [jobs[2]]

    def test_it_ends_when_it_is_closed_and_all_have_ended(self, engine: Engine) -> None:
        """In either order; one without jobs ends when it is closed."""
        empty, early, late = (open_batch(engine) for _ in range(3))
        put_in(engine, early)
        assert engine.close_batch(empty)
        assert engine.close_batch(early)
        put_in(engine, late)
        assert [batch_of(engine, id).state for id in (empty, early, late)] == ["succeeded", "open", "open"]
        run_all(engine)
        assert [batch_of(engine, id).state for id in (early, late)] == ["succeeded", "open"]
        assert engine.close_batch(late)
        batch = batch_of(engine, late)
        assert batch.state == "succeeded"
        assert batch.closed_at is not None
        assert not engine.close_batch(late + 1)

    def test_it_stays_open_until_as_many_have_ended_as_are_expected(self, engine: Engine) -> None:
        """Although it is closed."""
        id = open_batch(engine, expected=2)
        put_in(engine, id)
        engine.close_batch(id)
        run_all(engine)
        assert batch_of(engine, id).state == "open"
        put_in(engine, id)
        run_all(engine)
        assert batch_of(engine, id).state == "succeeded"

    def test_callbacks_are_enqueued_once(self, engine: Engine) -> None:
        """On success and at the end; at the first failure; and none again when the batch is open once more."""
        calls = {name: NewJob(task=name, args="[1]") for name in ("on_success", "on_failure", "on_end")}
        good, bad = open_batch(engine, **calls), open_batch(engine, **calls)
        put_in(engine, good)
        engine.close_batch(good)
        run_all(engine)
        settle(engine)
        assert tasks_waiting(engine) == ["on_success", "on_end"]
        run_all(engine)
        first, second = put_in(engine, bad, 2)
        engine.close_batch(bad)
        running = {job.id: job for job in claim(engine)}
        acknowledge(engine, running[first], Fail())
        settle(engine)
        assert [task for task in tasks_waiting(engine) if task != "sample"][-1] == "on_failure"
        acknowledge(engine, running[second], Fail())
        settle(engine)
        run_all(engine)
        for outcome in (Fail(), Success()):
            engine.retry_jobs([first, second])
            assert batch_of(engine, bad).state == "open"
            engine.ack_jobs([decided(job, outcome) for job in claim(engine)])
            settle(engine)
        assert batch_of(engine, bad).state == "succeeded"
        assert tasks_waiting(engine) == ["on_success"]

    def test_a_failure_is_counted_once_and_taken_back_when_it_is_retried(self, engine: Engine) -> None:
        """As often as it takes; also where nobody has counted in between."""
        id = open_batch(engine)
        [job] = put_in(engine, id)
        engine.close_batch(id)
        for is_seen in (True, True, False):
            acknowledge(engine, claim(engine)[0], Fail())
            if is_seen:
                assert counts(batch_of(engine, id)) == (1, 0, 1, 0)
            engine.retry_jobs([job])
            if is_seen:
                assert counts(batch_of(engine, id)) == (1, 0, 0, 0)
        acknowledge(engine, claim(engine)[0], Success())
        batch = batch_of(engine, id)
        assert (counts(batch), batch.state) == ((1, 1, 0, 0), "succeeded")

    def test_a_job_that_was_cancelled_or_deleted_counts_as_cancelled(self, engine: Engine) -> None:
        """However soon it goes; what was counted stays what it was."""
        id = open_batch(engine)
        gone, failed, cancelled = put_in(engine, id, 3)
        engine.close_batch(id)
        engine.cancel_jobs([gone, cancelled])
        assert engine.delete_jobs([gone]) == {gone}
        acknowledge(engine, claim(engine)[0], Fail())
        settle(engine)
        assert engine.delete_jobs([failed]) == {failed}
        batch = batch_of(engine, id)
        assert (counts(batch), batch.state) == ((3, 0, 1, 2), "failed")

    def test_a_success_that_is_not_kept_is_counted(self, engine: Engine) -> None:
        """Its queue keeps no succeeded jobs."""
        put(engine, "default", keep_succeeded=timedelta(0))
        id = open_batch(engine)
        put_in(engine, id, 3)
        engine.close_batch(id)
        drained(engine)
        assert counts(batch_of(engine, id)) == (3, 3, 0, 0)

    def test_plain_jobs_beside_them_are_not_counted(self, engine: Engine) -> None:
        """And jobs with keys are."""
        id = open_batch(engine)
        enqueue(engine, 3)
        first = enqueue_one(engine, keys=Keys(serial_key="s", unique_key="u", batch_id=id))
        enqueue_one(engine, keys=Keys(serial_key="s", after=(first,), batch_id=id))
        engine.close_batch(id)
        settle(engine)
        drained(engine)
        assert counts(batch_of(engine, id)) == (2, 2, 0, 0)

    @pytest.mark.parametrize("ending", ["commit", "rollback"])
    def test_batch_and_jobs_are_part_of_the_producers_transaction(
        self, engine: Engine, producer: ProducerConnection, ending: str
    ) -> None:
        """All of it is there after its commit, nothing after its rollback, and until then nobody waits."""
        storing = engine.storing_batch(NewBatch(name="night"))
        rows = producer.run(next(storing))
        with pytest.raises(StopIteration) as end:
            storing.send(rows)
        id = end.value.value
        store_on(producer, engine, [new_job(keys=Keys(batch_id=id))])
        producer.run(engine.closing_batch(id))
        getattr(producer, ending)()
        run_all(engine)
        settle(engine)
        found = [(counts(batch), batch.state) for batch in engine.list_batches(id=id)]
        assert found == ([((1, 1, 0, 0), "succeeded")] if ending == "commit" else [])

    def test_a_connection_that_commits_each_statement_by_itself_may_be_slow(
        self, engine: Engine, producer: ProducerConnection
    ) -> None:
        """The job has run and was heard of before it is in its batch, which was closed: it is counted all the same."""
        id = open_batch(engine)
        storing = engine.storing([new_job(keys=Keys(batch_id=id))])
        rows = producer.run(storing.send(producer.run(next(storing))))
        assert tasks_waiting(engine) == []
        producer.commit()
        engine.close_batch(id)
        run_all(engine)
        assert (counts(batch_of(engine, id)), batch_of(engine, id).state) == ((0, 0, 0, 0), "succeeded")
        producer.run(storing.send(rows))
        producer.commit()
        assert (counts(batch_of(engine, id)), batch_of(engine, id).state) == ((1, 1, 0, 0), "succeeded")

    def test_an_unknown_batch_is_refused(self, engine: Engine) -> None:
        """And the job is not stored."""
        with pytest.raises(BatchNotFound, match="no batch 77"):
            enqueue_one(engine, keys=Keys(batch_id=77))
        assert tasks_waiting(engine) == []

    def test_many_are_counted_in_several_passes(self, engine: Engine) -> None:
        """And it does not end before the last one is counted."""
        id = open_batch(engine, on_end=NewJob(task="on_end"))
        put_in(engine, id, 25)
        engine.close_batch(id)
        run_all(engine)
        passes = 0
        while engine.glance(1).has_turns:
            assert tasks_waiting(engine) == []
            engine.count_batches(10)
            passes += 1
        assert passes > 2
        assert counts(batch_of(engine, id)) == (25, 25, 0, 0)
        assert tasks_waiting(engine) == ["on_end"]
        assert sorted(one.number or 0 for one in engine.list_members(id)) == list(range(1, 26))

    def test_one_in_which_nothing_happens_is_flagged_as_abandoned(self, engine: Engine, clock: Clock) -> None:
        """After its keep-alive; one that has none, or has ended, is not."""
        hour = timedelta(hours=1)
        kept, ended, other = (open_batch(engine, keep_alive=alive) for alive in (hour, hour, None))
        engine.close_batch(ended)
        settle(engine)
        clock.advance(hour / 2)
        put_in(engine, kept)
        settle(engine)
        clock.advance(hour * 0.9)
        assert batch_of(engine, kept).state == "open"
        clock.advance(hour * 0.2)
        assert [batch_of(engine, id).state for id in (kept, ended, other)] == ["abandoned", "succeeded", "open"]
