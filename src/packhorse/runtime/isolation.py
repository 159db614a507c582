"""Isolated handlers, seen from the worker: a pool of child processes, each running one job at a time.

A child is started by exec with a pipe each way and imports the application itself. It is asked with one line of
JSON and answers with one. It may be killed at any moment, which is how a time limit is enforced.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import msgspec

from packhorse.domain.job import ClaimedJob
from packhorse.domain.outcome import Cancel, ErrorInfo, Fail, Failure, Outcome, Retry, Skip, Success, Unknown, Verdict
from packhorse.errors import ConfigurationError
from packhorse.runtime.endings import ending

START_LIMIT = 60.0
"""Seconds that a child may take to import the application."""


class ChildDied(Exception):
    """The child ended without an answer.

    Attributes:
        worker: which child.
        how: what ended it, as `ending` says it.
    """

    def __init__(self, worker: str, how: str) -> None:
        super().__init__(f"{worker} {how}")
        self.worker: str = worker
        self.how: str = how


class ChildUnstartable(Exception):
    """A child could not be started, or could not import the application."""


class ChildLate(Exception):
    """The child was killed because the time limit had passed."""


class Reply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a child answers."""

    acked: bool = False
    """The ack was committed with the handler's writes, or refused: there is nothing left to do."""
    kind: str = "success"
    result: str | None = None
    note: str | None = None
    reason: str | None = None
    after_us: int | None = None
    error: ErrorInfo | None = None
    verdict: Reply | None = None
    counted: bool = True


def reply_of(outcome: Outcome, *, acked: bool = False) -> Reply:
    """The outcome as a child sends it."""
    match outcome:
        case Success():
            return Reply(acked=acked, result=outcome.result, note=outcome.note)
        case Failure():
            verdict = reply_of(outcome.verdict) if outcome.verdict else None
            return Reply(kind="failure", error=outcome.error, verdict=verdict, counted=outcome.counted)
        case Retry() | Skip():
            after = None if outcome.after is None else round(outcome.after / timedelta(microseconds=1))
            return Reply(kind=type(outcome).__name__.lower(), reason=outcome.reason, after_us=after)
        case Unknown():
            return Reply(kind="unknown", reason=outcome.task)
        case Verdict():
            return Reply(kind="cancel" if isinstance(outcome, Cancel) else "fail", reason=outcome.reason)
        case _:
            raise AssertionError(f"no handler ends with {outcome!r}")


def outcome_of(reply: Reply) -> Outcome:
    """The outcome that a child sent."""
    after = None if reply.after_us is None else timedelta(microseconds=reply.after_us)
    match reply.kind:
        case "success":
            return Success(reply.result, reply.note)
        case "failure":
            verdict = outcome_of(reply.verdict) if reply.verdict else None
            error = reply.error or ErrorInfo("Unknown", "")
            return Failure(error, verdict if isinstance(verdict, Verdict) else None, reply.counted)
        case "retry":
            return Retry(reply.reason, after=after)
        case "skip":
            return Skip(reply.reason, after=after)
        case "cancel":
            return Cancel(reply.reason)
        case "unknown":
            return Unknown(reply.reason or "")
        case _:
            return Fail(reply.reason)


class Child:
    """One child process.

    Args:
        process: the process, which was started with a pipe each way.
        app_path: the application that it imports.

    Raises:
        ChildUnstartable: it could not import the application.
    """

    def __init__(self, process: subprocess.Popen[bytes], app_path: str) -> None:
        self._process = process
        self._received = b""
        try:
            self._read_line(START_LIMIT)
        except (ChildLate, ChildDied) as error:
            self.close()
            raise ChildUnstartable(f"no child could be started for {app_path}; its log says why") from error

    def run(self, job: ClaimedJob, limit: timedelta | None) -> Outcome | None:
        """Let the child run a job; how it ended, None when the child has acknowledged it itself.

        Raises:
            ChildLate: the time limit passed; the child was killed.
            ChildDied: the child ended without an answer.
        """
        self._write(msgspec.json.encode(job) + b"\n")
        line = self._read_line(limit.total_seconds() if limit else None)
        reply = msgspec.json.decode(line, type=Reply)
        return None if reply.acked else outcome_of(reply)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once and collect it."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process and close the pipes."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        with suppress(BrokenPipeError):
            view = memoryview(line)
            while view:
                view = view[os.write(self._process.stdin.fileno(), view) :]

    def _read_line(self, timeout: float | None) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._received:
                if not selector.select(timeout):
                    self.kill()
                    raise ChildLate
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    raise ChildDied(f"child {self._process.pid}", ending(self._process.wait()))
                self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return line


class Children:
    """The children of a worker: kept and used again, replaced when they die.

    They are started in a thread of their own that stays: on Linux a child is killed when the thread that started it
    ends, and those of a lane come and go.
    """

    def __init__(self, app_path: str | None) -> None:
        self._app_path = app_path
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="packhorse-children")
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self.closed: bool = False

    def run(self, job: ClaimedJob, limit: timedelta | None) -> Outcome | None:
        """Run a job in a child of its own; as `Child.run`."""
        child = self._take()
        try:
            return child.run(job, limit)
        except BaseException:
            child.kill()  # what it would say next could be the answer to this job
            raise
        finally:
            self._give_back(child)

    def kill(self) -> None:
        """Kill every child; their runs end with `ChildDied`."""
        with self._lock:
            self.closed = True
            for child in self._all:
                child.kill()

    def close(self) -> None:
        """Kill every child and forget it."""
        self.kill()
        with self._lock:
            for child in self._idle:
                child.close()
            self._idle.clear()
            self._all.clear()
        self._starter.shutdown(wait=False)

    def _take(self) -> Child:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        if self._app_path is None:
            raise ConfigurationError(
                "isolation='process' needs to know where the application is: start the worker with -A module:app"
            )
        child = Child(self._starter.submit(_start, self._app_path).result(), self._app_path)
        with self._lock:
            self._all.add(child)
            if self.closed:
                child.kill()
        return child

    def _give_back(self, child: Child) -> None:
        with self._lock:
            if child.is_alive and not self.closed:
                self._idle.append(child)
                return
            self._all.discard(child)
        child.close()


def _start(app_path: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "packhorse", "child", app_path]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
