"""`packhorse child`: the process in which an isolated handler runs; workers start it themselves."""

from __future__ import annotations

import logging

import click

from packhorse.cli.groups import Command


@click.command(cls=Command, hidden=True)
@click.argument("app_path")
@click.option("--capture", type=int, default=logging.INFO, hidden=True, allow_from_autoenv=False)
def child(app_path: str, capture: int) -> None:
    """Run the jobs that a worker hands over, one at a time. Workers start this by themselves."""
    from packhorse.cli.application import load
    from packhorse.cli.logs import log_to_stderr
    from packhorse.runtime.child import main

    runner_for = load(app_path).runner
    log_to_stderr("warning", capture)
    main(runner_for, capture)
