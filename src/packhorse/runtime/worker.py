"""A worker: the services of one process, started and stopped together. One `Worker` is one incarnation."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from packhorse.domain.outcome import Unstarted
from packhorse.domain.worker import NewWorker
from packhorse.engine import Engine
from packhorse.errors import DatabaseError, SchemaError
from packhorse.notifier import Notifier
from packhorse.runtime.acker import Acker
from packhorse.runtime.canceller import Canceller
from packhorse.runtime.contact import Contact
from packhorse.runtime.executor import Executor, Timekeeper
from packhorse.runtime.heartbeat import Heartbeat
from packhorse.runtime.joblog import JobLogHandler, JobLogWriter, now_us
from packhorse.runtime.leader import Leader
from packhorse.runtime.producer import Producer
from packhorse.runtime.rescuer import Rescuer
from packhorse.runtime.run import Runner
from packhorse.runtime.service import Service
from packhorse.runtime.settings import WorkerSettings

log: logging.Logger = logging.getLogger("packhorse.worker")

HAND_BACK_SECONDS = 5.0
"""How long a stop may take to send the last acknowledgements."""
LAST_LINES_SECONDS = 2.0
"""How long it may take to store the last lines of jobs' logs."""
POLL_SECONDS = 0.02
"""How often a stop looks whether the runs have ended."""


def new_incarnation() -> int:
    """A worker id that no other start of any worker has had: 63 random bits."""
    return secrets.randbits(63) or 1


def worker_name() -> str:
    """`host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended."""

    clean: bool
    """Every job that had started came to its end."""
    replace: bool
    """The process should be replaced by a new one."""


class SchemaWatch(Service):
    """Looks now and then whether the schema is still one that this version can work with."""

    name: str = "schema watch"
    interval: float = 10.0

    def __init__(self, engine: Engine, on_mismatch: Callable[[SchemaError], None]) -> None:
        super().__init__()
        self._engine = engine
        self._on_mismatch = on_mismatch

    def run_once(self) -> float | None:
        """Check; a mismatch stops the worker."""
        try:
            self._engine.check_schema()
        except SchemaError as error:
            self._on_mismatch(error)
        return None


class Worker:
    """Claims and runs jobs until it is stopped.

    Args:
        runner: how a job is run; its `deliver` is replaced by this worker's acker.
        settings: slots, times and queues.
        notifier: what wakes it up; None to look at intervals only.
        incarnation: its id, when a supervisor made it and renews its heartbeat; None makes its own and renews itself.
    """

    def __init__(
        self,
        runner: Runner,
        settings: WorkerSettings,
        notifier: Notifier | None = None,
        incarnation: int | None = None,
    ) -> None:
        self.id: int = incarnation or new_incarnation()
        self.schema_error: SchemaError | None = None
        self._engine = runner.engine
        self._registry = runner.registry
        self._settings = settings
        self._notifier = notifier
        self._replace = False
        self._is_hurried = False
        self._stop = threading.Event()
        contact = Contact(settings.lease, settings.poll)
        self._acker = Acker(self._engine, self._acked, self._is_more_coming)
        self._journal = JobLogWriter(lambda lines, progress: self._engine.write_log(lines, progress, now_us()))
        self._capture = JobLogHandler(self._journal, settings.capture)
        self._runner = replace(runner, deliver=self._acker.put, journal=self._journal)
        self._producer = Producer(
            self._engine, self._registry, settings, worker=self.id, contact=contact, finish=self._runner.finish
        )
        self._executor = Executor(self._runner, settings, self._producer.freed, self._journal.take_over)
        self._producer.attach(self._executor, self._acker)
        self._rescuer = Rescuer(self._engine, self._registry, contact, self.id)
        self._rescuer.interval = settings.lease
        self._leader = Leader(self._engine, self.id)
        self._services: list[Service] = [self._acker, self._producer, self._rescuer, self._leader]
        self._services.append(SchemaWatch(self._engine, self._on_schema_mismatch))
        self._services.append(Timekeeper(self._executor, self._recycle))
        self._services.append(Canceller(self._engine, self.id, self._executor, settings.cancel_grace))
        self._services.append(self._journal)
        if incarnation is None:
            self._services.append(self._own_heartbeat())
        self._producer.on_lost_workers = self._rescuer.wake
        self._producer.on_given_up = self._given_up

    def start(self) -> None:
        """Register, and begin to claim."""
        self._engine.register_worker(self._registration())
        self._capture.install()
        for service in self._services:
            service.start()
        if self._notifier is not None and self._settings.notifications:
            self._notifier.listen(self._producer.hint)

    @property
    def is_ending(self) -> bool:
        """Whether it was asked to end, or has a reason of its own to."""
        return self._stop.is_set()

    def quiet(self, is_quiet: bool = True) -> None:
        """Claim nothing more, or go on claiming; what runs goes on."""
        self._producer.is_quiet = is_quiet
        self._producer.hint()

    def stop(self) -> None:
        """Ask it to end; `run` or `wait` returns when it has. From any thread, but not from a signal handler."""
        self._stop.set()

    def hurry(self) -> None:
        """Ask it to end at once: what runs is interrupted and handed back, as after the shutdown timeout."""
        self._is_hurried = True
        self._stop.set()

    def run(self) -> Ended:
        """Start, work until stopped, and end."""
        self.start()
        return self.wait()

    def wait(self) -> Ended:
        """Work until stopped, then end."""
        while not self._stop.wait(3600):
            pass
        return self.end()

    def end(self) -> Ended:
        """Hand back what has not started, let what runs end up to the limit, send the acks, and leave."""
        self._executor.stop()
        self._producer.stop()
        self._producer.join(HAND_BACK_SECONDS)
        for job in self._executor.withdraw():
            self._runner.finish(job, Unstarted())
        clean = self._wait_for_runs()
        if not clean:
            self._abandon()
        self._acker.flush(HAND_BACK_SECONDS)
        self._journal.flush(LAST_LINES_SECONDS)
        self._leave()
        log.info("worker %s stopped; jobs run: %d", worker_name(), self._executor.done)
        return Ended(clean=clean, replace=self._replace)

    def _registration(self) -> NewWorker:
        return NewWorker(
            id=self.id,
            name=worker_name(),
            queues=list(self._settings.queues),
            tasks=self._registry.names(),
            lease=timedelta(seconds=self._settings.lease),
        )

    def _own_heartbeat(self) -> Heartbeat:
        return Heartbeat(
            self._engine,
            lambda: [self.id],
            beat=self._settings.beat,
            lease=self._settings.lease,
            on_given_up=lambda worker: self._given_up(),
        )

    def _wait_for_runs(self) -> bool:
        until = time.monotonic() + self._settings.shutdown_timeout
        while (running := self._executor.running()) > len(self._executor.late()):
            if self._is_hurried or time.monotonic() >= until:
                break
            time.sleep(POLL_SECONDS)
        return running == 0

    def _abandon(self) -> None:
        """End what did not end in time: coroutines and children now, threads with the process."""
        self._executor.interrupt()
        until = time.monotonic() + 1.0
        while self._executor.running() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        for job in self._executor.surrender():
            log.warning("job %d (%s) was still running at the end; it runs again", job.id, job.task)

    def _leave(self) -> None:
        self._capture.remove()
        if self._notifier is not None:
            self._notifier.close()
        for service in self._services:
            service.stop()
        for service in self._services:
            service.join(2.0)
        self._executor.close()
        try:
            self._leader.resign()
            self._engine.deregister_worker(self.id)
        except DatabaseError as error:
            log.warning("the worker could not sign off, its row expires by itself: %s", error)

    def _is_more_coming(self) -> bool:
        return not self._stop.is_set() and self._executor.buffered() > 0

    def _acked(self) -> None:
        self._producer.freed()

    def _given_up(self) -> None:
        """This worker was taken for dead and its jobs were rescued: start nothing of what it holds, and be replaced."""
        if not self._stop.is_set():
            log.warning("worker %s was given up as dead; it ends and is replaced", worker_name())
        self._replace = True
        self._stop.set()

    def _recycle(self, reason: str) -> None:
        if not self._stop.is_set():
            log.error("the worker process is replaced: %s", reason)
        self._replace = True
        self._stop.set()

    def _on_schema_mismatch(self, error: SchemaError) -> None:
        log.error("the worker stops: %s", error)
        self.schema_error = error
        self._stop.set()
