"""Isolated handlers, seen from the child: import the application, then run one job after another from a pipe.

Started as `python -m packhorse child package.module:app`. What the handler prints goes to stderr: the real standard
output carries the answers.
"""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import BinaryIO, ClassVar

import msgspec

from packhorse.domain.decide import Ack
from packhorse.domain.job import ClaimedJob
from packhorse.domain.joblog import NewLine, NewProgress
from packhorse.domain.outcome import Failure
from packhorse.runtime.endings import EXIT_FAILED
from packhorse.runtime.isolation import Cancellation, Reply, reply_of
from packhorse.runtime.joblog import JobLogHandler, JobLogWriter
from packhorse.runtime.orphan import die_with_parent
from packhorse.runtime.report import error_info
from packhorse.runtime.run import Run, Runner
from packhorse.runtime.signals import Signals
from packhorse.runtime.stacks import stacks_of, write_stacks

RunnerFor = Callable[[Callable[[Ack, bool], None]], Runner]
Requests = Callable[[Callable[[bytes], None]], Iterator[bytes]]
"""Gives the lines of the pipe, given what takes those about cancellations."""
Claimed = tuple[int, int]
"""A job and the number of its claim."""

TOLD = b'{"told":'
"""How a line about a cancellation begins."""

SAID_SECONDS = 0.05
"""How long what the handler logs may gather before the worker gets it: what a crash here may lose."""
LAST_LINES_SECONDS = 5.0
"""How long the last lines may take before the answer."""


class ChildWatch:
    """`packhorse.context.Watch` of a run here: what the worker has told of it.

    The worker ends the process of a run that is late or stopped, so that is never learned here.
    """

    def __init__(self, job: ClaimedJob, told: Mapping[Claimed, str]) -> None:
        self._claimed = job.id, job.lease.number
        self._told = told

    @property
    def cancelled_by(self) -> str | None:
        """Who has asked for the job's cancellation."""
        return self._told.get(self._claimed)

    def is_late(self) -> bool:
        """False."""
        return False

    def is_stopped(self) -> bool:
        """False."""
        return False


class IsolatedRunner:
    """Runs jobs with the steps of `Runner`, one at a time, and tells how they ended.

    Args:
        runner_for: makes the application's runner.
        said: takes what handlers log.
    """

    loop: ClassVar[asyncio.AbstractEventLoop | None] = None
    """Where the coroutine of this process runs, if it does."""

    def __init__(self, runner_for: RunnerFor, said: JobLogWriter) -> None:
        self._left_to_parent = False
        self._told: dict[Claimed, str] = {}
        self._said = said
        self._runner = replace(runner_for(self.deliver), journal=said)

    def deliver(self, ack: Ack, each: bool) -> None:
        """In place of the acker: the worker will acknowledge."""
        self._left_to_parent = True

    def cancel(self, line: bytes) -> None:
        """The worker tells that somebody has asked for the cancellation of a job, which may have ended meanwhile."""
        cancellation = msgspec.json.decode(line, type=Cancellation)
        self._told[cancellation.job_id, cancellation.lease_number] = cancellation.by

    def run(self, job: ClaimedJob) -> Reply:
        """Run a job; the answer for the worker."""
        self._left_to_parent = False
        task, watch = self._runner.registry.find(job.task), ChildWatch(job, self._told)
        is_async = task is not None and task.is_async
        run = asyncio.run(self._await(job, watch)) if is_async else self._runner.attempt(job, watch)
        self._said.flush(LAST_LINES_SECONDS)
        if not self._left_to_parent:
            self._runner.report(run)
        if run.outcome is None:
            raise AssertionError("a run ended without an outcome")
        return reply_of(run.outcome, acked=not self._left_to_parent)

    async def _await(self, job: ClaimedJob, watch: ChildWatch) -> Run:
        IsolatedRunner.loop = asyncio.get_running_loop()
        try:
            return await self._runner.aattempt(job, watch)
        finally:
            IsolatedRunner.loop = None

    def answer(self, line: bytes) -> Reply:
        """Run the job of a request; trouble outside the handler is a failure of the job, not a crash."""
        try:
            return self.run(msgspec.json.decode(line, type=ClaimedJob))
        except Exception as error:  # noqa: BLE001 - told to the worker
            return reply_of(Failure(error_info(error)))


class Replies:
    """The pipe to the worker, written to by the thread that runs jobs and by the one that sends what they log."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, line: bytes) -> None:
        """Send a line."""
        with self._lock:
            self._pipe.write(line + b"\n")
            self._pipe.flush()

    def say(self, lines: Sequence[NewLine], reports: Sequence[NewProgress]) -> None:
        """Send what handlers log."""
        self.send(msgspec.json.encode(Reply(kind="said", lines=list(lines), reports=list(reports))))


def serve(runner_for: RunnerFor, requests: Requests, replies: Replies, capture: int) -> None:
    """Answer each request, a job, with a line of `replies`; for ever."""
    said = JobLogWriter(replies.say, SAID_SECONDS)
    said.start()
    isolated = IsolatedRunner(runner_for, said)
    JobLogHandler(said, capture).install()
    replies.send(b"")
    for line in requests(isolated.cancel):
        replies.send(msgspec.json.encode(isolated.answer(line)))


def lines_of(requests: BinaryIO, cancel: Callable[[bytes], None] = lambda line: None) -> Iterator[bytes]:
    """The lines of a pipe, read by a thread that ends the process with the pipe, even while a handler runs.

    Its other end is closed by the worker's death alone. Lines about cancellations go to `cancel`, in that thread.
    """
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, lines, cancel), name="packhorse-parent", daemon=True).start()
    while True:
        yield lines.get()


def _read(requests: BinaryIO, lines: queue.SimpleQueue[bytes], cancel: Callable[[bytes], None]) -> None:
    for line in requests:
        (cancel if line.startswith(TOLD) else lines.put)(line)
    os._exit(EXIT_FAILED)


def _obey_signal(number: int) -> None:
    """Tell what goes on here. When to end is the worker's to say, also to those who ask a whole group of processes."""
    if number == signal.SIGUSR1:
        write_stacks(stacks_of(loop=IsolatedRunner.loop))


def main(runner_for: RunnerFor, capture: int) -> None:
    """Take over the pipes, then serve.

    Args:
        runner_for: makes the application's runner, given where its acks go.
        capture: from which level of `logging` on the handlers' lines go into the jobs' logs.
    """
    die_with_parent()
    signals = Signals(signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)
    signals.listen(_obey_signal)
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    serve(runner_for, partial(lines_of, requests), Replies(replies), capture)
