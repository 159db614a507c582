"""B7: drain while an idle transaction elsewhere keeps its snapshot, so that dead rows pile up at the queue's head."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator, Sequence

import psycopg

from benchmarks.drain import serve
from benchmarks.figures import percentile
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.statementlog import logged
from benchmarks.workload import Case, Target, Workload

PEERS = ("packhorse", "pgqueuer")
ROUND, ROUNDS_BEFORE, ROUNDS_MEASURED = 60_000, 9, 3


def cases(stage: Stage) -> Sequence[Case]:
    """Ours and one peer, clean and with the snapshot held."""
    return [
        Case(name_of(peer, pinned=pinned), peer, _measuring(stage, peer, pinned=pinned))
        for peer in PEERS
        for pinned in (False, True)
    ]


def name_of(peer: str, *, pinned: bool) -> str:
    """What a case is called."""
    return f"{peer}, snapshot held" if pinned else f"{peer}, clean"


def measure(stage: Stage, peer: str, *, pinned: bool) -> Sample:
    """Let 540,000 jobs come and go, 60,000 at a time, and measure the last three of twelve rounds.

    Returns:
        `jobs_per_s`, ours also `claim_p99_ms`; the rate of each round as a series.
    """
    jobs = stage.scale.jobs(ROUND)
    with (
        stage.database(peer) as url,
        logged(stage.server, url) as statements,
        snapshot(url, pinned=pinned),
        serve(stage, peer, url) as turn,
    ):
        before = [turn(jobs) for _ in range(ROUNDS_BEFORE)]
        statements()
        rates = [turn(jobs) for _ in range(ROUNDS_MEASURED)]
        claims = [one.milliseconds for one in statements() if one.is_claim]
    figures: dict[str, float | Sequence[float]] = {"jobs_per_s": statistics.mean(rates)}
    if claims:
        figures["claim_p99_ms"] = percentile(claims, 99)
    return figures | {"jobs_per_s by round": before + rates}


def _measuring(stage: Stage, peer: str, *, pinned: bool) -> Callable[[], Sample]:
    return lambda: measure(stage, peer, pinned=pinned)


@contextlib.contextmanager
def snapshot(url: str, *, pinned: bool) -> Iterator[None]:
    """An idle transaction that has looked once and keeps what it has seen."""
    if not pinned:
        yield
        return
    with psycopg.connect(url) as connection:
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("select 1")
        yield


WORKLOAD = Workload(
    id="B7",
    title="Drain while an idle transaction has held its snapshot since before 500,000 jobs came and went, PostgreSQL",
    metric="jobs_per_s",
    cases=cases,
    targets=(
        Target("packhorse, snapshot held", "jobs_per_s", "packhorse, clean", at_least=0.8),
        Target("packhorse, snapshot held", "claim_p99_ms", "packhorse, clean", at_most=3),
        Target("pgqueuer, snapshot held", "jobs_per_s", "pgqueuer, clean"),
        Target("packhorse, snapshot held", "jobs_per_s", "pgqueuer, snapshot held"),
    ),
)
