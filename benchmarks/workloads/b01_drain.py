"""B1: drain queued no-op jobs on PostgreSQL, finished jobs kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.drain import drain
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = {
    "packhorse": 200_000,
    "pgqueuer": 100_000,
    "procrastinate": 6_000,
    "chancy": 20_000,
    "oban": 20_000,
    "django_tasks": 3_000,
    "awa": 30_000,
    "graphile_worker": 200_000,
    "pg_boss": 60_000,
    "bare_two_phase": 200_000,
}
"""For the slower ones fewer, so that each takes some ten seconds."""

QUICK = ("packhorse", "pgqueuer", "procrastinate")


def cases(stage: Stage) -> Sequence[Case]:
    """Each peer with one and with two worker processes."""
    return [
        Case(name_of(peer, processes), peer, _measuring(stage, peer, processes), processes == 1)
        for processes in (1, 2)
        for peer in JOBS
    ]


def name_of(peer: str, processes: int) -> str:
    """What a case is called."""
    return peer if processes == 1 else f"{peer}, {processes} processes"


def _measuring(stage: Stage, peer: str, processes: int) -> Callable[[], Sample]:
    return lambda: drain(stage, peer, stage.scale.jobs(JOBS[peer]), processes)


def _target(peer: str, processes: int, at_least: float | None = None) -> Target:
    ours, theirs = name_of("packhorse", processes), name_of(peer, processes)
    return Target(ours, "jobs_per_s", theirs, at_least=at_least)


WORKLOAD = Workload(
    id="B1",
    title="Drain 200,000 queued no-op jobs, PostgreSQL, finished jobs kept",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        _target("pgqueuer", 1, 4),
        _target("procrastinate", 1, 80),
        _target("graphile_worker", 1, 1.5),
        _target("bare_two_phase", 1, 0.5),
        _target("pgqueuer", 2, 4),
        _target("procrastinate", 2, 80),
        _target("graphile_worker", 2, 1.0),
        _target("bare_two_phase", 2, 0.5),
    ),
    quick_peers=QUICK,
    missing="The second figure, finished jobs not kept; docs/retention.md says what that saves.",
)
