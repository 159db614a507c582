"""Options that many commands share: where the application is, where the database is, and how to print."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import click

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
        "-A", "--app", "app_path", metavar="MODULE:APP", envvar="PACKHORSE_APP", show_envvar=True, help=APP_HELP
    )(command)


def target_options(command: Callback) -> Callback:
    """Add `-A`, `--database-url` and `--schema`; the command receives a `Target` as `target`."""

    @functools.wraps(command)
    def with_target(*args: Any, app_path: str | None, database_url: str | None, schema: str | None, **rest: Any) -> Any:
        with Target(app_path, database_url, schema) as target:
            return command(*args, target=target, **rest)

    with_target = click.option("--schema", metavar="NAME", help=SCHEMA_HELP)(with_target)
    with_target = click.option("--database-url", metavar="URL", help=URL_HELP)(with_target)
    return app_option(with_target)


def json_option(command: Callback) -> Callback:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)
