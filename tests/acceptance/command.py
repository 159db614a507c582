"""The command line as users run it: real processes, in a folder of their own, with nothing inherited that steers it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.acceptance.forks import Forks

ROOT = Path(__file__).resolve().parents[2]
APP = "tests.acceptance.shop_app:app"
SECONDS = 60.0
"""A command that takes longer has failed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """What it said on standard error, which must be one or two lines of plain words."""
        assert "Traceback" not in self.err
        assert 1 <= len(self.err.strip().splitlines()) <= 3, self.err
        return self.err


class CommandLine:
    """`packhorse …` in a folder.

    Args:
        folder: the current folder of the commands.
        environ: variables beside PATH and the like.
        program: how `packhorse` is started.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], program: Sequence[str] = ()) -> None:
        self.folder = folder
        self._program = program or packhorse()
        self._own = dict(environ)
        self._environ = {**inherited(), **environ}
        self._started: list[subprocess.Popen[str]] = []

    def __call__(self, *words: str, stdin: str = "", **environ: str) -> Ended:
        """Run a command to its end; keywords are more variables of its environment."""
        return self.run(self.words(*words), stdin=stdin, **environ)

    def words(self, *words: str) -> list[str]:
        """The whole command line, to be part of another one."""
        return [*self._program, *words]

    def run(self, words: Sequence[str], stdin: str = "", **environ: str) -> Ended:
        """Run any program to its end."""
        given, variables = stdin.encode("utf-8", "surrogateescape"), self._environ | environ
        if Forks.suits(words, self._own | environ):
            done = forks().run(words, self.folder, variables, given, SECONDS)
        else:
            done = subprocess.run(
                words,
                cwd=self.folder,
                env=variables,
                input=given,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        out, err = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
        return Ended(done.returncode, out, err)

    def start(self, *words: str, **environ: str) -> "Running":
        """Start a command that goes on by itself."""
        return self.start_program(self.words(*words), **environ)

    def start_program(self, words: Sequence[str], **environ: str) -> "Running":
        """Start any program that goes on by itself."""
        log = self.folder / f"log-{len(self._started)}"
        with log.open("w") as output:
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=self._environ | environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._started.append(process)
        return Running(process, log)

    def stop_all(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()
                process.wait()


@dataclass(frozen=True, slots=True)
class Running:
    """A command that runs, and the file that takes what it prints."""

    process: subprocess.Popen[str]
    path: Path

    def log(self) -> str:
        """What it has printed so far."""
        return self.path.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(SECONDS)


def inherited() -> dict[str, str]:
    """The environment of the tests without what steers a command."""
    steering = ("PACKHORSE_", "DATABASE_URL", "DJANGO_", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return {**kept, "PYTHONPATH": str(ROOT)}


@cache
def forks() -> Forks:
    """What runs commands quickly; one for each process of the tests, and it ends with that."""
    return Forks(inherited())


def packhorse() -> list[str]:
    """How the command line is started: the very interpreter that runs the tests."""
    return [sys.executable, "-m", "packhorse"]


def installed() -> list[str]:
    """The script that an installation brings: unlike `python -m` it does not look for modules in the current folder."""
    return [str(Path(sys.executable).with_name("packhorse"))]
