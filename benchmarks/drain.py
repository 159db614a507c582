"""How fast queued jobs are run: from the moment when every worker process is at work to the last acknowledgement."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.commands import Started, wait_until
from benchmarks.rounds import Sample
from benchmarks.stage import Stage
from benchmarks.tally import Tally

START_SECONDS, SECONDS_PER_JOB, LEAST_SECONDS = 60.0, 0.2, 120.0
"""A drain that takes longer has got stuck."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What had been done, and had been used, at one moment."""

    at: float
    done: int
    client_cpu: float
    server_cpu: float


def drain(stage: Stage, name: str, jobs: int, processes: int = 1) -> Sample:
    """Fill an empty database, let the peer's workers empty it, and say how fast.

    Args:
        stage: where.
        name: the peer.
        jobs: how many.
        processes: how many worker processes.

    Returns:
        `jobs_per_s`, `bulk_per_s`, `client_cpu_ms` and `server_cpu_ms` for 1,000 jobs.

    Raises:
        PeerFailed: the workers ended or got stuck.
    """
    with stage.database(name) as url:
        bulk = fill(stage, name, url, jobs)
        stage.settle(url)
        return dict(empty(stage, name, url, jobs, processes=processes)) | {"bulk_per_s": bulk}


def fill(stage: Stage, name: str, url: str, jobs: int) -> float:
    """Enqueue jobs in bulk; how many a second."""
    answer = stage.command(name).run("bulk", url, jobs=jobs)
    return jobs / float(answer["ended"] - answer["started"]) * 1e9


def empty(
    stage: Stage,
    name: str,
    url: str,
    jobs: int,
    *,
    processes: int = 1,
    variables: Mapping[str, str] | None = None,
) -> Sample:
    """Let the peer's workers run the `jobs` that are queued; see `drain`.

    What ran before every process was at work does not count, so that starting does not, unless all ran by then.
    """
    with (
        stage.tally() as tally,
        stage.question(name, url) as is_left,
        stage.workers(name, url, processes, tally, variables) as workers,
    ):
        look = _looking(stage, tally, workers)
        wait_until(lambda: bool(tally.total()), START_SECONDS, workers, "did not start")
        first = look()
        wait_until(lambda: len(tally.counts()) >= processes or tally.total() >= jobs, 60, workers, "did not all start")
        all_at_work = look()
        limit = max(LEAST_SECONDS, jobs * SECONDS_PER_JOB)
        wait_until(lambda: tally.total() >= jobs, limit, workers, f"did not run {jobs} jobs")
        wait_until(lambda: not is_left(), limit, workers, "did not acknowledge all jobs")
        last = look()
    return between(all_at_work if all_at_work.done < jobs // 2 else first, last)


def between(first: Moment, last: Moment) -> Sample:
    """The figures of what was done from one moment to the other."""
    jobs, seconds = last.done - first.done, last.at - first.at
    return {
        "jobs_per_s": jobs / seconds,
        "client_cpu_ms": (last.client_cpu - first.client_cpu) / jobs * 1e6,
        "server_cpu_ms": (last.server_cpu - first.server_cpu) / jobs * 1e6,
    }


def _looking(stage: Stage, tally: Tally, workers: Sequence[Started]) -> Callable[[], Moment]:
    def look() -> Moment:
        now, done = time.monotonic(), tally.total()
        return Moment(now, done, sum(one.cpu_seconds() for one in workers), stage.server.cpu_seconds())

    return look
