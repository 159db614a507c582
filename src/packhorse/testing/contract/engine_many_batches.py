"""Batches in numbers: counted from everywhere at once, and without leaving anything behind."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from functools import partial

import pytest

from packhorse.domain.job import Keys, NewJob
from packhorse.domain.outcome import Fail, Success
from packhorse.domain.state import JobState
from packhorse.engine import Engine, JobFilter
from packhorse.testing.contract.engine_batch_notices import occasions
from packhorse.testing.contract.engine_batches import batch_of, counts, open_batch, put_in
from packhorse.testing.contract.engine_retention import prune, prune_batches
from packhorse.testing.contract.steps import claim, decided, eventually, settle
from packhorse.testing.contract.subject import Clock, EngineContract, Subject
from packhorse.testing.samples import new_jobs

PROCESSES, JOBS = 8, 1000


class ManyBatchesContract(EngineContract):
    """Batches in numbers, and from everywhere at once."""

    @pytest.mark.slow
    @pytest.mark.accepts("M23", "M25")
    def test_counters_are_exact_under_many_processes(self, engine: Engine, subject: Subject) -> None:
        """Eight processes enqueue and run a thousand jobs each, in one batch, and count while the others do.

        It is told of each once, in order.
        """
        callbacks = {name: NewJob(task=name, queue=name) for name in ("on_end", "on_each")}
        id = open_batch(engine, **callbacks, expected=PROCESSES * JOBS)
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=work, args=(subject, id, number)) for number in range(PROCESSES)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(100)
            assert process.exitcode == 0
        engine.close_batch(id)
        batch = batch_of(engine, id)
        failed = PROCESSES * JOBS // 10
        assert counts(batch) == (PROCESSES * JOBS, PROCESSES * JOBS - failed, failed, 0)
        assert batch.state == "failed"
        assert [job.task for job in claim(engine, queue="on_end")] == ["on_end"]
        numbers = [one.number for one in engine.list_members(id, limit=PROCESSES * JOBS + 1)]
        assert sorted(number or 0 for number in numbers) == list(range(1, PROCESSES * JOBS + 1))
        told = [one.member.number for one in occasions(engine, "on_each") if one.member]
        assert told == list(range(1, PROCESSES * JOBS + 1))

    @pytest.mark.slow
    def test_a_counter_that_is_killed_counts_nothing_twice(self, engine: Engine, subject: Subject) -> None:
        """It is killed again and again while it counts; what it had not committed is counted by the next one."""
        id = open_batch(engine)
        context = multiprocessing.get_context("spawn")
        for part in range(1, 6):
            put_in(engine, id, 200)
            engine.ack_jobs([decided(job, Success("1")) for job in claim(engine, limit=200)])
            process = context.Process(target=count_slowly, args=(subject,))
            process.start()
            eventually(partial(has_begun, engine, id, 200 * (part - 1)), "it counts")
            process.kill()
            process.join(30)
        eventually(lambda: counts(batch_of(engine, id)) == (1000, 1000, 0, 0), "all is counted")

    def test_a_page_of_batches_looks_through_some_of_the_news(self, engine: Engine) -> None:
        """Where there is more, there may be some of each; of a single one it is known exactly."""
        quiet, loud = open_batch(engine), open_batch(engine)
        settle(engine)
        assert [one.is_counted for one in engine.list_batches()] == [True, True]
        put_in(engine, loud, 1100)
        assert [one.is_counted for one in engine.list_batches()] == [False, True]
        engine.ack_jobs([decided(job, Fail()) for job in claim(engine, limit=2000)])
        assert [one.is_counted for one in engine.list_batches(limit=2)] == [False, False]
        assert [engine.list_batches(id=id)[0].is_counted for id in (quiet, loud)] == [True, False]

    @pytest.mark.slow
    @pytest.mark.accepts("M25")
    def test_batches_that_have_ended_leave_nothing_behind(self, engine: Engine, clock: Clock) -> None:
        """Ten thousand of them, each told of twice: nothing is looked at again, and a week later nothing is there."""
        told = {name: NewJob(task=name) for name in ("on_end", "on_each")}
        ids = [open_batch(engine, **told) for _ in range(10_000)]
        for start in range(0, len(ids), 1000):
            engine.insert_jobs([job for id in ids[start : start + 1000] for job in new_jobs(1, keys=Keys(batch_id=id))])
        for id in ids:
            engine.close_batch(id)
        while jobs := claim(engine, limit=1000):
            engine.ack_jobs([decided(job, Success()) for job in jobs])
            settle(engine)
        assert engine.list_batches(is_open=True) == []
        assert not engine.glance(1).has_turns
        assert engine.count_batches(1000) == 0
        assert engine.list_queues()[0].ended[JobState.SUCCEEDED] == 30_000
        clock.advance(timedelta(days=8))
        pruned = 0
        while jobs_gone := len(prune(engine)):
            pruned += jobs_gone
        assert (pruned, *prune_batches(engine)) == (20_000, 10_000, 10_000)
        assert (engine.list_batches(), engine.list_members(ids[0]), engine.list_jobs(JobFilter())) == ([], [], [])


def work(subject: Subject, batch: int, number: int) -> None:
    """Enqueue a thousand jobs of the batch in parts, run what is there, and count now and then."""
    engine = subject.open()
    mine = 0
    for _ in range(10):
        engine.insert_jobs(new_jobs(JOBS // 10, queue=f"q{number}", keys=Keys(batch_id=batch)))
        jobs = claim(engine, worker=number + 1, queue=f"q{number}", limit=JOBS)
        acks = [decided(job, Fail() if (mine + place) % 10 == 0 else Success()) for place, job in enumerate(jobs)]
        mine += len(jobs)
        assert len(engine.ack_jobs(acks)) == len(jobs)
        engine.count_batches(300)
    assert mine == JOBS
    engine.close()


def has_begun(engine: Engine, id: int, before: int) -> bool:
    """Whether more than so many jobs of a batch are counted."""
    return engine.list_batches(id=id)[0].enqueued > before


def count_slowly(subject: Subject) -> None:
    """Count one job after the other."""
    engine = subject.open()
    while True:
        engine.count_batches(1)
