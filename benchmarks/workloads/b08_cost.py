"""B8: what 1,000 jobs cost in processor time, and each job in write-ahead log, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.drain import empty, fill
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = {
    "packhorse": 100_000,
    "pgqueuer": 60_000,
    "procrastinate": 3_000,
    "chancy": 10_000,
    "oban": 10_000,
    "graphile_worker": 100_000,
    "bare_two_phase": 100_000,
}
KIB = 1024


def cases(stage: Stage) -> Sequence[Case]:
    """Each peer with one worker process."""
    return [Case(peer, peer, _measuring(stage, peer)) for peer in JOBS]


def cost(stage: Stage, peer: str, jobs: int) -> Sample:
    """Run so many jobs without full-page images, from the insert to the end.

    Returns:
        `client_cpu_ms` and `server_cpu_ms` for 1,000 jobs of the drain, `wal_kib` for each job from insert to end.
    """
    with stage.database(peer) as url:
        stage.settle(url)
        before = stage.server.wal_bytes()
        fill(stage, peer, url, jobs)
        figures = empty(stage, peer, url, jobs)
        return dict(figures) | {"wal_kib": (stage.server.wal_bytes() - before) / jobs / KIB}


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    def measure() -> Sample:
        stage.server.set("full_page_writes", "off")
        try:
            return cost(stage, peer, stage.scale.jobs(JOBS[peer]))
        finally:
            stage.server.reset("full_page_writes")

    return measure


WORKLOAD = Workload(
    id="B8",
    title="Processor time for 1,000 jobs, write-ahead log for each, PostgreSQL, without full-page images",
    metric="client_cpu_ms",
    cases=cases,
    targets=(
        Target("packhorse", "client_cpu_ms", at_most=15),
        Target("packhorse", "server_cpu_ms", at_most=20),
        Target("packhorse", "wal_kib", at_most=1.5),
    ),
)
