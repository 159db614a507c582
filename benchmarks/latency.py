"""How soon an idle worker starts a job: from the producer's commit to the handler."""

from __future__ import annotations

from benchmarks.commands import wait_until
from benchmarks.figures import percentile
from benchmarks.rounds import Sample
from benchmarks.stage import Stage

RATE = 20.0
"""Jobs a second: the workers are idle in between."""

WARM_UP = 20
"""Jobs that are sent first and not counted: connections, caches and plans are made by them."""


def idle_latency(stage: Stage, name: str, jobs: int) -> Sample:
    """Send so many jobs, one by one, to one idle worker process.

    Returns:
        `p50_ms` and `p99_ms`.

    Raises:
        PeerFailed: the worker or the producer ended or got stuck.
    """
    count = jobs + WARM_UP
    with (
        stage.database(name) as url,
        stage.tally(starts=count) as tally,
        stage.workers(name, url, 1, tally) as workers,
        stage.command(name).start("trickle", url, jobs=count, rate=RATE) as producer,
    ):
        producer.wait_ready()
        sent = producer.result()["sent"]
        wait_until(lambda: all(tally.starts()), 60, workers, "did not run all jobs")
        starts = tally.starts()
    latencies = [max(0, start - commit) / 1e6 for start, commit in zip(starts, sent, strict=True)][WARM_UP:]
    return {"p50_ms": percentile(latencies, 50), "p99_ms": percentile(latencies, 99)}
