"""Isolated handlers, seen from the worker: a pool of child processes, each running one job at a time.

A child is started by exec with a pipe each way and imports the application itself. It is asked with one line of
JSON and answers with one; before that come lines with what the handler logs, and another line may tell it that its
job is to be cancelled. It may be killed at any moment, which is how a time limit is enforced.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from logging import INFO

import msgspec

from packhorse.domain.job import ClaimedJob
from packhorse.domain.joblog import NewLine, NewProgress
from packhorse.domain.outcome import (
    Cancel,
    ErrorInfo,
    Fail,
    Failure,
    Outcome,
    Retry,
    Skip,
    Success,
    Unknown,
    Unstarted,
    Verdict,
)
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


class ChildCancelled(Exception):
    """The child was ended because its job was cancelled, and it did not stop by itself."""


Said = Callable[[Sequence[NewLine], Sequence[NewProgress]], None]
"""Takes what the handlers of children log, and how far they are."""


def unheard(lines: Sequence[NewLine], reports: Sequence[NewProgress]) -> None:
    """What handlers log goes nowhere."""


class Cancellation(msgspec.Struct, frozen=True, tag_field="told", tag="cancel"):
    """What a child is told while it runs a job: somebody has asked for its cancellation."""

    job_id: int
    lease_number: int
    by: str


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
    lines: list[NewLine] = []
    """With the kind `said`, which is no answer yet."""
    reports: list[NewProgress] = []


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
        case Unstarted():
            return Reply(kind="unstarted")
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
        case "unstarted":
            return Unstarted()
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
        self._writing = threading.Lock()
        self._is_ended = False
        try:
            self._read_line(time.monotonic() + START_LIMIT)
        except (ChildLate, ChildDied) as error:
            self.close()
            raise ChildUnstartable(f"no child could be started for {app_path}; its log says why") from error

    def run(self, job: ClaimedJob, limit: timedelta | None, said: Said) -> Outcome | None:
        """Let the child run a job; how it ended, None when the child has acknowledged it itself.

        Raises:
            ChildLate: the time limit passed; the child was killed.
            ChildCancelled: it was ended because its job was cancelled.
            ChildDied: the child ended without an answer.
        """
        self._write(msgspec.json.encode(job) + b"\n")
        deadline = time.monotonic() + limit.total_seconds() if limit else None
        while (reply := msgspec.json.decode(self._read_line(deadline), type=Reply)).kind == "said":
            said(reply.lines, reply.reports)
        return None if reply.acked else outcome_of(reply)

    def cancel(self, job: ClaimedJob, by: str) -> None:
        """Tell the child that somebody has asked for the cancellation of a job, which it runs or has run."""
        self._write(msgspec.json.encode(Cancellation(job.id, job.lease.number, by)) + b"\n")

    def end(self) -> None:
        """End the process because its job is cancelled and has not stopped by itself."""
        self._is_ended = True
        self._process.kill()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

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
        with suppress(BrokenPipeError, ValueError), self._writing:
            view = memoryview(line)
            while view:
                view = view[os.write(self._process.stdin.fileno(), view) :]

    def _read_line(self, deadline: float | None) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._received:
                if not selector.select(None if deadline is None else max(0.0, deadline - time.monotonic())):
                    self.kill()
                    raise ChildLate
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk and self._is_ended:
                    raise ChildCancelled
                if not chunk:
                    raise ChildDied(f"child {self._process.pid}", ending(self._process.wait()))
                self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return line


class Children:
    """The children of a worker: kept and used again, replaced when they die.

    They are started in a thread of their own that stays: on Linux a child is killed when the thread that started it
    ends, and those of a lane come and go.

    Args:
        app_path: the application that they import.
        said: takes what their handlers log.
        capture: from which level of `logging` on.
    """

    def __init__(self, app_path: str | None, said: Said = unheard, capture: int = INFO) -> None:
        self._app_path = app_path
        self._said = said
        self._capture = capture
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="packhorse-children")
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self._running: dict[tuple[int, int], Child] = {}
        self.closed: bool = False

    def run(self, job: ClaimedJob, limit: timedelta | None) -> Outcome | None:
        """Run a job in a child of its own; as `Child.run`."""
        child = self._take()
        self._running[_claim_of(job)] = child
        try:
            return child.run(job, limit, self._said)
        except BaseException:
            child.kill()  # what it would say next could be the answer to this job
            raise
        finally:
            del self._running[_claim_of(job)]
            self._give_back(child)

    def pids(self) -> list[int]:
        """The process ids of those that live."""
        with self._lock:
            return [child.pid for child in self._all if child.is_alive]

    def cancel(self, job: ClaimedJob, by: str) -> None:
        """Tell the child that runs this job, if any does, that somebody has asked for its cancellation."""
        if (child := self._running.get(_claim_of(job))) is not None:
            child.cancel(job, by)

    def end(self, job: ClaimedJob) -> None:
        """End the child that runs this job, if any does; its run ends with `ChildCancelled`."""
        if (child := self._running.get(_claim_of(job))) is not None:
            child.end()

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
        child = Child(self._starter.submit(_start, self._app_path, self._capture).result(), self._app_path)
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


def _claim_of(job: ClaimedJob) -> tuple[int, int]:
    return job.id, job.lease.number


def _start(app_path: str, capture: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "packhorse", "child", app_path, f"--capture={capture}"]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
