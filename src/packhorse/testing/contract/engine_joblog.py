"""What jobs say of themselves is kept apart from them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from packhorse.domain.joblog import NewLine, NewProgress
from packhorse.engine import Engine
from packhorse.joblog import LogFilter
from packhorse.testing.contract.steps import database_now, enqueue, enqueue_one
from packhorse.testing.contract.subject import Clock, EngineContract, ProducerConnection
from packhorse.testing.samples import new_job

NOW_US = 1_767_225_600_000_000
"""What the lines' own clock says, far from the database's."""


class JobLogContract(EngineContract):
    """Lines and progress of jobs."""

    @pytest.mark.accepts("M26")
    def test_lines_come_back_in_order(self, engine: Engine) -> None:
        """By attempt and sequence, whatever the order in which they were written; of one job alone."""
        write(engine, line(7, 2, 1, "d"), line(7, 1, 30, "c"), line(8, 1, 1, "other"), line(7, 1, 10, "a"))
        write(engine, line(7, 1, 20, "b", level=logging.ERROR, logger="shop"))
        assert messages(engine, 7) == ["a", "b", "c", "d"]
        [found] = engine.list_log(LogFilter(job_id=7, level=logging.ERROR))
        assert (found.job_id, found.attempt, found.sequence) == (7, 1, NOW_US + 20)
        assert (found.level, found.logger, found.message) == (logging.ERROR, "shop", "b")

    def test_the_list_can_be_filtered_and_continued(self, engine: Engine) -> None:
        """By attempt and level, in pages; each page begins behind the last line of the one before."""
        write(engine, *[line(7, 1 + n // 3, n, str(n), level=10 * (n % 3 + 1)) for n in range(6)])
        assert messages(engine, 7, attempt=2) == ["3", "4", "5"]
        assert messages(engine, 7, level=30) == ["2", "5"]
        assert messages(engine, 7, limit=2) == ["0", "1"]
        assert messages(engine, 7, limit=2, after=(1, NOW_US + 1)) == ["2", "3"]
        assert messages(engine, 7, after=(2, NOW_US + 5)) == messages(engine, 99) == []

    def test_a_line_has_the_databases_time_of_its_writing(self, engine: Engine, clock: Clock) -> None:
        """As long ago, by the database's clock, as the worker's clock says; never in the future."""
        clock.advance(timedelta(days=3))
        engine.write_log([line(7, 1, -2_000_000, "old"), line(7, 1, 60_000_000, "early")], [], NOW_US)
        old, early = engine.list_log(LogFilter(job_id=7))
        now = database_now(engine)
        assert timedelta(seconds=1.9) <= now - old.at <= timedelta(seconds=12)
        assert timedelta(seconds=-0.1) <= now - early.at <= timedelta(seconds=10)

    def test_a_batch_may_be_sent_again(self, engine: Engine) -> None:
        """Each line is there once; of one that counts what was dropped the last count stays."""
        for text in ("1 dropped", "2 dropped"):
            write(engine, line(7, 1, 1, "a"), line(7, 1, 2, text))
        assert messages(engine, 7) == ["a", "2 dropped"]

    def test_any_storable_text_comes_back(self, engine: Engine) -> None:
        """Quotes, backslashes, percent signs, parameters of statements, line breaks, what is outside the plane."""
        text = 'it\'s \\ "100 %" %s :id {job} ?\n\ttab é 🐴 \u2028 \ufffd'
        write(engine, line(7, 1, 1, text, logger="x'); --"))
        engine.write_log([], [NewProgress(7, 1, 1, None, text)], NOW_US)
        [found] = engine.list_log(LogFilter(job_id=7))
        assert (found.message, found.logger) == (text, "x'); --")
        assert engine.list_progress([7])[0].note == text

    def test_progress_never_goes_back_within_an_attempt(self, engine: Engine) -> None:
        """The greatest `done` of the latest attempt stays, with what was said beside it."""
        for attempt, done, note in ((1, 5.0, "five"), (1, 3.0, "three"), (1, 5.0, "still five")):
            engine.write_log([], [NewProgress(7, attempt, done, 10.0, note)], NOW_US)
        [five] = engine.list_progress([7])
        assert (five.attempt, five.done, five.total, five.note) == (1, 5.0, 10.0, "still five")
        assert five.percent == 50.0
        engine.write_log([], [NewProgress(7, 2, 1.0, None, None)], NOW_US)
        engine.write_log([], [NewProgress(7, 1, 9.0, 10.0, "of an attempt that was rescued")], NOW_US)
        [one] = engine.list_progress([7])
        assert (one.attempt, one.done, one.total, one.note, one.percent) == (2, 1.0, None, None, None)

    def test_progress_is_read_of_many_jobs_at_once(self, engine: Engine) -> None:
        """In order of id, leaving out those that never said anything."""
        engine.write_log([], [NewProgress(id, 1, 1.5, 2.5, None) for id in (9, 7)], NOW_US)
        assert [(found.job_id, found.done, found.total) for found in engine.list_progress([8, 9, 7])] == [
            (7, 1.5, 2.5),
            (9, 1.5, 2.5),
        ]
        assert engine.list_progress([]) == []

    def test_what_was_said_goes_with_the_job(self, engine: Engine) -> None:
        """Its lines and its progress, and no other job's."""
        gone, stays = enqueue(engine, 2)
        engine.cancel_jobs([gone, stays])
        write(engine, line(gone, 1, 1), line(gone, 2, 1), line(stays, 1, 1))
        engine.write_log([], [NewProgress(id, 1, 1, None, None) for id in (gone, stays)], NOW_US)
        assert engine.delete_jobs([gone]) == {gone}
        assert (messages(engine, gone), messages(engine, stays)) == ([], ["line"])
        assert [found.job_id for found in engine.list_progress([gone, stays])] == [stays]

    def test_what_is_left_of_jobs_that_are_gone_is_found(self, engine: Engine) -> None:
        """By walking over all jobs that said something; those that are there keep what they said."""
        live, finished = enqueue(engine, 2)
        engine.cancel_jobs([finished])
        ids = [live, finished, 1001, 1002]
        write(engine, *[line(id, 1, number) for id in ids for number in range(3)])
        engine.write_log([], [NewProgress(id, 1, 1, None, None) for id in (live, 1002, 1003)], NOW_US)
        assert engine.list_logged_jobs(0, 2) == [live, finished]
        assert engine.list_logged_jobs(finished, 2) == [1001, 1002]
        assert engine.list_logged_jobs(1002, 2) == [1003]
        assert engine.list_logged_jobs(1003, 2) == []
        assert engine.delete_stray_logs([*ids, 1003]) == 6
        assert engine.list_logged_jobs(0, 10) == [live, finished]
        assert messages(engine, live) == ["line"] * 3
        assert [found.job_id for found in engine.list_progress([live, 1002, 1003])] == [live]

    def test_nothing_is_nothing(self, engine: Engine) -> None:
        """A batch without a line or a report touches nothing."""
        engine.write_log([], [], NOW_US)

    @pytest.mark.accepts("M26")
    def test_writing_touches_no_job(self, engine: Engine, producer: ProducerConnection) -> None:
        """Where writers are concurrent it waits for no transaction that is open on jobs."""
        if not engine.features.concurrent_writers:
            pytest.skip("one writer at a time: lines wait in the worker's memory")
        id = enqueue_one(engine)
        producer.run(engine.insert_statement([new_job()]))
        write(engine, line(id, 1, 1, "meanwhile"))
        producer.rollback()
        assert messages(engine, id) == ["meanwhile"]


def line(job_id: int, attempt: int, sequence: int, message: str = "line", **changes: Any) -> NewLine:
    """A line, so many microseconds after the lines' own clock began."""
    return NewLine(job_id, attempt, NOW_US + sequence, **{"level": 20, "logger": "job", "message": message, **changes})


def write(engine: Engine, *lines: NewLine) -> None:
    """Store lines."""
    engine.write_log(lines, [], NOW_US + 1000)


def messages(engine: Engine, job_id: int, **where: Any) -> list[str]:
    """What the lines say."""
    return [found.message for found in engine.list_log(LogFilter(job_id=job_id, **where))]
