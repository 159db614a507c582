"""B9: atomic tasks, one small UPDATE each that commits together with the end of the job, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg

from benchmarks.commands import PeerFailed
from benchmarks.drain import empty, fill
from benchmarks.peers.statements import statement
from benchmarks.pgbench import pgbench
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = {"packhorse_atomic": 20_000, "packhorse_deferred": 20_000, "trytond": 150}
LEAST = {"packhorse_atomic": 1_000, "packhorse_deferred": 1_000, "trytond": 40}
BOOKED = {"trytond": "booked_trytond"}
"""What asks for the number of UPDATEs, where the table is not ours."""
THREADS = 8


def cases(stage: Stage) -> Sequence[Case]:
    """Ours on eight threads, a task and a deferred call, Tryton's worker, and pgbench with eight clients."""
    peers = [Case(peer, peer, _measuring(stage, peer)) for peer in JOBS]
    return [*peers, Case("pgbench", "", _pgbench(stage))]


def booked(stage: Stage, peer: str, jobs: int) -> Sample:
    """Drain so many jobs, or rows, and count their UPDATEs.

    Raises:
        PeerFailed: there is not exactly one for each.
    """
    with stage.database(peer) as url:
        fill(stage, peer, url, jobs)
        stage.settle(url)
        figures = empty(stage, peer, url, jobs)
        with psycopg.connect(url) as connection:
            row = connection.execute(statement(BOOKED.get(peer, "booked")).encode()).fetchone()
    if row != (jobs,):
        raise PeerFailed(f"{jobs} jobs made {row and row[0]} updates")
    return figures


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: booked(stage, peer, stage.scale.jobs(JOBS[peer], least=LEAST[peer]))


def _pgbench(stage: Stage) -> Callable[[], Sample]:
    transactions = stage.scale.jobs(JOBS["packhorse_atomic"])
    return lambda: pgbench(stage, "pgbench_atomic", "pgbench_atomic_tables", transactions, THREADS)


WORKLOAD = Workload(
    id="B9",
    title="Atomic tasks and deferred calls, one small UPDATE each, exactly once, PostgreSQL, 8 threads",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        Target("packhorse_atomic", "jobs_per_s", "pgbench", at_least=0.5),
        Target("packhorse_atomic", "jobs_per_s", "trytond", at_least=50),
        Target("packhorse_deferred", "jobs_per_s", "pgbench", at_least=0.5),
        Target("packhorse_deferred", "jobs_per_s", "trytond", at_least=50),
    ),
)
