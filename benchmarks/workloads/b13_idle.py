"""B13: what a worker costs that has nothing to do: statements, processor time, memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.commands import wait_until
from benchmarks.drain import fill
from benchmarks.processes import memory_mib, tree
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.statementlog import Logged, logged
from benchmarks.workload import Case, Target, Workload

PEERS = ("packhorse", "packhorse_sqlite", "pgqueuer", "procrastinate", "chancy", "oban", "graphile_worker")
SECONDS, LEAST_SECONDS, CALM_SECONDS = 60.0, 10.0, 5.0
WARM_UP = 200
"""Jobs that are run first, so that all is loaded that a worker loads."""


def cases(stage: Stage) -> Sequence[Case]:
    """Each peer with one worker process; once, for a minute is long enough for a mean."""
    return [Case(peer, peer, _measuring(stage, peer), rounds=1) for peer in PEERS]


def idle(stage: Stage, peer: str, seconds: float) -> Sample:
    """Watch an idle worker process, with its supervisor where it has one.

    Returns:
        `statements_per_s` (on PostgreSQL; what only opens or ends transactions is not counted), `cpu_percent` of one
        processor, `memory_mib` of the largest process, `all_memory_mib` of all of them together.
    """
    with stage.database(peer) as url, _statements(stage, url) as statements, stage.tally() as tally:
        fill(stage, peer, url, WARM_UP)
        with stage.workers(peer, url, 1, tally) as workers:
            wait_until(lambda: tally.total() >= WARM_UP, 60, workers, "did not warm up")
            time.sleep(CALM_SECONDS)
            statements()
            started, cpu = time.monotonic(), sum(one.cpu_seconds() for one in workers)
            time.sleep(seconds)
            passed, used = time.monotonic() - started, sum(one.cpu_seconds() for one in workers) - cpu
            memory = [memory_mib(pid) for one in workers for pid in tree(one.pid)]
        sent = [one for one in statements() if not one.is_bracket]
    figures = {"cpu_percent": used / passed * 100, "memory_mib": max(memory), "all_memory_mib": sum(memory)}
    return figures if url.startswith("sqlite") else figures | {"statements_per_s": len(sent) / passed}


@contextlib.contextmanager
def _statements(stage: Stage, url: str) -> Iterator[Callable[[], list[Logged]]]:
    if url.startswith("sqlite"):
        yield list
    else:
        with logged(stage.server, url) as read:
            yield read


def _measuring(stage: Stage, peer: str) -> Callable[[], Sample]:
    return lambda: idle(stage, peer, max(LEAST_SECONDS, SECONDS * stage.scale.share))


WORKLOAD = Workload(
    id="B13",
    title="An idle worker: statements a second, processor time, memory",
    metric="memory_mib",
    cases=cases,
    targets=(
        Target("packhorse", "statements_per_s", at_most=2),
        Target("packhorse", "cpu_percent", at_most=0.5),
        Target("packhorse_sqlite", "cpu_percent", at_most=1),
        Target("packhorse", "memory_mib", at_most=45),
        Target("packhorse_sqlite", "memory_mib", at_most=45),
    ),
)
