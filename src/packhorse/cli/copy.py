"""`packhorse jobs copy`: the same work once more."""

from __future__ import annotations

from collections.abc import Sequence

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import print_json
from packhorse.cli.selecting import user_name
from packhorse.cli.target import Target
from packhorse.cli.values import ID


@click.command(cls=Command)
@click.argument("ids", type=ID, nargs=-1, required=True)
@click.option("--by", metavar="NAME", help="Who asks, for the record; by default this system's user.")
@json_option
@target_options
def copy(target: Target, ids: Sequence[int], by: str | None, *, as_json: bool) -> None:
    """Enqueue jobs once more, as new ones that are due now.

        packhorse jobs copy 42
        packhorse jobs copy 42 43 --by kim --json

    The same task, arguments, queue and priority, on behalf of the same user, about the same records. The originals stay
    as they are. A unique key is not copied. The copy's meta says of which job it is one, and who asked.

    Next: `packhorse jobs show ID`; `packhorse jobs retry ID` runs a failed job itself again.
    """
    app = target.existing
    for one in ids:
        app.get_job(one)
    pairs = [(one, app.copy_job(one, by=by or user_name()).id) for one in ids]
    if as_json:
        print_json([{"id": copied, "copied_from": one} for one, copied in pairs])
    for one, copied in pairs if not as_json else ():
        click.echo(f"job {copied} is a copy of job {one}")
