"""A batch tells of each of its jobs, once, in the order in which they came."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from packhorse.domain.batch import Occasion, occasion_in
from packhorse.domain.job import Keys, NewJob
from packhorse.domain.outcome import Cancel, Fail, Retry, Success
from packhorse.engine import Engine, JobFilter
from packhorse.testing.contract.engine_batches import batch_of, open_batch, put_in, run_all
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import acknowledge, claim, decided, settle
from packhorse.testing.contract.subject import EngineContract

TELL = NewJob(task="tell", args="[7]", queue="told", meta='{"stamp": 1}')


def occasions(engine: Engine, task: str = "tell") -> list[Occasion]:
    """What the callbacks that were enqueued are told, the first one first."""
    jobs = engine.list_jobs(JobFilter(task=task, limit=100_000))
    found = [occasion_in(json.loads(job.meta or "{}")) for job in sorted(jobs, key=lambda job: job.id)]
    return [occasion for occasion in found if occasion is not None]


def told(engine: Engine) -> list[tuple[int, str | None]]:
    """Of which places in the batch was told, and what those jobs had become."""
    settle(engine)
    members = [occasion.member for occasion in occasions(engine)]
    return [(member.number or 0, member.counted_as) for member in members if member is not None]


@pytest.mark.accepts("M25")
class BatchNoticesContract(EngineContract):
    """`NewBatch.on_each`."""

    def test_it_is_told_of_each_job_in_the_order_in_which_they_came(self, engine: Engine) -> None:
        """However they end, and in whatever order they do."""
        id = open_batch(engine, on_each=TELL)
        jobs = put_in(engine, id, 4)
        first, second, third, fourth = claim(engine)
        assert [one.id for one in (first, second, third, fourth)] == jobs
        acknowledge(engine, third, Success())
        acknowledge(engine, second, Fail())
        assert told(engine) == []
        acknowledge(engine, first, Success())
        assert told(engine) == [(1, "succeeded"), (2, "failed"), (3, "succeeded")]
        acknowledge(engine, fourth, Retry(after=timedelta(0)))
        assert len(told(engine)) == 3
        engine.stage_jobs(1)
        acknowledge(engine, claim(engine)[0], Cancel())
        assert told(engine)[3:] == [(4, "cancelled")]
        assert [one.member.job_id for one in occasions(engine) if one.member] == jobs
        assert {one.batch_id for one in occasions(engine)} == {id}

    def test_what_tells_runs_one_at_a_time_in_order(self, engine: Engine) -> None:
        """On however many workers; one that is tried again keeps its place."""
        id = open_batch(engine, on_each=TELL)
        put_in(engine, id, 3)
        run_all(engine)
        settle(engine)
        numbers = list[int | None]()
        for outcome in (Success(), Retry(after=timedelta(0)), Success(), Success()):
            [job] = claim(engine, queue="told")
            assert (job.task, job.args, json.loads(job.meta or "{}")["stamp"]) == ("tell", "[7]", 1)
            occasion = occasion_in(json.loads(job.meta or "{}"))
            assert occasion is not None
            assert occasion.member is not None
            numbers.append(occasion.member.number)
            acknowledge(engine, job, outcome)
            engine.stage_jobs(1)
            settle(engine)
        assert numbers == [1, 2, 2, 3]

    def test_a_key_of_its_own_orders_what_several_batches_tell(self, engine: Engine) -> None:
        """In place of that of the batch."""
        tell = NewJob(task="tell", queue="told", keys=Keys(serial_key="mail"))
        for _ in range(2):
            put_in(engine, open_batch(engine, on_each=tell), 2)
        run_all(engine)
        settle(engine)
        assert len(claim(engine, queue="told")) == 1

    def test_it_is_told_once_of_each(self, engine: Engine) -> None:
        """Of its first end, also when it is brought back; a job that was deleted counts as cancelled."""
        put(engine, "quick", keep_succeeded=timedelta(0))
        id = open_batch(engine, on_each=TELL)
        failed, deleted = put_in(engine, id, 2)
        engine.cancel_jobs([deleted])
        assert engine.delete_jobs([deleted]) == {deleted}
        acknowledge(engine, claim(engine)[0], Fail())
        assert told(engine) == [(1, "failed"), (2, "cancelled")]
        engine.retry_jobs([failed])
        settle(engine)
        acknowledge(engine, claim(engine)[0], Success())
        put_in(engine, id, queue="quick")
        for job in claim(engine, queue="quick"):
            acknowledge(engine, job, Success())
        engine.close_batch(id)
        assert told(engine) == [(1, "failed"), (2, "cancelled"), (3, "succeeded")]
        assert batch_of(engine, id).state == "failed"

    def test_many_are_told_of_in_several_passes(self, engine: Engine) -> None:
        """As many at a time as a pass takes; other batches pay nothing."""
        id, other = open_batch(engine, on_each=TELL), open_batch(engine)
        put_in(engine, id, 25)
        put_in(engine, other, 5)
        [first, *others] = claim(engine)
        engine.ack_jobs([decided(job, Success()) for job in others])
        assert told(engine) == []
        acknowledge(engine, first, Success())
        engine.count_batches(10)
        assert len(occasions(engine)) == 10
        assert [number for number, _ in told(engine)] == list(range(1, 26))

    def test_callbacks_are_told_of_their_batch(self, engine: Engine) -> None:
        """Nobody else could tell them: it has no id yet when they are prepared."""
        id = open_batch(engine, on_end=NewJob(task="tell"), on_success=NewJob(task="tell"))
        engine.close_batch(id)
        settle(engine)
        assert occasions(engine) == [Occasion(batch_id=id), Occasion(batch_id=id)]
