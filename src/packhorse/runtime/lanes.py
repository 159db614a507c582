"""Lanes: where handlers run. Threads for plain functions, one event loop for coroutines, children for isolated tasks.

A lane has slots. Jobs put into it wait, in order, until a slot is free, and may be withdrawn until then.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from packhorse.domain.job import ClaimedJob
from packhorse.runtime.waiting import Waiting

log: logging.Logger = logging.getLogger("packhorse.worker")


REFUSED_SECONDS = 0.5
"""After this time a thread that the system did not give is asked for again."""
KEEP_ALIVE_SECONDS = 60.0
"""After this time a thread ends that nobody has called, while another one waits as well."""


class Lane(Protocol):
    """Runs the jobs that are put into it, a slot each."""

    slots: int
    done: int
    """How many jobs have ended."""

    def put(self, jobs: list[ClaimedJob]) -> None:
        """Let these jobs run when slots are free, in order."""
        ...

    def withdraw(self, waited: float) -> list[ClaimedJob]:
        """Take back the jobs that have waited for `waited` seconds or more and have not started."""
        ...

    def waiting(self) -> int:
        """How many jobs have not started."""
        ...

    def running(self) -> int:
        """How many jobs occupy a slot."""
        ...

    def busy(self) -> list[Slot]:
        """Every run that has started and not ended."""
        ...

    def stop(self) -> None:
        """Start nothing more; what runs goes on."""
        ...


class Slot(msgspec.Struct, eq=False):
    """One run in a lane: which job, since when, in which thread, and whether it was to end before its own end."""

    job: ClaimedJob
    started: float = msgspec.field(default_factory=time.monotonic)
    thread: int = msgspec.field(default_factory=threading.get_ident)
    late: bool = False
    stopped: bool = False
    cancelled_by: str | None = None
    """Who has asked for the job's cancellation, once that is known here."""
    cancelled_at: float = 0.0

    def is_late(self) -> bool:
        """Whether the time limit has passed and the slot was given to somebody else."""
        return self.late

    def is_stopped(self) -> bool:
        """Whether the worker cancelled it because it stops."""
        return self.stopped


class Seat:
    """One thread of a lane: whether it occupies a slot, and what it runs."""

    __slots__ = ("is_taken", "slot")

    def __init__(self) -> None:
        self.is_taken: bool = True
        self.slot: Slot | None = None

    def is_running(self) -> bool:
        """Whether a job that is not late occupies it, or is about to: whoever looks must not miss it in between."""
        slot = self.slot
        return self.is_taken and not (slot is not None and slot.late)


class ThreadLane:
    """Slots are threads, made when they are needed.

    Threads are called one after the other: each, when it takes a job and there are more, calls the next one. So jobs
    that take no time stay with few threads, and those that wait for something have all of them at once.

    A thread can't be killed. When its job's time is over, another thread takes its slot; the job itself is only
    decided when the thread has ended, so that it never runs twice at the same time.
    """

    def __init__(
        self,
        name: str,
        slots: int,
        run: Callable[[Slot], None],
        ended: Callable[[ClaimedJob], None],
        rested: Callable[[], None],
    ) -> None:
        self.slots = slots
        self._name = name
        self._run = run
        self._ended = ended
        self._rested = rested
        self._jobs = Waiting()
        self._ready = threading.Condition()
        self._ending = threading.Lock()
        self._seats: list[Seat] = []
        self.done: int = 0
        self._idle = self._made = self._lates = 0
        self._is_calling = self._stopped = False
        self._refused_until = 0.0

    def put(self, jobs: list[ClaimedJob]) -> None:
        """Let these jobs run when slots are free, in order."""
        self._jobs.put(jobs)
        self._call_one()

    def withdraw(self, waited: float) -> list[ClaimedJob]:
        """Take back the jobs that have waited for `waited` seconds or more and have not started."""
        return self._jobs.withdraw(waited)

    def waiting(self) -> int:
        """How many jobs have not started."""
        return len(self._jobs)

    def running(self) -> int:
        """How many jobs occupy a slot; a late one does not any more."""
        return sum([seat.is_running() for seat in list(self._seats)])

    def late(self) -> list[Slot]:
        """The runs whose time is over and whose threads have not ended."""
        return [slot for slot in self.busy() if slot.late]

    def busy(self) -> list[Slot]:
        """Every run whose thread has not ended."""
        return [slot for seat in list(self._seats) if (slot := seat.slot) is not None]

    def expire(self, limit_of: Callable[[ClaimedJob], timedelta | None]) -> list[Slot]:
        """Give the slots of runs over their time limit to other threads; those runs."""
        now = time.monotonic()
        with self._ending:
            late = [slot for slot in self.busy() if not slot.late and _is_over(slot, limit_of(slot.job), now)]
            for slot in late:
                slot.late = True
            self._lates += len(late)
        self._call_one()
        return late

    def stop(self) -> None:
        """Start nothing more; what runs goes on."""
        with self._ready:
            self._stopped = True
            self._ready.notify_all()

    def _call_one(self) -> None:
        """Let one thread more take jobs, if there are any; not while one that was called is still on its way."""
        with self._ready:
            if self._is_calling or self._stopped or not self._jobs:
                return
            if self._idle:
                self._is_calling = True
                self._ready.notify()
            elif self._has_room():
                self._is_calling = True
                self._start_thread()

    def _has_room(self) -> bool:
        return len(self._seats) < self.slots + self._lates and time.monotonic() >= self._refused_until

    def _start_thread(self) -> None:
        """One thread more. If the system refuses it the jobs wait for the others, and are given back in the end."""
        self._made += 1
        seat = Seat()
        self._seats.append(seat)
        name = f"packhorse-{self._name}-{self._made}"
        try:
            threading.Thread(target=self._work, args=(seat,), name=name, daemon=True).start()
        except RuntimeError as error:
            self._seats.remove(seat)
            self._is_calling = False
            self._refused_until = time.monotonic() + REFUSED_SECONDS
            log.warning("jobs have to wait, with %d threads for %d slots: %s", len(self._seats), self.slots, error)

    def _work(self, seat: Seat) -> None:
        self._is_calling = False
        while (slot := self._next(seat)) is not None:
            try:
                self._run(slot)
            except BaseException:
                log.exception("after job %d its thread goes on", slot.job.id)
            with self._ending:
                seat.slot = None
                self._lates -= slot.late
                self.done += 1
            self._ended(slot.job)
            if slot.late:
                break
        with self._ready:
            self._seats.remove(seat)
        self._call_one()

    def _next(self, seat: Seat) -> Slot | None:
        """The next job in its slot, when there is one; None when the lane was stopped."""
        while not self._stopped:
            job = self._jobs.take()
            if job is not None:
                seat.slot = slot = Slot(job)
                if self._jobs and not self._is_calling and (self._idle or self._has_room()):
                    self._call_one()
                return slot
            if not self._rest(seat):
                return None
        return None

    def _rest(self, seat: Seat) -> bool:
        """Wait for a job, in no slot; False when none has come for so long that the thread may end."""
        is_needed = True
        with self._ready:
            self._idle += 1
            seat.is_taken = False
            self._rested()
            while is_needed and not self._jobs and not self._stopped:
                is_called = self._ready.wait(KEEP_ALIVE_SECONDS)
                self._is_calling = False
                is_needed = is_called or bool(self._jobs) or self._idle == 1
            seat.is_taken = is_needed
            self._idle -= 1
        return is_needed


class LoopLane:
    """Slots are coroutines on one event loop, in a thread of its own that starts with the first job."""

    def __init__(
        self,
        slots: int,
        run: Callable[[Slot], Coroutine[Any, Any, None]],
        ended: Callable[[ClaimedJob], None],
        rested: Callable[[], None],
    ) -> None:
        self.slots = slots
        self._run = run
        self._job_ended = ended
        self._rested = rested
        self._jobs = Waiting()
        self._lock = threading.Lock()
        self.done: int = 0
        self._tasks: dict[Slot, asyncio.Task[None]] = {}
        self._is_filling = False
        self._context = contextvars.copy_context()
        """What each job finds; nothing that another one has set."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    def put(self, jobs: list[ClaimedJob]) -> None:
        """Let these jobs run when slots are free, in order."""
        self._jobs.put(jobs)
        with self._lock:
            loop = self.loop or self._start_loop()
        loop.call_soon_threadsafe(self._fill)

    def withdraw(self, waited: float) -> list[ClaimedJob]:
        """Take back the jobs that have waited for `waited` seconds or more and have not started."""
        return self._jobs.withdraw(waited)

    def waiting(self) -> int:
        """How many jobs have not started."""
        return len(self._jobs)

    def running(self) -> int:
        """How many jobs occupy a slot, or are about to: whoever looks must not miss one in between."""
        return self._is_filling + len(self._tasks)  # in this order: one that is about to is in a slot a moment later

    def busy(self) -> list[Slot]:
        """Every run whose coroutine has not ended."""
        return list(self._tasks)

    def stop(self) -> None:
        """Start nothing more; what runs goes on."""
        self._stopped = True

    def cancel(self) -> None:
        """Cancel what still runs; each coroutine ends at its next await."""
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self._cancel_all)

    def close(self) -> None:
        """End the loop and its thread."""
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.loop.stop)

    def _start_loop(self) -> asyncio.AbstractEventLoop:
        self.loop = loop = asyncio.new_event_loop()
        threading.Thread(target=self._serve, args=(loop,), name="packhorse-loop", daemon=True).start()
        return loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            while not _ran_to_its_end(loop):
                pass
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    def _fill(self) -> None:
        loop = asyncio.get_running_loop()
        self._is_filling = True
        while len(self._tasks) < self.slots and not self._stopped and (job := self._jobs.take()) is not None:
            slot = Slot(job)
            self._tasks[slot] = loop.create_task(self._occupy(slot), name=f"job {job.id}", context=self._context.copy())
        self._is_filling = False

    async def _occupy(self, slot: Slot) -> None:
        try:
            await self._run(slot)
        except GeneratorExit:  # it is thrown away with the loop
            raise
        except BaseException:
            log.exception("after job %d the event loop goes on", slot.job.id)
        del self._tasks[slot]
        self._fill()
        self.done += 1
        self._job_ended(slot.job)
        if not self._jobs:
            self._rested()

    def _cancel_all(self) -> None:
        """A task that is cancelled before its first step never takes it: the last ones made take theirs before this."""
        asyncio.get_running_loop().call_soon(self._cancel_begun)

    def _cancel_begun(self) -> None:
        for slot, task in list(self._tasks.items()):
            slot.stopped = True
            task.cancel()


def _ran_to_its_end(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        loop.run_forever()
    except (SystemExit, KeyboardInterrupt):
        log.exception("a task that a handler left on the event loop wants to end the process, which goes on")
        return False
    return True


def _is_over(slot: Slot, limit: timedelta | None, now: float) -> bool:
    return limit is not None and now - slot.started >= limit.total_seconds()
