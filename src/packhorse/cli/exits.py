"""How a command ends: its exit code, and its last words on standard error."""

from __future__ import annotations

from enum import IntEnum

import click

from packhorse.errors import (
    DatabaseError,
    DatabaseForbidden,
    DuplicateJob,
    PackhorseError,
    PayloadError,
    SchemaError,
    UsageError,
)


class ExitCode(IntEnum):
    """What the codes mean; `packhorse --help` says the same."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DATABASE = 3
    SCHEMA = 4
    KILLED = 5
    DUPLICATE = 6
    """A job with the same unique key is there already."""
    ENOUGH = 9
    """So many jobs were run as --max-jobs says."""
    INTERRUPTED = 130
    """As shells count a process that SIGINT ended."""
    CLOSED_PIPE = 141
    """As shells count a process that SIGPIPE ended: the reader of our output has left."""


CODES: tuple[tuple[type[PackhorseError], ExitCode], ...] = (
    (SchemaError, ExitCode.SCHEMA),
    (DatabaseForbidden, ExitCode.USAGE),
    (DatabaseError, ExitCode.DATABASE),
    (UsageError, ExitCode.USAGE),
    (PayloadError, ExitCode.USAGE),
    (DuplicateJob, ExitCode.DUPLICATE),
)
"""The code of an error is that of the first class that it belongs to, else `FAILED`."""


class Complaint(Exception):
    """What ends a command: a message, and the code."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: PackhorseError) -> ExitCode:
    """With which code a command ends that this error stopped."""
    return next((code for kind, code in CODES if isinstance(error, kind)), ExitCode.FAILED)


def complain(message: str) -> None:
    """Say on standard error what was wrong and what to do."""
    from packhorse.cli.output import printable

    click.echo(f"{click.style('packhorse:', fg='red', bold=True)} {printable(message)}", err=True)


def warn(message: str) -> None:
    """Say on standard error what the user should know, though the command goes on."""
    from packhorse.cli.output import printable

    click.echo(f"{click.style('note:', fg='yellow')} {printable(message)}", err=True)
