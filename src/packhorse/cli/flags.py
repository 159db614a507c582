"""Options that many commands share: where the application is, where the database is, and how to print."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import click
from click.core import ParameterSource

from packhorse.cli.target import Target

Callback: TypeAlias = Callable[..., Any]
"""The function of a command."""

APP_HELP = "The application, module:attribute; the attribute may be a function that makes it. \
By default `app` in packhorse.toml or [tool.packhorse]."
URL_HELP = "The database, sqlite:///file.db or postgresql://…; the application's code is then not loaded. \
Without it: the application's own, then PACKHORSE_DATABASE_URL, the settings file, DATABASE_URL."
SCHEMA_HELP = "The PostgreSQL schema that holds the tables (with --database-url); packhorse."


def app_option(command: Callback) -> Callback:
    """Add `-A`."""
    return click.option(
        "-A",
        "--app",
        "app_path",
        metavar="MODULE:APP",
        envvar="PACKHORSE_APP",
        show_envvar=True,
        callback=filled,
        help=APP_HELP,
    )(command)


def target_options(command: Callback) -> Callback:
    """Add `-A`, `--database-url` and `--schema`; the command receives a `Target` as `target`."""

    @functools.wraps(command)
    def with_target(*args: Any, app_path: str | None, database_url: str | None, schema: str | None, **rest: Any) -> Any:
        is_named = is_on_command_line("app_path")
        if is_named and database_url is not None:
            raise click.UsageError("-A and --database-url each name a database: give one of them")
        with Target(app_path, database_url, schema, is_named=is_named) as target:
            return command(*args, target=target, **rest)

    with_target = click.option("--schema", metavar="NAME", callback=filled, help=SCHEMA_HELP)(with_target)
    with_target = click.option("--database-url", metavar="URL", callback=filled, help=URL_HELP)(with_target)
    return app_option(with_target)


def is_on_command_line(parameter: str) -> bool:
    """Whether the running command was given this parameter in words, not by the environment."""
    return click.get_current_context().get_parameter_source(parameter) == ParameterSource.COMMANDLINE


def json_option(command: Callback) -> Callback:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def filled(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty value: most likely it is that of a variable of the shell that is not set."""
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty; give it a value, or leave the option out")
    return value
