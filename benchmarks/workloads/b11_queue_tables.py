"""B11: rows of a queue table, each removed and worked on in one transaction, PostgreSQL."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.drain import serve
from benchmarks.pgbench import pgbench
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.workload import Case, Target, Workload
from benchmarks.workloads.b07_pinned import ROUNDS_BEFORE, ROUNDS_MEASURED, name_of, snapshot
from benchmarks.workloads.b09_atomic import booked

ROUND = {"packhorse_rows": 1_000, "packhorse_row_lists": 6_000}
ROWS = {"packhorse_rows": 10_000, "packhorse_row_lists": 40_000}
LANES = 2


def cases(stage: Stage) -> Sequence[Case]:
    """One row in a transaction, sixteen in one, and pgbench with as many clients as there are lanes.

    Then ours once more, clean and beside a transaction that keeps its snapshot while rows come and go.
    """
    ours = [Case(peer, peer, _measuring(stage, peer)) for peer in ROWS]
    turns = [
        Case(name_of(peer, pinned=pinned), peer, _taking_turns(stage, peer, pinned=pinned), is_quick=False)
        for peer in ROWS
        for pinned in (False, True)
    ]
    return [*ours, Case("pgbench", "", _pgbench(stage)), *turns]


def in_turns(stage: Stage, peer: str, *, pinned: bool) -> Sample:
    """Let rows come and go in twelve rounds, and measure the last three."""
    rows = stage.scale.jobs(ROUND[peer])
    with stage.database(peer) as url, snapshot(url, pinned=pinned), serve(stage, peer, url) as turn:
        rates = [turn(rows) for _ in range(ROUNDS_BEFORE + ROUNDS_MEASURED)]
    return {"jobs_per_s": statistics.mean(rates[ROUNDS_BEFORE:]), "jobs_per_s by round": rates}


def _taking_turns(stage: Stage, peer: str, *, pinned: bool) -> Callable[[], Sample]:
    return lambda: in_turns(stage, peer, pinned=pinned)


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: booked(stage, peer, stage.scale.jobs(ROWS[peer], least=1_000))


def _pgbench(stage: Stage) -> Callable[[], Sample]:
    transactions = stage.scale.jobs(ROWS["packhorse_row_lists"])
    return lambda: pgbench(stage, "pgbench_atomic", "pgbench_atomic_tables", transactions, LANES)


WORKLOAD = Workload(
    id="B11",
    title="Queue table rows, delete and return, one UPDATE each, batches of 16 in two lanes, PostgreSQL",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        Target("packhorse_rows", "jobs_per_s", "pgbench", at_least=0.5),
        Target("packhorse_row_lists", "jobs_per_s", "pgbench", at_least=0.5),
        Target("packhorse_rows, snapshot held", "jobs_per_s", "packhorse_rows, clean"),
        Target("packhorse_row_lists, snapshot held", "jobs_per_s", "packhorse_row_lists, clean"),
    ),
)
