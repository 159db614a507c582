"""Isolated handlers, seen from the child: import the application, then run one job after another from a pipe.

Started as `python -m packhorse child package.module:app`. What the handler prints goes to stderr: the real standard
output carries the answers.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

import msgspec

from packhorse.domain.decide import Ack
from packhorse.domain.job import ClaimedJob
from packhorse.domain.outcome import Failure
from packhorse.runtime.isolation import Reply, reply_of
from packhorse.runtime.orphan import die_with_parent
from packhorse.runtime.report import error_info
from packhorse.runtime.run import Runner
from packhorse.runtime.supervisor import EXIT_FAILED

RunnerFor = Callable[[Callable[[Ack, bool], None]], Runner]


class IsolatedRunner:
    """Runs jobs with the steps of `Runner`, one at a time, and tells how they ended."""

    def __init__(self) -> None:
        self._left_to_parent = False

    def deliver(self, ack: Ack, each: bool) -> None:
        """In place of the acker: the worker will acknowledge."""
        self._left_to_parent = True

    def run(self, runner: Runner, job: ClaimedJob) -> Reply:
        """Run a job; the answer for the worker."""
        self._left_to_parent = False
        task = runner.registry.find(job.task)
        run = asyncio.run(runner.aattempt(job)) if task is not None and task.is_async else runner.attempt(job)
        if not self._left_to_parent:
            runner.report(run)
        if run.outcome is None:
            raise AssertionError("a run ended without an outcome")
        return reply_of(run.outcome, acked=not self._left_to_parent)

    def answer(self, runner: Runner, line: bytes) -> Reply:
        """Run the job of a request; trouble outside the handler is a failure of the job, not a crash."""
        try:
            return self.run(runner, msgspec.json.decode(line, type=ClaimedJob))
        except Exception as error:  # noqa: BLE001 - told to the worker
            return reply_of(Failure(error_info(error)))


def serve(runner_for: RunnerFor, requests: Iterator[bytes], replies: BinaryIO) -> None:
    """Answer each line of `requests`, a job, with a line of `replies`, until there are no more."""
    isolated = IsolatedRunner()
    runner = runner_for(isolated.deliver)
    replies.write(b"\n")
    replies.flush()
    for line in requests:
        replies.write(msgspec.json.encode(isolated.answer(runner, line)) + b"\n")
        replies.flush()


def lines_of(requests: BinaryIO) -> Iterator[bytes]:
    """The lines of a pipe, read by a thread that ends the process with the pipe, even while a handler runs.

    Its other end is closed by the worker's death alone.
    """
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, lines), name="packhorse-parent", daemon=True).start()
    while True:
        yield lines.get()


def _read(requests: BinaryIO, lines: queue.SimpleQueue[bytes]) -> None:
    for line in requests:
        lines.put(line)
    os._exit(EXIT_FAILED)


def main(runner_for: RunnerFor) -> None:
    """Take over the pipes, then serve; `runner_for` makes the application's runner, given where its acks go."""
    die_with_parent()
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    serve(runner_for, lines_of(requests), replies)
