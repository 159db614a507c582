"""B5: idle latency on PostgreSQL, from the producer's commit to the start of the handler, 20 jobs a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.latency import idle_latency
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = 300
PEERS = (
    *("packhorse", "pgqueuer", "procrastinate", "chancy", "oban", "django_tasks", "awa"),
    *("graphile_worker", "pg_boss"),
)
QUICK = ("packhorse", "pgqueuer")


def cases(stage: Stage) -> Sequence[Case]:
    """Each peer with one idle worker process."""
    return [Case(peer, peer, _measuring(stage, peer)) for peer in PEERS]


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: idle_latency(stage, peer, stage.scale.jobs(JOBS, least=20))


WORKLOAD = Workload(
    id="B5",
    title="Idle latency, commit to handler start, 20 jobs a second, PostgreSQL",
    metric="p50_ms",
    cases=cases,
    targets=tuple(
        Target("packhorse", metric, peer, at_most=1.0)
        for peer in PEERS
        if peer != "packhorse"
        for metric in ("p50_ms", "p99_ms")
    ),
    quick_peers=QUICK,
)
