"""B4: bulk enqueue on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.drain import fill
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = {"packhorse": 100_000, "pgqueuer": 100_000}
QUICK = ("packhorse", "pgqueuer")


def cases(stage: Stage) -> Sequence[Case]:
    """Each peer in its fastest documented way."""
    return [Case(peer, peer, _measuring(stage, peer)) for peer in JOBS]


def bulk(stage: Stage, peer: str, jobs: int) -> Sample:
    """Enqueue so many into an empty database."""
    with stage.database(peer) as url:
        stage.settle(url)
        return {"jobs_per_s": fill(stage, peer, url, jobs)}


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: bulk(stage, peer, stage.scale.jobs(JOBS[peer]))


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
