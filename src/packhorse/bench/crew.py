"""The worker processes of a benchmark: started as a user starts them, watched, and ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from packhorse.bench.scratch import Scratch
from packhorse.errors import PackhorseError

START_SECONDS, STOP_SECONDS = 60.0, 30.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
CPU_TIME = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")
"""As `ps -o time` prints it: days-hours:minutes:seconds."""


class BenchmarkError(PackhorseError):
    """The benchmark could not be brought to its end."""


class Crew:
    """`packhorse worker` on the scratch database.

    Args:
        scratch: where.
        processes: how many worker processes.

    Raises:
        BenchmarkError: they do not start; the message carries their last words.
    """

    def __init__(self, scratch: Scratch, processes: int) -> None:
        self._scratch = scratch
        self._processes = processes
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the crew

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [
                *(sys.executable, "-m", "packhorse", "worker", "--app=packhorse.bench.jobs:make_app"),
                *(f"--processes={self._processes}", "--log-level=warning"),
            ],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stderr=self._errors,
        )
        try:
            self.wait_until(lambda: len(self._pids()) == self._processes, START_SECONDS, "the workers did not start")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def cpu_seconds(self) -> float:
        """Processor time that the worker processes have used since their start."""
        return sum(_cpu_seconds(pid) for pid in self._pids())

    def wait_until(self, is_done: Callable[[], bool], seconds: float, what: str, pause: float = 0.01) -> None:
        """Look every `pause` seconds until it is done.

        Raises:
            BenchmarkError: the workers ended, or it took longer than `seconds`; `what` says what that means.
        """
        deadline = time.monotonic() + seconds
        while not is_done():
            if self._process is None or self._process.poll() is not None:
                raise BenchmarkError(f"the workers have ended: {self._last_words()}")
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{what} within {seconds:g} s: {self._last_words()}")
            time.sleep(pause)

    def _environment(self) -> dict[str, str]:
        """The user's, without what would steer our workers."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PACKHORSE_")}
        return kept | {
            "PACKHORSE_DATABASE_URL": self._scratch.url,
            "PACKHORSE_SCHEMA": self._scratch.schema,
        }

    def _pids(self) -> list[int]:
        return [int(worker.name.rpartition(":")[2]) for worker in self._scratch.app.list_workers()]

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "they said nothing"

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._errors.close()


def _cpu_seconds(pid: int) -> float:
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        return _cpu_seconds_by_ps(pid)
    fields = status.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def _cpu_seconds_by_ps(pid: int) -> float:
    """Where there is no /proc (macOS, BSD)."""
    told = subprocess.run(  # noqa: S603 - a fixed program and a number
        ["ps", "-o", "time=", "-p", str(pid)],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=False,
    )
    match = CPU_TIME.fullmatch(told.stdout.strip())
    if match is None:
        return 0.0
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
