"""B4: bulk enqueue on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.drain import fill
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = {
    "packhorse": 100_000,
    "pgqueuer": 100_000,
    "procrastinate": 30_000,
    "chancy": 20_000,
    "oban": 20_000,
    "django_tasks": 10_000,
    "awa": 100_000,
    "graphile_worker": 100_000,
    "pg_boss": 100_000,
    "bare_copy": 100_000,
}
"""For the slower ones fewer, so that each takes some seconds."""

QUICK = ("packhorse", "pgqueuer")


def cases(stage: Stage) -> Sequence[Case]:
    """Each peer in its fastest documented way."""
    return [Case(peer, peer, _measuring(stage, peer)) for peer in JOBS]


def bulk(stage: Stage, peer: str, jobs: int) -> Sample:
    """Enqueue so many into an empty database."""
    with stage.database(peer) as url:
        stage.settle(url)
        return {"jobs_per_s": fill(stage, peer, url, jobs).jobs_per_s}


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: bulk(stage, peer, stage.scale.jobs(JOBS[peer], least=10_000))


WORKLOAD = Workload(
    id="B4",
    title="Bulk enqueue of 100,000 jobs, PostgreSQL",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        Target("packhorse", "jobs_per_s", "bare_copy", at_least=0.8),
        Target("packhorse", "jobs_per_s", "pgqueuer", at_least=2.5),
        Target("packhorse", "jobs_per_s", "graphile_worker", at_least=2.5),
        Target("packhorse", "jobs_per_s", "awa", at_least=1.5),
    ),
    quick_peers=QUICK,
)
