"""How fast jobs are enqueued one by one, each in a transaction of its own, by one or many producers at once."""

from __future__ import annotations

import contextlib

from benchmarks.rounds import Sample
from benchmarks.stage import Stage


def enqueue(stage: Stage, name: str, jobs: int, producers: int = 1) -> Sample:
    """Let so many producer processes enqueue `jobs` together, into an empty database without workers.

    Returns:
        `jobs_per_s`, from the first start to the last end.

    Raises:
        PeerFailed: a producer did not succeed.
    """
    each = max(1, jobs // producers)
    command = stage.command(name)
    with stage.database(name) as url, contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(command.start("enqueue", url, first=number * each, jobs=each))
            for number in range(producers)
        ]
        for one in started:
            one.wait_ready()
        for one in started:
            one.go()
        answers = [one.result() for one in started]
    seconds = (max(one["ended"] for one in answers) - min(one["started"] for one in answers)) / 1e9
    return {"jobs_per_s": each * producers / seconds}
