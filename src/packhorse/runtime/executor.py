"""The executor: knows which lane a job belongs in, how much room there is, and what is under way."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta

from msgspec.structs import replace

from packhorse.domain.decide import decide
from packhorse.domain.job import ClaimedJob
from packhorse.domain.outcome import Cancel, Failure, Outcome, Success, Unknown, Unstarted, WorkerLost
from packhorse.domain.retry import RetryPolicy, chance
from packhorse.errors import ConfigurationError, DatabaseError
from packhorse.runtime.isolation import (
    ChildCancelled,
    ChildDied,
    ChildLate,
    Children,
    ChildUnstartable,
    Said,
    unheard,
)
from packhorse.runtime.lanes import Lane, LoopLane, Slot, ThreadLane
from packhorse.runtime.rate import Rate
from packhorse.runtime.report import error_info
from packhorse.runtime.run import STOPPED, Runner, timed_out
from packhorse.runtime.service import Service
from packhorse.runtime.settings import WorkerSettings

log: logging.Logger = logging.getLogger("packhorse.worker")

UNHURRIED_SECONDS = 1.0
"""How often the runs are looked at where no task has a time limit."""
LONG_RUN = timedelta(hours=1)
"""A run without a time limit is reported once when it takes longer than this."""


class Executor:
    """Runs claimed jobs in lanes."""

    def __init__(
        self, runner: Runner, settings: WorkerSettings, freed: Callable[[], None], said: Said = unheard
    ) -> None:
        self._runner = runner
        self._settings = settings
        self._freed = freed
        self._children = Children(settings.app_path, said, settings.capture)
        self._lanes: dict[str, Lane] = {}
        self._used_lanes: list[Lane] = []
        self._used_of = -1
        self._holding: dict[tuple[int, int], ClaimedJob] = {}
        self._cancelled: dict[tuple[int, int], str] = {}
        self._taken = 0
        self.is_outdated: bool = False
        """Whether a child, which imports the application anew, did not know a task that this process knows."""
        self.refill_at: float = math.inf
        """With so many jobs in hand, or fewer, each end is told to whoever can claim more."""
        self._threads = ThreadLane("thread", settings.threads, self._run_in_thread, self._ended, freed)
        self._loop = LoopLane(settings.coroutines, self._run_in_loop, self._ended, freed)
        self._isolated = ThreadLane("child", settings.children, self._run_in_child, self._ended, freed)
        self._rates = {lane: Rate() for lane in self._all()}

    def accept(self, jobs: list[ClaimedJob]) -> None:
        """Take claimed jobs, in order, into their lanes."""
        self._holding.update({_claimed(job): job for job in jobs})
        self._taken += len(jobs)
        lanes = {self._lane(name) for name in {job.task for job in jobs}}
        for lane in lanes:
            lane.put(jobs if len(lanes) == 1 else [job for job in jobs if self._lane(job.task) is lane])

    @property
    def taken(self) -> int:
        """How many jobs have been accepted and not withdrawn."""
        return self._taken

    @property
    def done(self) -> int:
        """How many accepted jobs have ended."""
        return self._taken - len(self._holding)

    def slots(self) -> int:
        """How many jobs can run at once in the lanes that the registered tasks use."""
        return sum(lane.slots for lane in self._used())

    def free_slots(self) -> int:
        """How many jobs could start at once in the lanes that the registered tasks use."""
        return sum(max(0, self._free(lane)) for lane in self._used())

    def narrowest_room(self) -> int:
        """How many jobs could start at once, or soon, whatever their kind, in each lane that has any room."""
        rooms = [max(self._free(lane), self._rates[lane].soon(lane.done)) for lane in self._used()]
        return min((room for room in rooms if room > 0), default=0)

    def buffered(self) -> int:
        """How many accepted jobs have not started."""
        return sum(lane.waiting() for lane in self._all())

    def ahead(self) -> int:
        """How many accepted jobs wait in front of what is claimed now: in the lanes with room, in all if none has."""
        return sum(lane.waiting() for lane in self._with_room() or self._used())

    def running(self) -> int:
        """How many jobs are running, those over their time limit included."""
        return sum(lane.running() for lane in self._all()) + len(self.late())

    def held(self, queue: str) -> int:
        """How many accepted jobs of a queue have not ended."""
        return sum(job.queue == queue for job in list(self._holding.values()))

    def holds(self, job: ClaimedJob) -> bool:
        """Whether this job is waiting or running here, under this lease."""
        return _claimed(job) in self._holding

    def is_idle(self) -> bool:
        """Whether nothing is running or waiting."""
        return not self.buffered() and not self.running()

    def full_tasks(self) -> frozenset[str]:
        """The tasks whose lane can start no more soon, while another lane has room."""
        roomy = self._with_room()
        if not roomy or len(roomy) == len(self._used()):
            return frozenset()
        return frozenset(name for name in self._runner.registry.names() if self._lane(name) not in roomy)

    def withdraw(self, waited: float = 0.0) -> list[ClaimedJob]:
        """Take back the jobs that have waited for `waited` seconds or more without starting."""
        jobs = [job for lane in self._all() for job in lane.withdraw(waited)]
        self._taken -= len(jobs)
        for job in jobs:
            self._holding.pop(_claimed(job), None)
        return jobs

    def stop(self) -> None:
        """Start nothing more."""
        for lane in self._all():
            lane.stop()

    def interrupt(self) -> None:
        """Cancel coroutines and kill children; threads can't be ended."""
        self._loop.cancel()
        self._children.kill()

    def surrender(self) -> list[ClaimedJob]:
        """Decide what still runs, because the process is about to end and take it along; those jobs."""
        left = [slot for lane in self._all() for slot in lane.busy()]
        for slot in left:
            task = self._runner.registry.find(slot.job.task)
            self._runner.finish(slot.job, timed_out(slot.job, task) if slot.late else STOPPED, slot)
        return [slot.job for slot in left]

    def has_run_for(self, seconds: float) -> bool:
        """Whether some job has been running for so long."""
        now = time.monotonic()
        return any(now - slot.started >= seconds for lane in self._all() for slot in lane.busy())

    def cancel(self, jobs: Iterable[ClaimedJob]) -> None:
        """Tell these jobs that somebody has asked for their cancellation; those not started won't be."""
        asked = {_claimed(job): job.cancelled_by or "somebody" for job in jobs if self.holds(job)}
        self._cancelled.update(asked)
        for slot in [slot for lane in self._all() for slot in lane.busy()] if asked else ():
            if slot.cancelled_by is None and (by := asked.get(_claimed(slot.job))) is not None:
                slot.cancelled_by, slot.cancelled_at = by, time.monotonic()
                self._children.cancel(slot.job, by)
                log.info("job %d (%s) was asked to stop by %s", slot.job.id, slot.job.task, by)

    def end_cancelled(self, grace: float) -> None:
        """Kill the children whose jobs were told `grace` seconds ago and still run."""
        now = time.monotonic()
        for slot in self._isolated.busy():
            if slot.cancelled_by is not None and now - slot.cancelled_at >= grace:
                self._children.end(slot.job)

    def close(self) -> None:
        """End the event loop and the children."""
        self._loop.close()
        self._children.close()

    def late(self) -> list[Slot]:
        """The runs over their time limit whose threads have not ended."""
        return self._threads.late()

    def is_clogged(self) -> bool:
        """Whether as many threads hang beyond their time limit as there are slots: the process should be replaced."""
        return len(self.late()) >= self._settings.threads

    def expire(self) -> None:
        """Give the slots of overdue threads to others; say which runs take very long."""
        for slot in self._threads.expire(self._limit):
            log.warning("job %d (%s) is over its time limit; its thread can't be ended", slot.job.id, slot.job.task)

    def has_limits(self) -> bool:
        """Whether any task has a time limit."""
        return any(task.timeout is not None for task in self._runner.registry.list_tasks())

    def _limit(self, job: ClaimedJob) -> timedelta | None:
        task = self._runner.registry.find(job.task)
        return task.timeout if task else None

    def long_runs(self) -> Iterable[Slot]:
        """The runs, in any lane, that have taken longer than an hour."""
        now = time.monotonic()
        return [slot for lane in self._all() for slot in lane.busy() if now - slot.started > LONG_RUN.total_seconds()]

    def busy(self) -> list[Slot]:
        """Every run that has begun and not ended."""
        return [slot for lane in self._all() for slot in lane.busy()]

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Where coroutines run; None before the first."""
        return self._loop.loop

    def child_pids(self) -> list[int]:
        """The isolated children that live."""
        return self._children.pids()

    def _all(self) -> tuple[Lane, ...]:
        return (self._threads, self._loop, self._isolated)

    def _with_room(self) -> list[Lane]:
        return [lane for lane in self._used() if self._has_room(lane)]

    def _has_room(self, lane: Lane) -> bool:
        """Whether a job could start at once, or soon at the rate at which the lane's jobs end."""
        return self._free(lane) > 0 or lane.waiting() < self._rates[lane].soon(lane.done)

    def _free(self, lane: Lane) -> int:
        """How many jobs more could start at once in a lane; below zero where more wait than could."""
        return lane.slots - lane.running() - lane.waiting()

    def _used(self) -> list[Lane]:
        """The lanes of the registered tasks."""
        if self._used_of != len(self._runner.registry):
            self._used_of = len(self._runner.registry)
            lanes = [self._lane(name) for name in self._runner.registry.names()]
            self._used_lanes = [lane for lane in self._all() if lane in lanes] or [self._threads]
        return self._used_lanes

    def _lane(self, task_name: str) -> Lane:
        lane = self._lanes.get(task_name)
        if lane is None:
            lane = self._lanes[task_name] = self._choose_lane(task_name)
        return lane

    def _choose_lane(self, task_name: str) -> Lane:
        task = self._runner.registry.find(task_name)
        if task is not None and task.isolation == "process":
            return self._isolated
        return self._loop if task is not None and task.is_async else self._threads

    def _run_in_thread(self, slot: Slot) -> None:
        try:
            if self._cancelled:
                self._tell(slot)
            run = self._runner.attempt(slot.job, slot)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the job has an end
            self._settle(slot, error)
        else:
            self._runner.report(run)

    async def _run_in_loop(self, slot: Slot) -> None:
        try:
            if self._cancelled:
                self._tell(slot)
            run = await self._runner.aattempt(slot.job, slot)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the job has an end
            self._settle(slot, error)
        else:
            self._runner.report(run)

    def _run_in_child(self, slot: Slot) -> None:
        try:
            if self._cancelled:
                self._tell(slot)
            outcome = self._outcome_in_child(slot)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the job has an end
            self._settle(slot, error)
        else:
            if isinstance(outcome, Unknown):
                self.is_outdated = True
            if outcome is not None:
                job = self._counted_anew(slot.job) if isinstance(outcome, WorkerLost) else slot.job
                self._runner.finish(job, outcome, slot)
            else:
                ack = decide(slot.job, Success(), RetryPolicy(), chance())
                self._runner.count(ack.outcome)
                self._runner.committed(ack)

    def _tell(self, slot: Slot) -> None:
        """Of a cancellation that was asked before the job started."""
        slot.cancelled_by = self._cancelled.get(_claimed(slot.job))

    def _outcome_in_child(self, slot: Slot) -> Outcome | None:
        job = slot.job
        if slot.cancelled_by is not None:
            return Unstarted()
        try:
            return self._children.run(job, self._limit(job))
        except ChildCancelled:
            return Cancel(f"cancelled by {slot.cancelled_by}; it did not stop by itself, so its process was ended")
        except ChildLate:
            return timed_out(job, self._runner.registry.find(job.task))
        except ChildDied as died:
            return STOPPED if self._children.closed else WorkerLost(died.worker, died.how)
        except (ChildUnstartable, ConfigurationError) as error:
            return Failure(error_info(error))

    def _counted_anew(self, job: ClaimedJob) -> ClaimedJob:
        """The job, whose child has died, with the deaths that count: it may have come on since those before."""
        found = None
        if job.crashes:
            with suppress(DatabaseError):
                found = self._runner.engine.find_job(job.id)
        return job if found is None else replace(job, crashes=found.crashes)

    def _settle(self, slot: Slot, error: BaseException) -> None:
        """Trouble outside the handler is a failure of the job too: no run ends without an acknowledgement."""
        if slot.stopped and isinstance(error, asyncio.CancelledError):
            self._runner.finish(slot.job, STOPPED, slot)
            return
        log.error("job %d (%s) could not be run properly", slot.job.id, slot.job.task, exc_info=error)
        self._runner.finish(slot.job, Failure(error_info(error)), slot)

    def _ended(self, job: ClaimedJob) -> None:
        self._holding.pop(_claimed(job), None)
        if self._cancelled:
            self._cancelled.pop(_claimed(job), None)
        if len(self._holding) <= self.refill_at:
            self._freed()


def _claimed(job: ClaimedJob) -> tuple[int, int]:
    """Which claim of which job: the next one may be here before the end of the one before has been told."""
    return job.id, job.lease.number


class Timekeeper(Service):
    """Watches the time limits of handlers in threads."""

    name: str = "timekeeper"
    interval: float = 0.1

    def __init__(self, executor: Executor, recycle: Callable[[str], None]) -> None:
        super().__init__()
        self._executor = executor
        self._recycle = recycle
        self._warned: set[int] = set()

    def run_once(self) -> float | None:
        """Expire what is over its limit; ask for a new process when too many threads hang, or the code has changed."""
        self._executor.expire()
        for slot in self._executor.long_runs():
            if slot.job.id not in self._warned:
                self._warned.add(slot.job.id)
                log.warning("job %d (%s) has been running for more than an hour", slot.job.id, slot.job.task)
        if self._executor.is_clogged():
            self._recycle("every slot's thread hangs beyond its time limit")
        if self._executor.is_outdated:
            self._recycle("its children, which import the application anew, do not know a task that it knows")
        return None if self._executor.has_limits() else UNHURRIED_SECONDS
