"""`packhorse tables`: the queue tables, what waits in them, and what had to leave them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.output import ago, counted, print_fields, print_json, print_table
from packhorse.cli.selecting import user_name
from packhorse.cli.target import Target
from packhorse.cli.values import ID, Integer

if TYPE_CHECKING:
    from packhorse.domain.queuetable import GoneRow, RowError
    from packhorse.queuetables.lanes import Totals
    from packhorse.queuetables.tables import TableState

STATE_HEADERS = ("TABLE", "WAITING", "FAILED", "QUARANTINE", "PROCESSOR", "LAST RUN", "LAST ERROR")
GONE_HEADERS = ("ID", "ROW", "OUTCOME", "ENDED", "ATTEMPTS", "SECONDS", "REASON")
ERROR_HEADERS = ("ID", "ROW", "ATTEMPT", "WHEN", "PROCESSOR", "ERROR")
TROUBLED_HEADERS = ("ROW", "FAILURES", "SKIPS", "CRASHES", "AGAIN", "REASON")
LIMIT = click.option("--limit", type=Integer(1, 10_000), default=50, help="At most this many.")
KEY = click.option("--row", "key", metavar="KEY", help="Only of the row with this key.")


@click.group(cls=LazyGroup)
def tables() -> None:
    """Look after queue tables: tables of your own whose rows are the work.

        packhorse tables create -A shop.jobs:app       make the declared tables that are not there
        packhorse tables list                          what waits, what failed, what runs
        packhorse tables run stock_movement            one run now, in this process
        packhorse tables quarantine stock_movement     rows that had to leave the table

    A worker (`packhorse worker -A …`) runs the processors by itself. Pause one with `packhorse queues pause NAME`, set
    its dials with `packhorse queues set NAME batch_size=32 slots=4`; NAME is the table's, or what the code says.
    """


@tables.command()
@click.argument("names", nargs=-1)
@click.option("--sql", is_flag=True, help="Print the statements, for another tool, and run nothing.")
@target_options
def create(target: Target, names: Sequence[str], *, sql: bool) -> None:
    """Make the queue tables that the code declares and that are not there yet: all, or those of these names.

        packhorse tables create
        packhorse tables create stock_movement --sql > movement.sql

    One that is there stays as it is. Next: `packhorse tables list`.
    """
    app = target.app
    app.modules.load()
    if sql:
        click.echo(app.tables.create_sql(*names), nl=False)
        return
    made = app.tables.create(*names)
    for name in made:
        click.echo(f"made {name}")
    if not made:
        click.echo("every declared table is there already" if app.tables.declared else "no queue table is declared")


@tables.command("list")
@json_option
@target_options
def list_(target: Target, *, as_json: bool) -> None:
    """List the queue tables: those that the code declares, and those that workers serve.

        packhorse tables list
        packhorse tables list --json

    Rows are counted up to 100,000. Next: `packhorse tables show NAME`.
    """
    app = target.existing
    states = [app.tables.state(name) for name in app.tables.names()]
    if as_json:
        print_json([dataclasses.asdict(state) for state in states])
    elif states:
        print_table(STATE_HEADERS, [_state_row(state) for state in states], numbers="WAITING FAILED QUARANTINE")
    else:
        click.echo("there is no queue table: declare one with @app.queue_table, and name the application with -A")


@tables.command()
@click.argument("name")
@LIMIT
@json_option
@target_options
def show(target: Target, name: str, *, limit: int, as_json: bool) -> None:
    """Show how it stands with a table: what waits, its processors, and the rows that have failed and wait.

        packhorse tables show stock_movement

    Next: `packhorse tables errors NAME`, `packhorse tables quarantine NAME`.
    """
    app = target.existing
    state = app.tables.state(name)
    troubled = app.tables.troubled(name, limit=limit) if state.is_there else []
    if as_json:
        print_json(dataclasses.asdict(state) | {"troubled": [_plain(row) for row in troubled]})
        return
    counts = state.counts
    print_fields(
        {
            "table": name,
            "is there": "yes" if state.is_there else "no: `packhorse tables create`",
            "waiting": _waiting(state),
            "failed, again later": counts.troubled if counts else None,
            "in quarantine": counts.quarantined if counts else None,
        }
    )
    for one in state.processors:
        click.echo(f"\nprocessor {one.processor}, queue {one.queue}: {counted(one.rows_done, 'row')} done, ", nl=False)
        click.echo(f"{one.rows_failed} failed; last run {ago(one.last_run_at) if one.last_run_at else 'never'}")
    if troubled:
        click.echo()
        rows = [
            (row.key, row.trouble.failures, row.trouble.skips, row.trouble.crashes, _again(row), row.reason or "")
            for row in troubled
        ]
        print_table(TROUBLED_HEADERS, rows, numbers="FAILURES SKIPS CRASHES")


@tables.command()
@click.argument("name")
@click.option("--batch-size", type=Integer(1, 10_000), help="Rows that a lane reads; as the processor says.")
@click.option("--parallelism", type=Integer(1, 64), help="Lanes at once; as the processor says.")
@click.option("--until-empty", is_flag=True, help="Run after run, until nothing can be taken.")
@json_option
@target_options
def run(target: Target, name: str, batch_size: int | None, parallelism: int | None, **rest: Any) -> int:
    """Run a table's processor now, in this process: up to batch size times parallelism rows.

        packhorse tables run stock_movement -A shop.jobs:app
        packhorse tables run stock_movement --batch-size 100 --until-empty

    It ends with 1 when a row failed. Next: `packhorse tables errors NAME`.
    """
    from packhorse.queuetables.processor import Dials

    app = target.app
    app.modules.load()
    declared = app.tables.processor(name).dials
    dials = Dials(batch_size=batch_size or declared.batch_size, parallelism=parallelism or declared.parallelism)
    done = failed = 0
    while True:
        totals: Totals = app.tables.run(name, dials=dials)
        done, failed = done + totals.done, failed + totals.failed
        if not rest["until_empty"] or not totals.done + totals.failed:
            break
        if not rest["as_json"]:
            click.echo(f"\r{counted(done, 'row')} done, {failed} failed", nl=False, err=True)
    if rest["as_json"]:
        print_json({"table": name, "done": done, "failed": failed})
    else:
        click.echo(f"\r{counted(done, 'row')} done, {failed} failed")
    return ExitCode.FAILED if failed else ExitCode.OK


@tables.command()
@click.argument("name")
@click.argument("processor", required=False)
@target_options
def choose(target: Target, name: str, processor: str | None) -> None:
    """Have another of its processors work on a table; without one, the first that the code declares.

        packhorse tables choose stock_movement shop.jobs.move_carefully
        packhorse tables choose stock_movement

    Workers see it within a second. Next: `packhorse tables show NAME` lists the processors that there are.
    """
    target.existing.tables.choose(name, processor)
    click.echo(f"{name}: {processor or 'the first processor'} works on it from now on")


@tables.command()
@click.argument("name")
@LIMIT
@json_option
@target_options
def quarantine(target: Target, name: str, *, limit: int, as_json: bool) -> None:
    """List the rows that had to leave a table: they failed too often, or killed their processes.

        packhorse tables quarantine stock_movement

    Next: `packhorse tables release NAME ID` puts a row back, `packhorse tables discard NAME ID` gives it up;
    `packhorse tables errors NAME --row KEY` has the stack.
    """
    rows = target.existing.tables.quarantined(name, limit=limit)
    _print_gone(rows, as_json=as_json, empty=f"{name}: nothing is in quarantine")


@tables.command()
@click.argument("name")
@click.argument("ids", type=ID, nargs=-1, required=True)
@click.option("--by", metavar="NAME", help="Who says so, for the record; by default this system's user.")
@target_options
def release(target: Target, name: str, ids: Sequence[int], by: str | None) -> int:
    """Put rows from quarantine back into their table as they were, to be worked on anew.

        packhorse tables release stock_movement 17 18

    The ids are those that `packhorse tables quarantine NAME` lists. It ends with 1 when one of them is not there.
    """
    released = target.existing.tables.release(name, *ids, by=by or user_name())
    return _told(ids, released, "is back in the table", "is not in quarantine")


@tables.command()
@click.argument("name")
@click.argument("ids", type=ID, nargs=-1, required=True)
@click.option("--by", metavar="NAME", help="Who says so, for the record; by default this system's user.")
@target_options
def discard(target: Target, name: str, ids: Sequence[int], by: str | None) -> int:
    """Give up rows in quarantine for good; the record of what they were stays for a while.

        packhorse tables discard stock_movement 17

    The ids are those that `packhorse tables quarantine NAME` lists. It ends with 1 when one of them is not there.
    """
    discarded = target.existing.tables.discard(name, *ids, by=by or user_name())
    return _told(ids, discarded, "is given up", "is not in quarantine")


@tables.command()
@click.argument("name")
@KEY
@LIMIT
@json_option
@target_options
def errors(target: Target, name: str, key: str | None, *, limit: int, as_json: bool) -> None:
    """List what went wrong with rows, the newest first; kept although the work was rolled back.

        packhorse tables errors stock_movement
        packhorse tables errors stock_movement --row 42

    With --row the stack, the row and what was logged are shown, too. Next: `packhorse tables quarantine NAME`.
    """
    found = target.existing.tables.errors(name, key=key, limit=limit)
    if as_json:
        print_json([dataclasses.asdict(error) for error in found])
    elif not found:
        click.echo(f"{name}: nothing went wrong")
    elif key is None:
        print_table(ERROR_HEADERS, [_error_row(error) for error in found], numbers="ID ATTEMPT")
    else:
        for error in found:
            _print_error(error)


@tables.command()
@click.argument("name")
@KEY
@LIMIT
@json_option
@target_options
def history(target: Target, name: str, key: str | None, *, limit: int, as_json: bool) -> None:
    """List what became of rows, the newest first: done, cancelled, in quarantine, released, discarded.

        packhorse tables history stock_movement
        packhorse tables history stock_movement --row 42 --json

    Kept as long as finished jobs of the queue are: `packhorse queues set NAME keep_succeeded=30d`.
    """
    rows = target.existing.tables.history(name, key=key, limit=limit)
    _print_gone(rows, as_json=as_json, empty=f"{name}: nothing is known of any row that has left the table")


def _print_gone(rows: Sequence[GoneRow], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json([dataclasses.asdict(row) for row in rows])
    elif rows:
        print_table(GONE_HEADERS, [_gone_row(row) for row in rows], numbers="ID ATTEMPTS SECONDS")
    else:
        click.echo(empty)


def _gone_row(row: GoneRow) -> tuple[object, ...]:
    seconds = "" if row.seconds is None else f"{row.seconds:.3f}"
    by = f"by {row.decided_by}" if row.decided_by else ""
    why = "; ".join(part for part in (row.reason, by) if part)
    return (str(row.id), row.key, row.outcome, ago(row.ended_at), row.attempts, seconds, why)


def _error_row(error: RowError) -> tuple[object, ...]:
    text = f"{error.error.type}: {error.error.message}"
    return (str(error.id), error.key, error.attempt, ago(error.occurred_at), error.processor, text)


def _print_error(error: RowError) -> None:
    print_fields(
        {
            "error": f"{error.error.type}: {error.error.message}",
            "row": error.data or error.key,
            "attempt": error.attempt,
            "processor": error.processor,
            "worker": error.worker,
            "log": error.log,
        }
    )
    if error.error.traceback:
        click.echo(error.error.traceback)


def _state_row(state: TableState) -> tuple[object, ...]:
    counts = state.counts
    last = max(state.processors, key=lambda one: str(one.last_run_at), default=None)
    return (
        state.name,
        _waiting(state),
        counts.troubled if counts else "",
        counts.quarantined if counts else "",
        last.processor if last else "none",
        ago(last.last_run_at) if last and last.last_run_at else "never",
        (last.last_error if last else None) or "",
    )


def _waiting(state: TableState) -> str:
    if state.counts is None:
        return "not there"
    return f"{state.counts.waiting:,}{'+' if state.counts.is_more else ''}"


def _again(row: Any) -> str:
    return "runs now" if row.is_running else row.retry_at.isoformat(" ", "seconds")


def _plain(row: Any) -> dict[str, Any]:
    trouble = row.trouble
    counts = {"failures": trouble.failures, "skips": trouble.skips, "crashes": trouble.crashes}
    return {"key": row.key, **counts, "retry_at": row.retry_at, "reason": row.reason, "is_running": row.is_running}


def _told(ids: Sequence[int], done: Sequence[int], yes: str, no: str) -> int:
    for id in ids:
        click.echo(f"{id} {yes}" if id in done else f"{id} {no}", err=id not in done)
    return ExitCode.OK if set(ids) <= set(done) else ExitCode.FAILED
