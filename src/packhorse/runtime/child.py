"""Isolated handlers, seen from the child: import the application, then run one job after another from a pipe.

Started as `python -m packhorse child package.module:app`. What the handler prints goes to stderr: the real standard
output carries the answers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from packhorse.domain.decide import Ack
from packhorse.domain.job import ClaimedJob
from packhorse.runtime.isolation import Reply, reply_of
from packhorse.runtime.orphan import die_with_parent
from packhorse.runtime.run import Runner

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


def serve(runner_for: RunnerFor, requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer each line of `requests`, a job, with a line of `replies`, until the pipe ends."""
    isolated = IsolatedRunner()
    runner = runner_for(isolated.deliver)
    replies.write(b"\n")
    replies.flush()
    for line in requests:
        reply = isolated.run(runner, msgspec.json.decode(line, type=ClaimedJob))
        replies.write(msgspec.json.encode(reply) + b"\n")
        replies.flush()


def main(runner_for: RunnerFor) -> None:
    """Take over the pipes, then serve; `runner_for` makes the application's runner, given where its acks go."""
    die_with_parent()
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    serve(runner_for, requests, replies)
