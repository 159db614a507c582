"""`packhorse migrate`: install the schema and bring it up to date."""

from __future__ import annotations

import dataclasses

import click

from packhorse.cli.exits import ExitCode, warn
from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.output import print_fields, print_json
from packhorse.cli.target import Target
from packhorse.cli.values import Integer


@click.group(cls=LazyGroup)
def migrate() -> None:
    """Install the schema, or bring it up to date.

        packhorse migrate up --database-url postgresql://…    at every deployment
        packhorse migrate status                              what is still to do
        packhorse migrate sql > packhorse.sql                 for your own migration tool

    On SQLite the first use installs the schema by itself; a later version's changes wait for `migrate up` there, too.
    """


@migrate.command()
@click.option("--to", type=Integer(1), help="Stop after the migration of this number.")
@target_options
def up(target: Target, *, to: int | None) -> None:
    """Run the migrations that are missing.

        packhorse migrate up --database-url postgresql://app@db/shop

    Repeating it does no harm, nor do two of them at once. Next: `packhorse check`.
    """
    engine = target.app.engine
    if to is not None and not engine.migration_sql(since=to - 1):
        raise click.UsageError(f"there is no migration {to}; leave --to out to run them all")
    done = engine.migrate(to)
    for name in done:
        click.echo(f"ran {name}")
    if not done:
        click.echo(f"{engine.address} is up to date: migration {engine.schema_status().current}")


@migrate.command()
@json_option
@target_options
def status(target: Target, *, as_json: bool) -> int:
    """Say which migrations have run.

        packhorse migrate status || packhorse migrate up

    It ends with 4 when some are missing, or the schema is too new. Next: `packhorse migrate up` runs what is missing.
    """
    from packhorse.errors import SchemaError

    engine = target.found.engine
    found, verdict = engine.schema_status(), "fits this version"
    code = ExitCode.OK
    try:
        engine.check_schema()
    except SchemaError as error:
        verdict, code = target.completed(str(error)), ExitCode.SCHEMA
    if as_json:
        print_json(dataclasses.asdict(found) | {"database": engine.address, "fits": code == ExitCode.OK})
    else:
        print_fields({"database": engine.address, "migration": found.current or "none", "latest": found.latest})
        click.echo("\n".join([f"missing: {name}" for name in found.pending] + [verdict]))
    return code


@migrate.command()
@click.option("--since", type=Integer(0), default=0, help="Only the migrations after this number.")
@target_options
def sql(target: Target, *, since: int) -> None:
    """Print the SQL of the migrations.

        packhorse migrate sql --database-url postgresql:// > packhorse.sql
        packhorse migrate sql --since 1 > changes.sql      what came after the first

    For another tool to run; the database itself is not asked. Next: `packhorse migrate status`.
    """
    script = target.app.engine.migration_sql(since)
    if script:
        click.echo(script)
    else:
        warn(f"no migration is newer than {since}: there is nothing to run")
