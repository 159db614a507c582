"""What has ended is added up by hour, queue and task."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from packhorse.domain.outcome import Cancel, Fail, Failure, Outcome, Retry, Skip, Success
from packhorse.domain.statistics import KEPT, LAG, Figures
from packhorse.engine import Engine
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import acknowledge, claim, enqueue, enqueue_one, run_one
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import ERROR

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
NOW = timedelta(0)
FAILED = Failure(ERROR, Fail())


def end_many(engine: Engine, count: int, task: str = "shop.mail", queue: str = "default") -> None:
    """Let jobs succeed."""
    enqueue(engine, count, task=task, queue=queue)
    jobs = claim(engine, queue=queue, limit=count)
    assert all(acknowledge(engine, job, Success()) for job in jobs)


def total(engine: Engine, last: timedelta = DAY) -> Figures:
    """All of them together."""
    [figures] = engine.get_statistics(last).by() or [Figures()]
    return figures


@pytest.mark.accepts("M27")
class StatisticsContract(EngineContract):
    """`add_up_ended` and `get_statistics`."""

    def test_runs_are_counted_by_queue_and_task(self, engine: Engine, clock: Clock) -> None:
        """Processed, errors, and skips, which leave the job in the queue as an error that is final does not."""
        end_many(engine, 3)
        ends: list[Outcome] = [FAILED, Cancel("enough")]
        for outcome in ends:
            enqueue_one(engine, task="shop.mail")
            run_one(engine, outcome)
        enqueue_one(engine, task="shop.bill", queue="bills")
        outcomes: list[Outcome] = [Failure(ERROR, Retry(after=SECOND)), *[Skip("closed", after=SECOND)] * 2]
        for outcome in outcomes:
            run_one(engine, outcome, queue="bills")
            clock.advance(2 * SECOND)
            engine.stage_jobs(1)
        enqueue(engine, 2, task="shop.mail", delay=30 * DAY)
        clock.advance(LAG + SECOND)
        assert engine.add_up_ended(1000) == 5
        statistics = engine.get_statistics(DAY)
        bill, mail = statistics.by("task")

        assert statistics.is_exact
        assert (mail.in_queue, mail.runs, mail.processed, mail.errors, mail.skipped) == (2, 4, 3, 1, 0)
        assert (mail.failed, mail.cancelled, mail.timed) == (1, 1, 4)
        assert (bill.in_queue, bill.runs, bill.processed, bill.errors, bill.skipped) == (1, 3, 0, 1, 2)
        assert [(one.queue, one.runs) for one in statistics.by("queue")] == [("bills", 3), ("default", 4)]
        run_one(engine, Success(), queue="bills")
        clock.advance(LAG + SECOND)
        engine.add_up_ended(1000)
        [bill] = engine.get_statistics(DAY).of(task="shop.bill").by("queue", "task")
        assert (bill.in_queue, bill.runs, bill.processed, bill.errors, bill.skipped) == (0, 4, 1, 1, 2)
        assert bill.failed == 0

    def test_durations_are_counted_by_hour(self, engine: Engine, clock: Clock) -> None:
        """Their number, their sum and their average; hours that began too long ago are left out."""
        for seconds in (2, 4):
            enqueue(engine, 1)
            [job] = claim(engine)
            clock.advance(seconds * SECOND)
            assert acknowledge(engine, job, Success())
        clock.advance(3 * HOUR)
        end_many(engine, 1, task="shop.jobs.send_invoice")
        clock.advance(LAG + SECOND)
        assert engine.add_up_ended(1000) == 3
        first, *_, last = engine.get_statistics(DAY).by("hour", "task")
        both = total(engine)

        assert first.hour is not None
        assert last.hour is not None
        assert first.hour < last.hour
        assert (first.hour.minute, first.hour.second, first.hour.microsecond) == (0, 0, 0)
        assert (both.timed, both.processed, both.hour) == (3, 3, None)
        assert 6 * SECOND <= both.duration < 12 * SECOND
        assert both.average == both.duration / 3
        assert total(engine, 2 * HOUR).processed == 1
        assert not any(one.in_queue for one in engine.get_statistics(DAY).by("hour"))

    def test_each_end_is_counted_once(self, engine: Engine, another_engine: Engine, clock: Clock) -> None:
        """In chunks, by two at once; what ends meanwhile is counted the next time, what was retried again."""
        end_many(engine, 50)
        clock.advance(SECOND)
        end_many(engine, 50)
        end_many(engine, 10, queue="other")
        enqueue_one(engine)
        failed = run_one(engine, FAILED)
        assert engine.add_up_ended(1000) == 0
        clock.advance(LAG)
        with ThreadPoolExecutor(2) as threads:
            for _ in range(5):
                list(threads.map(lambda one: one.add_up_ended(30), (engine, another_engine)))
        assert (total(engine).processed, total(engine).failed) == (110, 1)
        engine.retry_jobs([failed.id])
        run_one(engine, FAILED)
        clock.advance(LAG + SECOND)
        assert engine.add_up_ended(30) == 1
        assert engine.add_up_ended(30) == 0
        assert (total(engine).failed, total(engine).errors) == (2, 2)

    def test_figures_outlive_the_jobs_and_go_after_a_month(self, engine: Engine, clock: Clock) -> None:
        """A job that is not kept, or that ended long before anybody counted, is in none."""
        put(engine, "none", keep_succeeded=NOW)
        end_many(engine, 5, queue="none")
        end_many(engine, 2)
        clock.advance(LAG + SECOND)
        assert engine.add_up_ended(1000) == 2
        clock.advance(10 * DAY)
        for expired in engine.list_expired():
            engine.prune_jobs(expired, 1000)
        engine.add_up_ended(1000)
        assert total(engine, KEPT).processed == 2
        enqueue_one(engine)
        run_one(engine, FAILED)
        clock.advance(KEPT + HOUR)
        assert engine.add_up_ended(1000) == 0
        assert total(engine, 2 * KEPT) == Figures()

    def test_of_a_long_backlog_a_part_is_counted(self, engine: Engine) -> None:
        """It says so."""
        for _ in range(6):
            enqueue(engine, 5000)
        statistics = engine.get_statistics(DAY)
        assert not statistics.is_exact
        assert [one.in_queue for one in statistics.by("task")] == [25_001]
