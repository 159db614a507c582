"""`packhorse child`: the process in which an isolated handler runs; workers start it themselves."""

from __future__ import annotations

import click

from packhorse.cli.groups import Command


@click.command(cls=Command, hidden=True)
@click.argument("app_path")
def child(app_path: str) -> None:
    """Run the jobs that a worker hands over, one at a time. Workers start this by themselves."""
    from packhorse.cli.application import load
    from packhorse.runtime.child import main

    main(load(app_path).runner)
