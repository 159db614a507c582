"""`StatisticsStore`: what has ended is added up by hour, queue and task."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from packhorse.domain.moments import MICROSECOND, micros_in, moment
from packhorse.domain.state import JobState
from packhorse.domain.statistics import KEPT, LAG, Figures, Statistics
from packhorse.engines.sql.base import Command, Params, SqlBase
from packhorse.statement import Row

MOST_LIVE = 25_000
"""How many jobs that have not ended are counted."""
COUNTERS = {JobState.SUCCEEDED: "processed", JobState.FAILED: "failed", JobState.CANCELLED: "cancelled"}
"""What a job in each final state counts as."""


class SqlStatistics(SqlBase):
    """`packhorse.statistics.StatisticsStore` by statements."""

    def add_up_ended(self, limit: int) -> int:
        self._write_all([_forget_statistics()])
        return sum(self._add_up(*span) for span in self._look(_list_uncounted(limit)))

    def get_statistics(self, last: timedelta) -> Statistics:
        ended = [_ended(row) for row in self._look(_list_statistics(last))]
        live = [_live(row) for row in self._look(_count_live())]
        is_exact = sum(one.in_queue for one in live) <= MOST_LIVE
        return Statistics(figures=[*ended, *live], is_exact=is_exact)

    def _add_up(self, queue: str, state: str, since_us: int, until_us: int) -> int:
        """Count what of a queue and state has ended behind one moment and up to another; how many."""
        span: Params = {"queue": queue, "state": state, "since": since_us, "until": until_us}
        rows = self._look(_sum_ended(span))
        figures = [_document(row, JobState(state)) for row in rows]
        self._write_all([_add_statistics({**span, "figures": msgspec.json.encode(figures).decode()})])
        return sum(row[2] for row in rows)


def _forget_statistics() -> Command:
    return Command("forget_statistics", {"kept": micros_in(KEPT)})


def _list_uncounted(limit: int) -> Command:
    return Command("list_uncounted", {"kept": micros_in(KEPT), "lag": micros_in(LAG), "limit": limit})


def _list_statistics(last: timedelta) -> Command:
    return Command("list_statistics", {"last": micros_in(last)})


def _count_live() -> Command:
    return Command("count_live", {"limit": MOST_LIVE + 1})


def _sum_ended(span: Params) -> Command:
    return Command("sum_ended", span)


def _add_statistics(params: Params) -> Command:
    return Command("add_statistics", params)


def _document(row: Row, state: JobState) -> dict[str, str | int]:
    """The figures of an hour and a task; how long a job took before it was cancelled says nothing."""
    hour, task, count, errors, skipped, timed, duration = row
    counters = {name: count if counter is state else 0 for counter, name in COUNTERS.items()}
    took = {"timed": timed, "duration": duration} if state is not JobState.CANCELLED else {"timed": 0, "duration": 0}
    return {"hour": hour, "task": task, "errors": errors, "skipped": skipped, **counters, **took}


def _ended(row: Row) -> Figures:
    hour, queue, task, processed, failed, cancelled, errors, skipped, timed, duration = row
    return Figures(
        hour=moment(hour),
        queue=queue,
        task=task,
        processed=processed,
        failed=failed,
        cancelled=cancelled,
        errors=errors,
        skipped=skipped,
        timed=timed,
        duration=duration * MICROSECOND,
    )


def _live(row: Row) -> Figures:
    queue, task, in_queue, errors, skipped = row
    return Figures(queue=queue, task=task, in_queue=in_queue, errors=errors, skipped=skipped)
