"""B9: atomic tasks, one small UPDATE each that commits together with the end of the job, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.drain import drain
from benchmarks.pgbench import pgbench
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = {"packhorse_atomic": 20_000, "trytond": 150}
LEAST = {"packhorse_atomic": 1_000, "trytond": 40}
THREADS = 8


def cases(stage: Stage) -> Sequence[Case]:
    """Ours on eight threads, Tryton's worker, and pgbench with eight clients."""
    peers = [Case(peer, peer, _measuring(stage, peer)) for peer in JOBS]
    return [*peers, Case("pgbench", "", _pgbench(stage))]


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: drain(stage, peer, stage.scale.jobs(JOBS[peer], least=LEAST[peer]))


def _pgbench(stage: Stage) -> Callable[[], Sample]:
    transactions = stage.scale.jobs(JOBS["packhorse_atomic"])
    return lambda: pgbench(stage, "pgbench_atomic", "pgbench_atomic_tables", transactions, THREADS)


WORKLOAD = Workload(
    id="B9",
    title="Atomic tasks, one small UPDATE each, exactly once, PostgreSQL, 8 threads",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        Target("packhorse_atomic", "jobs_per_s", "pgbench", at_least=0.5),
        Target("packhorse_atomic", "jobs_per_s", "trytond", at_least=50),
    ),
)
