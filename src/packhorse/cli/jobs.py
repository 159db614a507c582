"""`packhorse jobs`: look at jobs; what is done with them is in `operate.py`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.target import Target
from packhorse.cli.values import ID, Integer, record
from packhorse.domain.state import JobState

if TYPE_CHECKING:
    from packhorse.domain.job import JobRecord
    from packhorse.domain.package import Reference

VERBS = ("cancel", "retry", "hold", "release", "delete")
PLACES = {
    "explain": "packhorse.cli.explain:explain",
    "log": "packhorse.cli.job_log:log",
    "copy": "packhorse.cli.copy:copy",
    **{verb: f"packhorse.cli.operate:{verb}" for verb in VERBS},
}


@click.group(cls=LazyGroup, places=PLACES)
def jobs() -> None:
    """Look at jobs, retry them, cancel them, hold them.

        packhorse jobs list --state failed           what needs a person
        packhorse jobs show 42                       everything about one job
        packhorse jobs explain 42                    why it does not run
        packhorse jobs retry 42 43                   let them run again
        packhorse jobs cancel --queue mail --dry-run how many it would be

    Next: `packhorse jobs list --help` has the filters.
    """


@jobs.command("list")
@click.option("--state", type=click.Choice([state.value for state in JobState]), help="Only jobs in this state.")
@click.option("--queue", metavar="NAME", help="Only jobs of this queue.")
@click.option("--task", metavar="PATTERN", help="Of this task; `*` is any text, `?` any character.")
@click.option("--key", metavar="KEY", help="Only jobs with this unique key, serial key or group.")
@click.option("--record", type=record, metavar="TYPE:KEY", help="Only work packages about this business record.")
@click.option("--batch", type=ID, help="Only jobs of the batch of this id.")
@click.option("--correlation", metavar="ID", help="Only work packages that are known by this id.")
@click.option("--before", "before_id", type=ID, help="Only ids below this: the next page.")
@click.option("--limit", type=Integer(1, 10_000), default=50, help="At most this many.")
@json_option
@target_options
def list_(
    target: Target,
    *,
    record: Reference | None,
    before_id: int | None,
    limit: int,
    as_json: bool,
    **filters: Any,
) -> None:
    """List jobs, the newest first.

        packhorse jobs list --state failed --queue billing
        packhorse jobs list --task 'shop.models.Order.*'   what calls methods of this model
        packhorse jobs list --key customer:7
        packhorse jobs list --record order:42        which packages touch an order
        packhorse jobs list --batch 7 --state failed
        packhorse jobs list --correlation import-7   what has become of them
        packhorse jobs list --json | jq '.[].id'

    Next: `packhorse jobs show ID`.
    """
    from packhorse.cli.output import print_json
    from packhorse.cli.records import job_document, print_jobs

    found = target.existing.list_jobs(**filters, record=record, before_id=before_id, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        print_json([job_document(job) for job in shown])
    else:
        print_jobs(shown)
        if len(found) > limit:
            _hint_next_page(target, shown, {**filters, "record": None if record is None else str(record)})


@jobs.command()
@click.argument("id", type=ID)
@json_option
@target_options
def show(target: Target, id: int, *, as_json: bool) -> None:
    """Show everything about a job.

        packhorse jobs show 42
        packhorse jobs show 42 --json | jq .attempts
        packhorse jobs show 42 --json | jq .package.open    which records of a package are not done, and why

    Its times, how far it is, which jobs it waits for, its arguments, its result, of a work package its parameters and
    what has become of its records, and each attempt that did not succeed, with the error and its traceback.

    Next: `packhorse jobs log ID` has what it logged, `packhorse jobs retry ID` lets a failed job run again.
    """
    from packhorse.cli.job_log import progress_document, progress_text
    from packhorse.cli.output import print_json
    from packhorse.cli.packages import find_package, package_document, package_texts
    from packhorse.cli.records import attempt_document, job_document, needed_document, needed_text, print_job

    app = target.existing
    job, attempts, progress = app.get_job(id), app.list_attempts(id), app.find_progress(id)
    needed, package = app.engine.list_needed(id), find_package(app, id)
    if as_json:
        more = {"progress": progress_document(progress, job), "after": [needed_document(one) for one in needed]}
        more |= package_document(package)
        print_json(job_document(job) | more | {"attempts": [attempt_document(attempt) for attempt in attempts]})
    else:
        print_job(
            job,
            attempts,
            {"progress": progress_text(progress, job), "after": needed_text(needed), **package_texts(package)},
        )


def _hint_next_page(target: Target, shown: Sequence[JobRecord], filters: dict[str, Any]) -> None:
    given = "".join(f"--{name} {shlex.quote(str(value))} " for name, value in filters.items() if value is not None)
    page = f"`packhorse jobs list {given}--limit {len(shown)} --before {shown[-1].id}`"
    click.echo(target.completed(f"{len(shown):,} shown; the next ones: {page}"), err=True)
