"""Starting peers as separate processes and speaking their protocol; see `peers/__main__.py`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from benchmarks.environments import ROOT, Environment
from benchmarks.peers.peer import Peer
from benchmarks.processes import cpu_seconds

STOP_SECONDS = 30.0
PAUSE = 0.003
"""Seconds between two looks."""


class PeerFailed(Exception):
    """A peer's process ended with an error or got stuck; the message carries its last words."""


class Command:
    """How to reach one peer in its environment."""

    def __init__(self, peer: Peer, environment: Environment) -> None:
        self.peer = peer
        self._environment = environment

    def start(self, action: str, url: str, variables: Mapping[str, str] | None = None, **options: float) -> Started:
        """Start an action; the words after it come from the options."""
        words = [*self._environment.words(self.peer), action, f"--url={url}"]
        words += [f"--{name}={value}" for name, value in options.items()]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PACKHORSE_", "PYTHON"))}
        return Started(words, kept | self._environment.variables() | dict(variables or {}), answers=action != "work")

    def run(self, action: str, url: str = "", **options: float) -> dict[str, Any]:
        """Run an action to its end, timed ones included; its answer.

        Raises:
            PeerFailed: it did not succeed.
        """
        with self.start(action, url, None, **options) as started:
            return started.result()


class Started:
    """A running process of a peer; leaving the block ends it.

    Args:
        words: the command.
        variables: its whole environment.
        answers: whether what it prints is an answer; a worker's goes with its errors, where nobody has to read it.
    """

    def __init__(self, words: Sequence[str], variables: Mapping[str, str], *, answers: bool) -> None:
        self._words = words
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else self._errors,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Processor time of it and all its descendants."""
        return cpu_seconds(self.pid)

    def wait_ready(self) -> None:
        """Wait until it has connected.

        Raises:
            PeerFailed: it ended instead.
        """
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise self.failure("did not get ready")

    def go(self) -> None:
        """Start what is timed."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """Let it go on at once, wait for its end, and read its answer; empty where it gives none.

        Raises:
            PeerFailed: it did not succeed.
        """
        output, _ = self._process.communicate("\n")
        if self._process.returncode != 0:
            raise self.failure("failed")
        answer = output.strip().rpartition("\n")[2]
        found: dict[str, Any] = json.loads(answer) if answer.startswith("{") else {}
        return found

    def require_alive(self) -> None:
        """Raise when it has ended.

        Raises:
            PeerFailed: it has.
        """
        if self._process.poll() is not None:
            raise self.failure("ended")

    def failure(self, what: str) -> PeerFailed:
        """An error with its last words."""
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()[-3:]
        return PeerFailed(f"{' '.join(map(_short, self._words))} {what}: {' | '.join(said) or 'it said nothing'}")

    def end(self) -> None:
        """Stop it as its supervisor would; kill it, and what is left of its session, when that takes too long."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # children that were left behind
        self._errors.close()


def wait_until(is_done: Callable[[], bool], seconds: float, started: Sequence[Started], what: str) -> None:
    """Look every few milliseconds until it is done.

    Raises:
        PeerFailed: one of the processes ended, or it took too long.
    """
    deadline = time.monotonic() + seconds
    while not is_done():
        for one in started:
            one.require_alive()
        if time.monotonic() > deadline:
            raise started[0].failure(f"{what}, after {seconds:.0f} s")
        time.sleep(PAUSE)


def _short(word: str) -> str:
    return Path(word).name if word.startswith("/") else word
