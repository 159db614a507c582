"""B14: half an hour at half the maximum rate: whether latency, memory and the queue's table stay as they were."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from benchmarks.commands import Started, wait_until
from benchmarks.drain import drain
from benchmarks.peers.buckets import BUCKETS, percentile_of
from benchmarks.peers.statements import statement
from benchmarks.processes import memory_mib, tree
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.tally import Tally
from benchmarks.workload import Case, Target, Workload

PEER = "packhorse"
MAXIMUM_JOBS = 100_000
LOOKS = 180
"""How often the run is looked at, at equal intervals."""

PART = 10
"""The first and the last minutes are the first and the last tenth of the run, after the tenth that warms up."""

MIB = 1024 * 1024


@dataclass(slots=True)
class Log:
    """What was seen over the run: one entry in each list for each look."""

    seconds: list[float] = field(default_factory=list)
    jobs_per_s: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    job_table_mib: list[float] = field(default_factory=list)
    finished_table_mib: list[float] = field(default_factory=list)
    dead_rows: list[float] = field(default_factory=list)
    wal_mib: list[float] = field(default_factory=list)

    def growth(self, name: str) -> float:
        """The mean of the last part divided by that of the first one."""
        values: list[float] = getattr(self, name)
        part = max(1, len(values) // PART)
        first, last = values[part : 2 * part], values[-part:]
        return (sum(last) / len(last)) / (sum(first) / len(first)) if sum(first) else 1.0

    def series(self) -> dict[str, Sequence[float]]:
        """All of it, by name."""
        return {f"{name} over time": getattr(self, name) for name in self.__slots__}


def cases(stage: Stage) -> Sequence[Case]:
    """One long run."""
    return [Case(PEER, PEER, lambda: soak(stage, stage.scale.soak_seconds), rounds=1)]


def soak(stage: Stage, seconds: float) -> Sample:
    """Find the maximum rate, then keep one worker process busy at half of it.

    Returns:
        the growth from the first to the last part of the run of `p99_ms`, `memory_mib` and `job_table_mib`, and what
        was seen all the while.
    """
    rate = drain(stage, PEER, stage.scale.jobs(MAXIMUM_JOBS, least=20_000))["jobs_per_s"] / 2
    with (
        stage.database(PEER) as url,
        stage.tally() as tally,
        stage.workers(PEER, url, 1, tally) as workers,
        stage.command(PEER).start("flow", url, rate=rate, seconds=seconds) as producer,
    ):
        producer.wait_ready()
        producer.go()
        log = _watched(tally, workers, url, seconds)
        jobs = producer.result()["jobs"]
        wait_until(lambda: tally.total() >= jobs, 120, workers, "did not run all jobs")
    growth = {f"{name} growth": log.growth(name) for name in ("p99_ms", "memory_mib", "job_table_mib")}
    return {"jobs_per_s": rate, "p99_ms": statistics.median(log.p99_ms), **growth, **log.series()}


def _watched(tally: Tally, workers: Sequence[Started], url: str, seconds: float) -> Log:
    log, began = Log(), time.monotonic()
    interval = seconds / LOOKS
    done, counts = 0, [0] * BUCKETS
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(1, LOOKS + 1):
            time.sleep(max(0.0, began + number * interval - time.monotonic()))
            done_now, counts_now = tally.total(), tally.latencies() or counts
            late = [now - before for now, before in zip(counts_now, counts, strict=True)]
            log.seconds.append(time.monotonic() - began)
            log.jobs_per_s.append((done_now - done) / interval)
            log.p50_ms.append(percentile_of(late, 50) / 1000)
            log.p99_ms.append(percentile_of(late, 99) / 1000)
            log.memory_mib.append(sum(memory_mib(pid) for one in workers for pid in tree(one.pid)))
            _look(connection, log)
            done, counts = done_now, counts_now
    return log


def _look(connection: psycopg.Connection, log: Log) -> None:
    row = connection.execute(statement("soak_look").encode()).fetchone()
    assert row is not None
    jobs, finished, dead, wal = (float(value or 0) for value in row)
    log.job_table_mib.append(jobs / MIB)
    log.finished_table_mib.append(finished / MIB)
    log.dead_rows.append(dead)
    log.wal_mib.append(wal / MIB)


WORKLOAD = Workload(
    id="B14",
    title="30 minutes at half the maximum rate, PostgreSQL, one worker process",
    metric="p99_ms",
    cases=cases,
    targets=(
        Target(PEER, "p99_ms growth", at_most=1.2),
        Target(PEER, "memory_mib growth", at_most=1.1),
        Target(PEER, "job_table_mib growth", at_most=1.2),
    ),
)
