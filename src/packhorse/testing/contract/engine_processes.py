"""Workers as real processes that are killed and stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import pytest

from packhorse.domain.outcome import Success
from packhorse.domain.state import JobState
from packhorse.domain.worker import NewWorker
from packhorse.engine import Engine
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    decided,
    enqueue,
    eventually,
    job_of,
    lost_workers,
    rescue,
    run_one,
)
from packhorse.testing.contract.subject import Clock, EngineContract, Subject
from packhorse.testing.samples import new_job, new_worker

SHORT, LONG = timedelta(seconds=2), timedelta(minutes=10)
BEAT = 0.1
"""Seconds between two heartbeats of the process."""
EFFECT = "effect"


def live(open_engine: Callable[[], Engine], worker: NewWorker, lifeline: Connection) -> None:
    """A worker process: it registers, claims one job, and beats until it is told to acknowledge or to end."""
    engine = open_engine()
    engine.register_worker(worker)
    [job] = claim(engine, worker=worker.id, limit=1)
    lifeline.send(job.id)
    while not lifeline.poll(BEAT):
        engine.beat([worker.id], worker.lease)
    lifeline.recv()
    lifeline.send(acknowledge(engine, job, Success()))
    engine.close()


def commit_nothing(open_engine: Callable[[], Engine], lifeline: Connection) -> None:
    """A process that does all that an atomic handler does, and is killed before it commits."""
    engine = open_engine()
    [job] = claim(engine, worker=4711, limit=1)
    transaction = engine.begin()
    transaction.run(engine.insert_statement([new_job(queue=EFFECT)]))
    for statement in engine.ack_statements(decided(job, Success())):
        transaction.run(statement)
    lifeline.send(job.id)
    lifeline.recv()


class Child:
    """A process and the line to it."""

    def __init__(self, target: Callable[..., None], *args: object) -> None:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        self.lifeline: Connection[Any, Any] = ours
        self._process = spawn.Process(target=target, args=(*args, theirs), daemon=True)
        self._process.start()
        theirs.close()
        assert self.lifeline.poll(30), "the process does not answer"
        self.job: int = self.lifeline.recv()

    def send(self, how: signal.Signals) -> None:
        """Send a signal."""
        pid = self._process.pid
        assert pid is not None
        os.kill(pid, how)

    def kill(self) -> None:
        """End it with no chance to clean up, and wait for the end."""
        self._process.kill()
        self._process.join()

    def ask_for_ack(self) -> bool:
        """Let it acknowledge its job; whether that was accepted."""
        self.lifeline.send("acknowledge")
        assert self.lifeline.poll(30), "the process does not answer"
        accepted: bool = self.lifeline.recv()
        self._process.join()
        return accepted


@contextmanager
def child(target: Callable[..., None], *args: object) -> Iterator[Child]:
    """A process that does not survive the test."""
    process = Child(target, *args)
    try:
        yield process
    finally:
        process.kill()
        process.lifeline.close()


class ProcessContract(EngineContract):
    """What happens to the jobs of processes that die or stop."""

    @pytest.mark.accepts("C6")
    def test_a_killed_process_is_lost(self, engine: Engine, subject: Subject, clock: Clock) -> None:
        """At once where the operating system tells, else after its lease; while it lives it is not."""
        enqueue(engine)
        worker = new_worker(lease=LONG)
        with child(live, subject.open, worker) as process:
            assert not lost_workers(engine)
            process.kill()
            if not engine.features.liveness_by_lock:
                assert not lost_workers(engine)
                clock.advance(LONG)
            assert lost_workers(engine)[worker.id].executing == 1
            assert engine.glance(1).has_lost_workers
            assert rescue(engine, worker.id) == {process.job}
        assert job_of(engine, process.job).state is JobState.AVAILABLE

    @pytest.mark.accepts("C6")
    def test_a_beating_process_outlives_its_first_lease(self, engine: Engine, subject: Subject, clock: Clock) -> None:
        """However often the lease goes by, its next beat is in time."""
        enqueue(engine)
        worker = new_worker(lease=LONG)
        with child(live, subject.open, worker):
            for _ in range(3):
                clock.advance(LONG)
                eventually(lambda: not lost_workers(engine), "the process has beaten again")

    @pytest.mark.accepts("C5", "C6")
    def test_a_stopped_process_is_lost_and_its_late_ack_refused(self, engine: Engine, subject: Subject) -> None:
        """SIGSTOP for longer than the lease: the job is rescued and run elsewhere; SIGCONT changes nothing about it."""
        enqueue(engine)
        worker = new_worker(lease=SHORT)
        with child(live, subject.open, worker) as process:
            assert not lost_workers(engine)
            process.send(signal.SIGSTOP)
            eventually(lambda: worker.id in lost_workers(engine), "the stopped process is lost")
            assert rescue(engine, worker.id) == {process.job}
            run_one(engine, Success('"elsewhere"'), suspects=True)
            process.send(signal.SIGCONT)
            assert not process.ask_for_ack()
        assert job_of(engine, process.job).result == '"elsewhere"'

    @pytest.mark.accepts("C5")
    def test_a_process_that_was_stopped_for_a_moment_keeps_its_job(self, engine: Engine, subject: Subject) -> None:
        """Nobody rescued the job meanwhile: its acknowledgement is accepted, late as it is."""
        enqueue(engine)
        worker = new_worker(lease=SHORT)
        with child(live, subject.open, worker) as process:
            process.send(signal.SIGSTOP)
            eventually(lambda: worker.id in lost_workers(engine), "the stopped process is lost")
            process.send(signal.SIGCONT)
            eventually(lambda: worker.id not in lost_workers(engine), "the process has beaten again")
            assert process.ask_for_ack()
        assert job_of(engine, process.job).state is JobState.SUCCEEDED

    @pytest.mark.accepts("C7")
    def test_a_process_killed_before_its_commit_leaves_nothing(self, engine: Engine, subject: Subject) -> None:
        """Neither the handler's writes nor the acknowledgement; the job waits for its rescue."""
        enqueue(engine)
        with child(commit_nothing, subject.open) as process:
            process.kill()
        assert job_of(engine, process.job).state is JobState.EXECUTING
        assert EFFECT not in {queue.name for queue in engine.list_queues()}
        assert rescue(engine, 4711) == {process.job}
