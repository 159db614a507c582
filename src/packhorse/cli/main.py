"""The `packhorse` command itself: its groups, and what is said when something ends badly."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from packhorse.cli.exits import Complaint, ExitCode, code_of, complain
from packhorse.cli.groups import LazyGroup
from packhorse.cli.suggestions import PROGRAM
from packhorse.errors import PackhorseError

PLACES = {
    "worker": "packhorse.cli.worker:worker",
    "enqueue": "packhorse.cli.enqueue:enqueue",
    "jobs": "packhorse.cli.jobs:jobs",
    "inbox": "packhorse.cli.inbox:inbox",
    "queues": "packhorse.cli.queues:queues",
    "batches": "packhorse.cli.batches:batches",
    "tables": "packhorse.cli.tables:tables",
    "workers": "packhorse.cli.workers:workers",
    "schedules": "packhorse.cli.schedules:schedules",
    "stats": "packhorse.cli.stats:stats",
    "stale": "packhorse.cli.stale:stale",
    "prune": "packhorse.cli.prune:prune",
    "check": "packhorse.cli.check:check",
    "migrate": "packhorse.cli.migrate:migrate",
    "bench": "packhorse.cli.bench:bench",
    "completion": "packhorse.cli.completion:completion",
    "child": "packhorse.cli.child:child",
}


OF_PACKAGES = (
    "A work package is a job: `packhorse jobs list --record order:42` finds those about a record, "
    "`packhorse jobs show ID` says what became of its records."
)
ELSEWHERE = {
    **dict.fromkeys(("package", "packages", "record", "records"), OF_PACKAGES),
    "listen": "In Python: app.listen(CORRELATION). `packhorse batches wait ID` waits for the jobs of a batch.",
}


class OutputClosed(Exception):
    """Whoever read our output has left, as `head` does."""


class Root(LazyGroup):
    """The command itself."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; click would take a closed pipe for a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise OutputClosed from None


@click.group(
    cls=Root,
    places=PLACES,
    elsewhere=ELSEWHERE,
    context_settings={
        "auto_envvar_prefix": "PACKHORSE",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
)
@click.version_option(package_name="packhorse", message="packhorse %(version)s")
def packhorse() -> None:
    """Background work that commits with your data, on SQLite and PostgreSQL.

        packhorse worker -A shop.jobs:app        run jobs until stopped
        packhorse enqueue shop.jobs.greet Ann    add a job by hand
        packhorse jobs list --state failed       see what needs a person

    Most commands need only to know the database: --database-url, PACKHORSE_DATABASE_URL, or the application's own (-A,
    PACKHORSE_APP, or `app` under [tool.packhorse] in pyproject.toml). They do without an application that can't be
    imported, unless it is given by -A, when the database is named as well. Every option can be set in the environment,
    too: --limit of `jobs list` is PACKHORSE_JOBS_LIST_LIMIT.

    Exit codes: 0 done; 1 failed; 2 usage, configuration, import or a missing permission in the database; 3 database
    unreachable or unusable; 4 schema missing, older or newer; 5 killed after the shutdown timeout; 6 a job with that
    unique key is there already; 9 stopped after --max-jobs.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; what `packhorse` and `python -m packhorse` start."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(args))


def run(args: Sequence[str] | None = None, *, command: click.Command = packhorse, program: str = PROGRAM) -> int:
    """Run the command line; the exit code. A user's mistake is told in a line or two, never as a traceback.

    Args:
        args: the words behind the program's name; those of this process by default.
        command: what they are given to.
        program: how the reader calls it, for all that is said.
    """
    try:
        code = command.main(args, prog_name=program, standalone_mode=False, color=_color())
        sys.stdout.flush()
    except click.ClickException as error:
        _explain(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except Complaint as error:
        complain(str(error))
        return error.code
    except PackhorseError as error:
        complain(str(error))
        return code_of(error)
    except (OutputClosed, BrokenPipeError):
        return _without_reader()
    return code if isinstance(code, int) else ExitCode.OK


def _explain(error: click.ClickException) -> None:
    """Say in two lines what was wrong with the command line and where its help is."""
    complain(" ".join(error.format_message().split()))
    context = getattr(error, "ctx", None)
    if context is not None:
        click.echo(f"See `{context.command_path} --help`.", err=True)


def _color() -> bool | None:
    """No colour where NO_COLOR asks for none; otherwise on terminals only."""
    return False if os.environ.get("NO_COLOR") else None


def _without_reader() -> int:
    """End quietly, also when Python flushes at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.CLOSED_PIPE
