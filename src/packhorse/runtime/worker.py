"""A worker: the services of one process, started and stopped together. One `Worker` is one incarnation."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from packhorse.declarations import Declarations
from packhorse.domain.decide import Ack
from packhorse.domain.outcome import Unstarted
from packhorse.domain.worker import NewWorker
from packhorse.errors import DatabaseError, SchemaError
from packhorse.keeper import ScheduleBook
from packhorse.notifier import Notifier
from packhorse.runtime.acker import Acker
from packhorse.runtime.bookkeeper import Bookkeeper
from packhorse.runtime.canceller import Canceller
from packhorse.runtime.contact import Contact
from packhorse.runtime.executor import Executor, Timekeeper
from packhorse.runtime.filekeeper import file_keepers
from packhorse.runtime.heartbeat import Heartbeat
from packhorse.runtime.identity import new_incarnation, worker_name
from packhorse.runtime.joblog import JobLogHandler, JobLogWriter, now_us
from packhorse.runtime.leader import Leader
from packhorse.runtime.link import Figures, Report
from packhorse.runtime.loader import Loader
from packhorse.runtime.memory import memory_of
from packhorse.runtime.periodic import Periodic
from packhorse.runtime.permits import Permits
from packhorse.runtime.producer import Producer
from packhorse.runtime.pruner import Pruner
from packhorse.runtime.rescuer import OWN_LOOK_LEASES, Rescuer
from packhorse.runtime.run import Runner
from packhorse.runtime.schemawatch import SchemaWatch
from packhorse.runtime.service import Service
from packhorse.runtime.settings import WorkerSettings
from packhorse.runtime.side import Place, Sides, SideService, no_sides
from packhorse.runtime.stacks import stacks_of
from packhorse.runtime.sweeper import Sweeper
from packhorse.runtime.tally import Tally

log: logging.Logger = logging.getLogger("packhorse.worker")

HAND_BACK_SECONDS = 5.0
"""How long a stop may take to send the last acknowledgements."""
LAST_LINES_SECONDS = 2.0
"""How long it may take to store the last lines of jobs' logs."""
POLL_SECONDS = 0.02
"""How often a stop looks whether the runs have ended."""
TROUBLE_SECONDS = 3.0
"""A database that was away for less is not worth a word."""
STUCK_SECONDS = 120.0
"""A pass of a loop that takes longer makes no progress: every statement in it has a limit far below."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended."""

    clean: bool
    """Every job that had started came to its end."""
    replace: bool
    """The process should be replaced by a new one."""


class Worker:
    """Claims and runs jobs until it is stopped.

    Args:
        runner: how a job is run; its `deliver` is replaced by this worker's acker.
        settings: slots, times and queues.
        notifier: what wakes it up; None to look at intervals only.
        incarnation: its id, when a supervisor made it and renews its heartbeat; None makes its own and renews itself.
        book: the schedules of the application; none by default.
        declarations: what its code says of queues and modules; nothing by default.
        sides: makes what it does beside its jobs; nothing by default.
    """

    def __init__(
        self,
        runner: Runner,
        settings: WorkerSettings,
        notifier: Notifier | None = None,
        incarnation: int | None = None,
        book: ScheduleBook | None = None,
        *,
        declarations: Declarations | None = None,
        sides: Sides = no_sides,
    ) -> None:
        self.id: int = incarnation or new_incarnation()
        self.schema_error: SchemaError | None = None
        self._engine = runner.engine
        self._registry = runner.registry
        self._settings = settings
        self._notifier = notifier
        self._replace = False
        self._end_by: float | None = None
        self._quiet_at = 0.0
        self._stop = threading.Event()
        self._is_registered = False
        self.tally: Tally = Tally()
        self._contact = contact = Contact(settings.lease, settings.poll)
        self._acker = Acker(self._engine, self._acked, self._is_more_coming)
        self._journal = JobLogWriter(lambda lines, progress: self._engine.write_log(lines, progress, now_us()))
        self._capture = JobLogHandler(self._journal, settings.capture)
        self._runner = self._reporting(runner)
        self._producer = Producer(
            self._engine, self._registry, settings, worker=self.id, contact=contact, finish=self._runner.finish
        )
        self._executor = Executor(self._runner, settings, self._producer.freed, self._journal.take_over)
        self._producer.attach(self._executor, self._acker)
        self._rescuer = Rescuer(self._engine, self._registry, contact, self.id)
        self._rescuer.interval = settings.lease * OWN_LOOK_LEASES
        self._leader = Leader(self._engine, self.id)
        self._services: list[Service] = [self._acker, self._producer, self._rescuer, self._leader]
        self._sides = self._beside(sides)
        self._services += [self._periodic(book or ScheduleBook()), self._schema_watch()]
        self._services += [*self._leading(), *self._sides]
        self._services.append(Timekeeper(self._executor, self._recycle))
        self._services.append(Canceller(self._engine, self.id, self._executor, settings.cancel_grace))
        self._services += [self._journal, *file_keepers(runner.files)]
        if incarnation is None:
            self._services.append(self._own_heartbeat())
        self._declared = declarations.queues if incarnation is None and declarations is not None else None
        if declarations is not None:
            self._services.append(Loader(self._engine, declarations, self._learned))
        self._producer.on_lost_workers = self._rescuer.wake
        self._producer.on_given_up = self._given_up

    def start(self) -> None:
        """Register, and begin to claim."""
        if self._declared is not None:
            self._declared.write_declared()
            self._engine.release_temporary_locks()
        self._engine.register_worker(self._registration())
        self._is_registered = True
        self._capture.install()
        for service in self._services:
            service.start()
        if self._notifier is not None and self._settings.notifications:
            self._notifier.listen(self._hint)

    @property
    def is_ending(self) -> bool:
        """Whether it was asked to end, or has a reason of its own to."""
        return self._stop.is_set()

    def quiet(self, is_quiet: bool = True) -> None:
        """Claim nothing more, or go on claiming; what runs goes on. One that is about to end stays quiet."""
        if is_quiet or not self.is_ending:
            self._producer.is_quiet = is_quiet
            for side in self._sides:
                side.is_quiet = is_quiet
            self._quiet_at = time.monotonic()
            self._producer.hint()

    def stop(self) -> None:
        """Ask it to end; `run` or `wait` returns when it has. From any thread, but not from a signal handler."""
        self._limit_end()
        self._stop.set()

    def retire(self) -> None:
        """Ask it to end when what runs has ended, however long that takes; `stop` sets it a limit even then."""
        self._end_by = self._end_by or math.inf
        self._stop.set()

    def hurry(self) -> None:
        """Ask it to end at once: what runs is interrupted and handed back, as after the shutdown timeout."""
        self._end_by = time.monotonic()
        self._stop.set()

    def ration(self, permits: Callable[[Callable[[], int]], Permits]) -> None:
        """Claim with permits only, made by this function from what counts the jobs that it took. Before it starts."""
        self._producer.permits = permits(lambda: self._executor.taken)

    def look_for_more(self) -> None:
        """Look for jobs now, if there is nothing to do; cheap when there is."""
        if self._executor.is_idle():
            self._producer.hint()

    def report(self) -> Report:
        """How it is, and what it has done."""
        executor, producer = self._executor, self._producer
        silence = self._contact.silence()
        return Report(
            address=self._engine.address,
            figures=self._figures(),
            is_registered=self._is_registered,
            is_quiet=producer.is_quiet and producer.busy_for() <= time.monotonic() - self._quiet_at,
            is_ending=self.is_ending,
            running=self._running(),
            waiting=executor.buffered(),
            slots=executor.slots(),
            done=executor.done,
            silence=silence,
            is_troubled=producer.is_troubled and silence > TROUBLE_SECONDS,
            is_drained=producer.is_drained and all(side.is_drained for side in self._sides),
            stuck=self._stuck(),
            memory=memory_of(os.getpid(), *executor.child_pids()),
        )

    def stacks(self) -> str:
        """What every thread and coroutine does at this moment, and which jobs run, for a person to read."""
        return stacks_of(self._executor.busy(), self._executor.loop)

    def child_pids(self) -> list[int]:
        """The isolated children."""
        return self._executor.child_pids()

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
        if self._end_by is None:
            self._limit_end()
        self._executor.stop()
        for service in (self._producer, *self._sides):
            service.stop()
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

    def _running(self) -> int:
        return self._executor.running() + sum(side.running for side in self._sides)

    def _hint(self) -> None:
        """Something has come, or gone."""
        self._producer.hint()
        for side in self._sides:
            side.wake()

    def _beside(self, sides: Sides) -> list[SideService]:
        place = Place(
            worker=self.id,
            name=worker_name(),
            settings=self._settings,
            runner=self._runner,
            hears=lambda: self._notifier is not None and self._settings.notifications and self._producer.is_hinting,
        )
        return list(sides(place))

    def _registration(self) -> NewWorker:
        return NewWorker(
            id=self.id,
            name=worker_name(),
            queues=list(self._settings.queues),
            tasks=self._registry.names(),
            lease=timedelta(seconds=self._settings.lease),
        )

    def _figures(self) -> Figures:
        claimed, acked = self._producer.claimed, self._acker.meter
        return Figures(
            ended=self.tally.counts(),
            claims=claimed.times,
            claimed=claimed.things,
            acks=acked.times,
            ack_seconds=acked.seconds,
        )

    def _stuck(self) -> str:
        """Which loop without which no job is run makes no progress; for most others a long pass is no trouble."""
        for service in (self._producer, self._acker):
            if service.busy_for() > STUCK_SECONDS:
                return f"the {service.name} has been in one pass for {service.busy_for():.0f} s"
        return ""

    def _leading(self) -> Iterable[Service]:
        """What only the leader does, beside the schedules."""
        return [kind(self._engine, lambda: self._leader.is_leader) for kind in (Pruner, Bookkeeper, Sweeper)]

    def _periodic(self, book: ScheduleBook) -> Periodic:
        return Periodic(
            self._engine,
            book,
            worker=self.id,
            name=worker_name(),
            is_leader=lambda: self._leader.is_leader,
            on_fired=self._producer.hint,
        )

    def _learned(self) -> None:
        """More tasks are known: tell the others, then take the jobs that waited for them."""
        self._engine.register_worker(self._registration())
        self._producer.learn()

    def _own_heartbeat(self) -> Heartbeat:
        return Heartbeat(
            self._engine,
            lambda: [self.id],
            beat=self._settings.beat,
            lease=self._settings.lease,
            on_given_up=lambda worker: self._given_up(),
        )

    def _limit_end(self) -> None:
        self._end_by = min(self._end_by or math.inf, time.monotonic() + self._settings.shutdown_timeout)

    def _wait_for_runs(self) -> bool:
        while (running := self._running()) > len(self._executor.late()):
            if self._end_by is not None and time.monotonic() >= self._end_by:
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
        for side in self._sides:
            side.close()
        try:
            self._leader.resign()
            self._engine.deregister_worker(self.id)
        except DatabaseError as error:
            log.warning("the worker could not sign off, its row expires by itself: %s", error)

    def _is_more_coming(self) -> bool:
        return not self._stop.is_set() and self._executor.buffered() > 0

    def _acked(self) -> None:
        self._producer.freed()

    def _reporting(self, runner: Runner) -> Runner:
        """The runner with what it needs of this worker."""
        return replace(
            runner,
            deliver=self._acker.put,
            journal=self._journal,
            count=self.tally.add,
            committed=self._committed,
        )

    def _committed(self, ack: Ack) -> None:
        if ack.lets_others_on:
            self._producer.hint()  # an atomic run has let others on with its own commit

    def _given_up(self) -> None:
        """This worker was taken for dead and its jobs were rescued: start nothing of what it holds, and be replaced."""
        if not self._stop.is_set():
            log.warning("worker %s was given up as dead; it ends and is replaced", worker_name())
        self._replace = True
        self.stop()

    def _recycle(self, reason: str) -> None:
        if not self._stop.is_set():
            log.error("the worker process is replaced: %s", reason)
        self._replace = True
        self.stop()

    def _schema_watch(self) -> Service:
        watch = SchemaWatch(self._engine, self._on_schema_mismatch)
        self._producer.on_revision = watch.wake
        return watch

    def _on_schema_mismatch(self, error: SchemaError) -> None:
        log.error("the worker stops: %s", error)
        self.schema_error = error
        self.stop()
