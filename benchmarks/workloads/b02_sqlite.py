"""B2: drain queued no-op jobs on SQLite with synchronous FULL, finished jobs kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.drain import drain
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = {"packhorse_sqlite": 200_000, "huey_full": 30_000, "huey_normal": 60_000, "bare_sqlite": 200_000}
QUICK = ("packhorse_sqlite", "huey_full")


def cases(stage: Stage) -> Sequence[Case]:
    """Each peer with one worker process."""
    return [Case(peer, peer, _measuring(stage, peer)) for peer in JOBS]


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: drain(stage, peer, stage.scale.jobs(JOBS[peer]))


WORKLOAD = Workload(
    id="B2",
    title="Drain queued no-op jobs, SQLite, synchronous FULL, finished jobs kept",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        Target("packhorse_sqlite", "jobs_per_s", "huey_full", at_least=15),
        Target("packhorse_sqlite", "jobs_per_s", "huey_normal"),
        Target("packhorse_sqlite", "jobs_per_s", "bare_sqlite", at_least=0.4),
    ),
    quick_peers=QUICK,
)
