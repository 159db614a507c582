"""`packhorse check`: can this machine work with the database?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from packhorse.cli.exits import ExitCode, code_of
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import print_json, printable, told_failure
from packhorse.cli.target import Target
from packhorse.errors import PackhorseError

if TYPE_CHECKING:
    from packhorse.app import Packhorse

LONG_FOR_FILES = timedelta(minutes=1)
OK, NOTE, FAILED = "ok", "note", "failed"
COLOURS = {OK: "green", NOTE: "yellow", FAILED: "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look has found."""

    result: str
    what: str
    text: str
    code: ExitCode = ExitCode.OK


@click.command(cls=Command)
@json_option
@target_options
def check(target: Target, *, as_json: bool) -> int:
    """Check that the database is there and takes jobs.

        packhorse check --database-url postgresql://app@db/shop
        packhorse check --json | jq '.[] | select(.result != "ok")'

    It looks whether the database can be reached, whether its schema fits this version, whether a job can be stored
    (which is rolled back, so that nothing remains), and whether the folder for files takes some, where there is one.
    Whether the database's user could run a worker, too, is only noted.
    It ends with 0 when all is well, 2 when the user may not store a job, or no file can be written, 3 when the database
    can't be reached or used, 4 when its schema is missing, older or newer. Next: `packhorse migrate up` mends a schema.
    """
    findings = list(look(target))
    if as_json:
        print_json([{"result": one.result, "what": one.what, "text": one.text} for one in findings])
    else:
        for one in findings:
            result = click.style(one.result.ljust(6), fg=COLOURS[one.result])
            click.echo(f"{result}  {one.what.ljust(8)}  {printable(one.text)}")
    return max(one.code for one in findings)


def look(target: Target) -> Iterator[Finding]:
    """Look at one thing after the other, until one fails."""
    for what, step in STEPS:
        try:
            yield from (Finding(result, what, text) for result, text in step(target.found))
        except PackhorseError as error:
            yield Finding(FAILED, what, target.completed(str(error)), code_of(error))
            return


def _reach(app: Packhorse) -> Sequence[tuple[str, str]]:
    app.engine.schema_status()
    return [(OK, app.engine.address), *((NOTE, text) for text in app.remarks())]


def _schema(app: Packhorse) -> Sequence[tuple[str, str]]:
    app.engine.check_schema()
    status = app.engine.schema_status()
    return [(OK, f"migration {status.current}; this version brings {status.latest}")]


def _write(app: Packhorse) -> Sequence[tuple[str, str]]:
    from packhorse.domain.job import NewJob

    transaction = app.engine.begin()
    try:
        transaction.run(app.engine.limited(app.engine.insert_statement([NewJob(task="packhorse.check")])))
    finally:
        transaction.rollback()
    return [(OK, "a job was stored, and rolled back")]


def _work(app: Packhorse) -> Sequence[tuple[str, str]]:
    missing = app.engine.list_missing_rights()
    if missing:
        return [(NOTE, f"a worker may run: no, this user lacks {'; '.join(missing)}")]
    return [(OK, "a worker may run: yes"), *((NOTE, told_failure(one)) for one in app.list_load_failures())]


def _files(app: Packhorse) -> Sequence[tuple[str, str]]:
    if app.settings.files is None:
        return []
    app.files.check()
    left = sum(datetime.now(UTC) - one.committed_at > LONG_FOR_FILES for one in app.engine.list_file_commits())
    late = [(NOTE, f"{left} committed transactions have files that are not in place on their machine")] if left else []
    return [(OK, f"{app.files.address} takes files"), *late]


STEPS: tuple[tuple[str, Callable[[Packhorse], Sequence[tuple[str, str]]]], ...] = (
    ("database", _reach),
    ("schema", _schema),
    ("writing", _write),
    ("worker", _work),
    ("files", _files),
)
