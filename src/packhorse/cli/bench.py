"""`packhorse bench`: measure the engine that it is pointed at, without touching anybody's jobs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import print_fields, print_json
from packhorse.cli.target import Target
from packhorse.cli.values import Integer

if TYPE_CHECKING:
    from packhorse.bench.measure import Figures


@click.command(cls=Command)
@click.option("--jobs", type=Integer(100, 10_000_000), default=20_000, help="How many to enqueue in bulk and drain.")
@click.option("-p", "--processes", type=Integer(1, 64), default=1, help="How many worker processes drain them.")
@json_option
@target_options
def bench(target: Target, *, jobs: int, processes: int, as_json: bool) -> None:
    """Measure how fast jobs are enqueued and run here.

        packhorse bench                                     SQLite, in a temporary file
        packhorse bench --database-url postgresql://… -p 2  in a schema of its own, dropped afterwards
        packhorse bench --json | jq .drain_per_s

    It works in a scratch file or schema of its own and never touches your jobs. Real worker processes drain jobs that
    do nothing; the latency is that of 20 jobs a second on idle workers, from the commit to the start of the handler.

    Next: `packhorse worker -p` and `-c` say how many processes and threads run your own jobs.
    """
    import signal

    from packhorse.bench.measure import measure
    from packhorse.cli.progress import Steps

    steps = Steps()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, steps.interrupt)  # so that the scratch place is removed then, too
    with steps:
        figures = measure(target.configured_url, jobs=jobs, processes=processes, report=steps.report)
    if as_json:
        print_json(dataclasses.asdict(figures))
    else:
        _print(figures)


def _print(figures: Figures) -> None:
    print_fields(
        {
            "database": f"{figures.engine}, {figures.database}",
            "jobs": f"{figures.jobs:,}, drained by {figures.processes} process{'es' * (figures.processes > 1)}",
            "enqueue": f"{figures.enqueue_per_s:,.0f} jobs/s, one by one, each in its own transaction",
            "bulk enqueue": f"{figures.bulk_enqueue_per_s:,.0f} jobs/s, all in one transaction",
            "drain": f"{figures.drain_per_s:,.0f} jobs/s, from the commit to the last acknowledgement",
            "latency": f"{figures.latency_p50_ms:g} ms p50, {figures.latency_p99_ms:g} ms p99, from commit to start",
            "worker CPU": f"{figures.client_cpu_ms_per_1000:g} ms for 1,000 jobs",
        }
    )
