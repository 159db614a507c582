"""How fast queued jobs are run: from the moment when every worker process is at work to the last acknowledgement."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.commands import PeerFailed, Started, wait_until
from benchmarks.stage import Stage
from benchmarks.tally import Tally

START_SECONDS, SECONDS_PER_JOB, LEAST_SECONDS = 120.0, 0.005, 180.0
"""A drain that takes longer has got stuck."""

MOST_BEFORE = 0.75
"""The share of jobs that may have run before the clock starts; otherwise it starts with the first job."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What had been done, and had been used, at one moment."""

    at: float
    done: int
    client_cpu: float
    server_cpu: float


def drain(stage: Stage, name: str, jobs: int, processes: int = 1) -> dict[str, float]:
    """Fill an empty database, let the peer's workers empty it, and say how fast.

    Args:
        stage: where.
        name: the peer.
        jobs: how many.
        processes: how many worker processes.

    Returns:
        `jobs_per_s`, `client_cpu_ms` and `server_cpu_ms` for 1,000 jobs.

    Raises:
        PeerFailed: the workers ended or got stuck.
    """
    with stage.database(name) as url:
        fill(stage, name, url, jobs)
        stage.settle(url)
        return empty(stage, name, url, jobs, processes=processes)


@dataclass(frozen=True, slots=True)
class Filled:
    """What enqueueing in bulk came to: when it was done, by the monotonic clock, and how many jobs a second."""

    at: float
    jobs_per_s: float


def fill(stage: Stage, name: str, url: str, jobs: int) -> Filled:
    """Enqueue jobs in bulk."""
    answer = stage.command(name).run("bulk", url, jobs=jobs)
    return Filled(answer["ended"] / 1e9, jobs / (answer["ended"] - answer["started"]) * 1e9)


def empty(
    stage: Stage,
    name: str,
    url: str,
    jobs: int,
    *,
    processes: int = 1,
    warm_up: int = 1,
    most: int | None = None,
) -> dict[str, float]:
    """Let the peer's workers run the `jobs` that are queued; see `drain`.

    What ran before every process was at work, and before `warm_up` jobs had run, does not count, so that starting
    does not; unless most jobs ran by then. With `most` the clock stops when so many have run, and the rest is left.
    """
    with (
        stage.tally() as tally,
        stage.question(name, url) as is_left,
        stage.workers(name, url, processes, tally) as workers,
    ):
        look = _looking(stage, tally, workers)
        wait_until(lambda: bool(tally.total()), START_SECONDS, workers, "did not start")
        first = look()
        wait_until(lambda: _is_at_work(tally, processes, warm_up, jobs), START_SECONDS, workers, "did not all start")
        all_at_work = look()
        _wait_done(tally, is_left if most is None else lambda: False, workers, most or jobs)
        last = look()
    return between(all_at_work if all_at_work.done <= jobs * MOST_BEFORE else first, last)


@contextlib.contextmanager
def serve(stage: Stage, name: str, url: str) -> Iterator[Callable[[int], float]]:
    """Keep one worker process running while jobs come and go.

    Yields:
        what enqueues so many jobs in bulk, waits until they are done, and says how many a second ran since the commit.
    """
    with (
        stage.tally() as tally,
        stage.question(name, url) as is_left,
        stage.workers(name, url, 1, tally) as workers,
    ):

        def turn(jobs: int) -> float:
            due = tally.total() + jobs
            filled = fill(stage, name, url, jobs)
            _wait_done(tally, is_left, workers, due)
            return jobs / (time.monotonic() - filled.at)

        yield turn


def between(first: Moment, last: Moment) -> dict[str, float]:
    """The figures of what was done from one moment to the other.

    Raises:
        PeerFailed: nothing was.
    """
    jobs, seconds = last.done - first.done, last.at - first.at
    if not jobs:
        raise PeerFailed("all jobs had run at the first look: there are too few of them to be timed")
    return {
        "jobs_per_s": jobs / seconds,
        "client_cpu_ms": (last.client_cpu - first.client_cpu) / jobs * 1e6,
        "server_cpu_ms": (last.server_cpu - first.server_cpu) / jobs * 1e6,
    }


def _is_at_work(tally: Tally, processes: int, warm_up: int, jobs: int) -> bool:
    counts = tally.counts()
    done = sum(counts.values())
    return (len(counts) >= processes and done >= warm_up) or done >= jobs


def _wait_done(tally: Tally, is_left: Callable[[], bool], workers: Sequence[Started], due: int) -> None:
    limit = max(LEAST_SECONDS, due * SECONDS_PER_JOB)
    wait_until(lambda: tally.total() >= due, limit, workers, f"did not run {due} jobs")
    wait_until(lambda: not is_left(), limit, workers, "did not acknowledge all jobs")


def _looking(stage: Stage, tally: Tally, workers: Sequence[Started]) -> Callable[[], Moment]:
    def look() -> Moment:
        now, done = time.monotonic(), tally.total()
        return Moment(now, done, sum(one.cpu_seconds() for one in workers), stage.server.cpu_seconds())

    return look
