"""B6: whether the drain keeps its rate at any depth of the queue, and with five million finished rows kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg

from benchmarks.drain import empty, fill
from benchmarks.peers.statements import statement
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

PEER = "packhorse"
DEPTHS = {"1e4 queued": 10_000, "1e5 queued": 100_000, "1e6 queued": 1_000_000}
FINISHED = "1e5 queued, 5e6 finished"
MIXED_PEER, MIXED = "packhorse_mixed", "1e6 queued, workers know coroutines too"
MIXED_MEASURED = 30_000
"""Of its jobs: should it be slow, a million would take hours."""

WITHIN = 0.85


def cases(stage: Stage) -> Sequence[Case]:
    """One case for each depth, one with finished rows, one with two kinds of tasks; the last ones are long."""
    deep = [Case(name, PEER, _at_depth(stage, jobs)) for name, jobs in DEPTHS.items()]
    finished = Case(FINISHED, PEER, lambda: after_finished(stage, 5_000_000, 100_000), rounds=2)
    return [*deep, finished, Case(MIXED, MIXED_PEER, lambda: with_two_kinds(stage, 1_000_000), rounds=2)]


def at_depth(stage: Stage, jobs: int) -> Sample:
    """Drain so many; what the workers need to get going does not count."""
    with stage.database(PEER) as url:
        fill(stage, PEER, url, jobs)
        stage.settle(url)
        return empty(stage, PEER, url, jobs, warm_up=warm_up(jobs))


def with_two_kinds(stage: Stage, jobs: int) -> Sample:
    """Drain some of so many functions with workers that also look for coroutines, of which there are none."""
    jobs = stage.scale.jobs(jobs)
    most = min(MIXED_MEASURED, jobs)
    with stage.database(MIXED_PEER) as url:
        fill(stage, MIXED_PEER, url, jobs)
        stage.settle(url)
        return empty(stage, MIXED_PEER, url, jobs, warm_up=min(1_000, most // 2), most=most)


def after_finished(stage: Stage, finished: int, jobs: int) -> Sample:
    """Drain so many in a database that keeps `finished` ones."""
    before, jobs = stage.scale.jobs(finished), stage.scale.jobs(jobs)
    with stage.database(PEER) as url:
        with psycopg.connect(url) as connection:
            connection.execute(statement("finished_rows").encode(), {"count": before})
        fill(stage, PEER, url, jobs)
        stage.settle(url)
        return empty(stage, PEER, url, jobs, warm_up=warm_up(jobs))


def warm_up(jobs: int) -> int:
    """How many of them run before the clock starts: as many at every depth."""
    return min(5_000, jobs // 2)


def _at_depth(stage: Stage, jobs: int) -> Callable[[], Sample]:
    return lambda: at_depth(stage, stage.scale.jobs(jobs))


WORKLOAD = Workload(
    id="B6",
    title="Drain rate at 1e4, 1e5 and 1e6 queued jobs, and with 5e6 finished ones kept, PostgreSQL",
    metric="jobs_per_s",
    cases=cases,
    targets=tuple(
        Target(name, "jobs_per_s", "1e5 queued", at_least=WITHIN)
        for name in ("1e4 queued", "1e6 queued", FINISHED, MIXED)
    ),
)
