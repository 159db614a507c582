"""B3: enqueue one by one, each job in a transaction of its own, PostgreSQL; 1 and 16 producer processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.enqueueing import enqueue
from benchmarks.pgbench import pgbench
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload

JOBS = 20_000
PEERS = (
    *("packhorse", "bare_insert", "pgqueuer", "procrastinate", "chancy", "oban", "django_tasks", "awa"),
    *("graphile_worker", "pg_boss"),
)
WITH_MANY_PRODUCERS = ("packhorse", "bare_insert", "pgqueuer")
MANY = 16


def cases(stage: Stage) -> Sequence[Case]:
    """Each peer with one producer, some with sixteen, and pgbench beside them."""
    one = [Case(peer, peer, _measuring(stage, peer, 1)) for peer in PEERS]
    many = [Case(f"{peer}, {MANY} producers", peer, _measuring(stage, peer, MANY)) for peer in WITH_MANY_PRODUCERS]
    return [*one, Case("pgbench", "", _pgbench(stage, 1)), *many, Case(f"pgbench, {MANY}", "", _pgbench(stage, MANY))]


def _measuring(stage: Stage, peer: str, producers: int) -> Callable[[], Sample]:
    return lambda: enqueue(stage, peer, stage.scale.jobs(JOBS), producers)


def _pgbench(stage: Stage, clients: int) -> Callable[[], Sample]:
    transactions = stage.scale.jobs(JOBS)
    return lambda: pgbench(stage, "pgbench_insert", "pgbench_insert_tables", transactions, clients)


WORKLOAD = Workload(
    id="B3",
    title="Enqueue one by one, each in its own transaction, PostgreSQL, 1 and 16 producers",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        Target("packhorse", "jobs_per_s", "bare_insert", at_least=0.9),
        Target("packhorse, 16 producers", "jobs_per_s", "bare_insert, 16 producers", at_least=0.9),
        Target("packhorse", "jobs_per_s", "pgbench"),
        Target("packhorse, 16 producers", "jobs_per_s", "pgbench, 16"),
        Target("packhorse", "jobs_per_s", "pgqueuer"),
        Target("packhorse", "jobs_per_s", "procrastinate"),
    ),
)
