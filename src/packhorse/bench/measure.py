"""The measurements, one after the other: enqueue one by one, enqueue in bulk, drain, idle latency."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from packhorse.bench.crew import BenchmarkError, Crew
from packhorse.bench.jobs import NOTE
from packhorse.bench.scratch import Scratch, scratch
from packhorse.domain.state import JobState
from packhorse.handle import JobHandle
from packhorse.task import Call

FEWEST_ONE_BY_ONE, MOST_ONE_BY_ONE = 50, 2000
FEWEST_LATENCIES, MOST_LATENCIES = 20, 100
REPORT_EVERY = 1000
LATENCY_INTERVAL = 0.05
"""Seconds between two jobs of the latency measurement: 20 a second leave the workers idle in between."""
DRAIN_SECONDS_PER_JOB, DRAIN_SECONDS = 0.02, 60.0
"""A drain that takes longer than this has got stuck."""


class Reported(Protocol):
    """What shows how far a measurement has come."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """So many of `total` are done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured; rates in jobs per second."""

    engine: str
    database: str
    python: str
    jobs: int
    processes: int
    enqueue_per_s: float
    bulk_enqueue_per_s: float
    drain_per_s: float
    latency_p50_ms: float
    latency_p99_ms: float
    client_cpu_ms_per_1000: float
    """Processor time of the worker processes for 1,000 jobs of the drain."""


def measure(url: str | None, *, jobs: int, processes: int, report: Reported) -> Figures:
    """Measure an engine in a scratch database of its own.

    Args:
        url: which; see `scratch`.
        jobs: how many are enqueued in bulk and drained.
        processes: how many worker processes drain them.
        report: told of the progress.

    Raises:
        BenchmarkError: the workers did not start, or did not finish.
        DatabaseError: the database can't do it.
    """
    with scratch(url) as place:
        measurement = _Measurement(place, report)
        enqueue = measurement.enqueue_one_by_one(_clamp(jobs // 10, FEWEST_ONE_BY_ONE, MOST_ONE_BY_ONE))
        with Crew(place, processes) as crew:
            measurement.settle(crew)
            bulk = measurement.enqueue_in_bulk(jobs)
            drain, cpu = measurement.drain(crew, jobs)
            latencies = measurement.latencies(crew, _clamp(jobs // 10, FEWEST_LATENCIES, MOST_LATENCIES))
        return Figures(
            engine=place.app.engine.dialect,
            database=place.app.engine.address,
            python=platform.python_version(),
            jobs=jobs,
            processes=processes,
            enqueue_per_s=round(enqueue, 1),
            bulk_enqueue_per_s=round(bulk, 1),
            drain_per_s=round(drain, 1),
            latency_p50_ms=round(_percentile(latencies, 50), 2),
            latency_p99_ms=round(_percentile(latencies, 99), 2),
            client_cpu_ms_per_1000=round(cpu * 1000 / jobs * 1000, 2),
        )


class _Measurement:
    """The steps, on one scratch database."""

    def __init__(self, place: Scratch, report: Reported) -> None:
        self._app = place.app
        self._report = report
        self._nothing = self._app.registry.get("packhorse.bench.do_nothing")
        self._start = self._app.registry.get("packhorse.bench.tell_start")

    def enqueue_one_by_one(self, count: int) -> float:
        """Each in a transaction of its own; jobs per second."""
        started = time.perf_counter()
        for n in range(count):
            self._nothing.enqueue(n, NOTE)
            self._report("enqueue one by one", n + 1, count)
        return count / (time.perf_counter() - started)

    def settle(self, crew: Crew) -> None:
        """Let the workers warm up with what is there, until they are idle."""
        self._drained(crew, "warm up", MOST_ONE_BY_ONE)

    def enqueue_in_bulk(self, count: int) -> float:
        """All in one transaction; jobs per second."""
        started = time.perf_counter()
        parts = (range(first, min(first + REPORT_EVERY, count)) for first in range(0, count, REPORT_EVERY))
        self._app.enqueue_many(chain.from_iterable(self._calls(part, count) for part in parts))
        return count / (time.perf_counter() - started)

    def _calls(self, part: range, count: int) -> Iterator[Call[Any]]:
        self._report("enqueue in bulk", part.start, count)
        return (self._nothing.call(n, NOTE) for n in part)

    def drain(self, crew: Crew, count: int) -> tuple[float, float]:
        """The jobs per second from the commit to the last acknowledgement, and the workers' processor time."""
        started, cpu = time.perf_counter(), crew.cpu_seconds()
        self._drained(crew, "drain", count)
        seconds = time.perf_counter() - started
        return count / seconds, crew.cpu_seconds() - cpu

    def latencies(self, crew: Crew, count: int) -> list[float]:
        """Milliseconds from each commit to the start of its handler, the workers being idle, sorted."""
        sent: list[tuple[JobHandle[Any], int]] = []
        for n in range(count):
            time.sleep(LATENCY_INTERVAL)
            sent.append((self._start.enqueue(n, NOTE), time.monotonic_ns()))
            self._report("idle latency", n + 1, count)
        self._drained(crew, "idle latency", count)
        return sorted(max(0, _result(handle) - commit) / 1e6 for handle, commit in sent)

    def _drained(self, crew: Crew, what: str, count: int) -> None:
        limit = DRAIN_SECONDS + count * DRAIN_SECONDS_PER_JOB
        crew.wait_until(self._reporting(what, count), limit, f"the workers did not finish ({what})")

    def _reporting(self, what: str, count: int) -> Callable[[], bool]:
        def is_done() -> bool:
            left = self._is_left(JobState.AVAILABLE) or self._is_left(JobState.EXECUTING)
            self._report(what, 0 if left else count, count)
            return not left

        return is_done

    def _is_left(self, state: JobState) -> bool:
        return bool(self._app.list_jobs(state=state, limit=1))


def _result(handle: JobHandle[Any]) -> int:
    record = handle.record()
    if record.state is not JobState.SUCCEEDED:
        raise BenchmarkError(f"job {record.id} of the benchmark is {record.state}: {record.error_message}")
    return int(record.result or 0)


def _percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of all do not exceed; `values` are sorted."""
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def _clamp(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))
