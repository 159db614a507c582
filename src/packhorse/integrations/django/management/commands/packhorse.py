"""`manage.py packhorse …`: the commands of Packhorse, for the application of this project."""

from __future__ import annotations

import os
import sys
import sysconfig
from argparse import REMAINDER
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from itertools import takewhile
from pathlib import Path
from typing import Any

from django.core import checks
from django.core.management import CommandError
from django.core.management.base import CommandParser, handle_default_options

from packhorse.cli.exits import ExitCode, complain
from packhorse.cli.main import run
from packhorse.integrations.django.application import PLACE
from packhorse.integrations.django.bases import BaseCommand
from packhorse.integrations.django.checks import check_settings
from packhorse.integrations.django.root import packhorse


class Command(BaseCommand):
    """Run a command of Packhorse."""

    help = "The commands of Packhorse for this project's jobs: workers, jobs, the inbox, queues, schedules, batches."
    requires_system_checks: Sequence[str] = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Run it and exit with its own exit code; --settings and --pythonpath are Django's, all else is ours."""
        parser = CommandParser(add_help=False, allow_abbrev=False)
        parser.add_argument("--settings")
        parser.add_argument("--pythonpath")
        options, words = parser.parse_known_args(argv[2:])
        handle_default_options(options)
        for wrong in filter(checks.CheckMessage.is_serious, check_settings()):
            complain(f"{wrong.msg} ({wrong.id}): {wrong.hint}")
            sys.exit(ExitCode.USAGE)
        sys.exit(_run(words, f"{Path(argv[0]).name} packhorse"))

    def add_arguments(self, parser: Any) -> None:
        """For `call_command("packhorse", "jobs", "list")`."""
        parser.add_argument("words", nargs=REMAINDER)

    def handle(self, *args: Any, **options: Any) -> None:
        """The same, called from Python.

        Raises:
            CommandError: it did not end with 0; `returncode` is its exit code.
        """
        out, err = options.get("stdout") or sys.stdout, options.get("stderr") or sys.stderr
        with redirect_stdout(out), redirect_stderr(err):
            code = _run([*args, *options["words"]], "manage.py packhorse")
        if code:
            raise CommandError(f"packhorse ended with {code}", returncode=code)

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """For `manage.py help packhorse`."""
        _run(["--help"], f"{Path(prog_name).name} {subcommand}")


def _run(words: Sequence[str], program: str) -> int:
    os.environ["PACKHORSE_APP"] = PLACE
    os.environ["PYTHONPATH"] = os.pathsep.join(_own_folders())
    return run(list(words), command=packhorse, program=program)


def _own_folders() -> list[str]:
    """Where worker processes look first, too: the folder of manage.py, PYTHONPATH, and --pythonpath."""
    library = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    own = takewhile(lambda place: place not in library and not place.endswith(".zip"), sys.path)
    return [str(Path(place).absolute()) for place in own]
