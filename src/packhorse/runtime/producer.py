"""The producer: claims jobs into the executor, as many as it can soon run, and sleeps exactly as long as it may."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable

from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.outcome import Outcome, Unstarted
from packhorse.engine import Claim, Engine, Glance
from packhorse.errors import DatabaseError
from packhorse.runtime.acker import Acker
from packhorse.runtime.contact import Contact
from packhorse.runtime.executor import Executor
from packhorse.runtime.service import Service
from packhorse.runtime.settings import WorkerSettings
from packhorse.task import TaskRegistry

LARGEST_BUFFER = 500
BUFFER_SECONDS = 0.1
"""No more is claimed than will be started, at the observed rate, within this time."""
STALE_SECONDS = 1.0
"""A claimed job that has not started after this time is given back."""
BUSY_SECONDS = 1.0
"""A worker that has found work for this long at a stretch does not need to be woken."""
SHORTEST_WAIT = 0.01
STAGE_LIMIT = 500
PARK_LIMIT = 5000
DRAIN_SECONDS = 5.0
"""How long a suspect waits for its neighbours to end before it is claimed beside them."""
ALONE_SECONDS = 30.0
"""After how long beside nothing a suspect gets neighbours again, so that a long one does not idle the worker."""


class Producer(Service):
    """Looks what there is to do, claims it, and hands it to the executor."""

    name: str = "producer"

    def __init__(
        self,
        engine: Engine,
        registry: TaskRegistry,
        settings: WorkerSettings,
        *,
        worker: int,
        contact: Contact,
        finish: Callable[[ClaimedJob, Outcome], object],
    ) -> None:
        super().__init__()
        self.interval: float = settings.poll
        self._engine = engine
        self._registry = registry
        self._known = registry.names()
        self._settings = settings
        self._worker = worker
        self._contact = contact
        self._finish = finish
        self._claims = itertools.count(1)
        self._doubtful: set[int] = set()
        self._ready: list[str] = []
        self._suspects: list[str] = []
        self._draining_since: float | None = None
        self._alone: int | None = None
        self._alone_since = 0.0
        self._held_back: list[str] = []
        self._others: frozenset[str] = frozenset()
        self._due_at: float | None = None
        self._look_at = 0.0
        self._hints_wanted = False
        self._busy_since: float | None = None
        self._rate = Rate()
        self.is_quiet = False
        self.on_lost_workers: Callable[[], None] = lambda: None
        self.on_given_up: Callable[[], None] = lambda: None

    def attach(self, executor: Executor, acker: Acker) -> None:
        """Say where claimed jobs go and where acks wait."""
        self._executor = executor
        self._acker = acker

    def hint(self) -> None:
        """Somebody says that jobs may have come. From any thread."""
        if not self._ready:
            self._look_at = 0.0
            self.wake()

    def freed(self) -> None:
        """A slot became free. From any thread; cheap."""
        if self._ready or self._suspects or self._held_back:
            self.wake()

    def run_once(self) -> float | None:
        """Give back what waited too long, look, claim; seconds until the next look."""
        self._give_back(self._executor.withdraw(STALE_SECONDS))
        self._recover_doubtful()
        if self._is_time_to_look():
            self._look()
        if self.is_quiet or self.is_stopping or self._acker.is_full():
            return None
        if (self._suspects or self._alone is not None) and not self._take_suspect():
            return SHORTEST_WAIT
        self._claim_round()
        self._tune_hints()
        return self._pause()

    def on_trouble(self, error: DatabaseError) -> None:
        """Drop what has not started: after a crash of the server its claims may be forgotten."""
        self._ready, self._suspects = [], []
        self._look_at = 0.0
        self._give_back(self._executor.withdraw())

    # Looking

    def _is_time_to_look(self) -> bool:
        now = time.monotonic()
        return now >= self._look_at or (self._due_at is not None and now >= self._due_at)

    def _look(self) -> None:
        self._look_at = time.monotonic() + self._settings.poll
        glance = self._engine.glance(self._worker)
        self._contact.made()
        if not glance.is_registered:
            self.on_given_up()
        if glance.has_lost_workers:
            self.on_lost_workers()
        if self._make_ready(glance):
            glance = self._engine.glance(self._worker)
        self._ready = self._served(glance.ready_queues)
        self._suspects = self._served(glance.suspect_queues)
        self._due_at = (
            None if glance.due_in is None else time.monotonic() + max(SHORTEST_WAIT, glance.due_in.total_seconds())
        )
        self._others = self._others & self._engine.list_known_tasks() if self._others else self._others

    def _make_ready(self, glance: Glance) -> int:
        """Stage what is due and unpark what this worker knows; how many jobs became available."""
        made = 0
        if glance.due_in is not None and glance.due_in.total_seconds() <= 0:
            made += self._engine.stage_jobs(STAGE_LIMIT)
        if known := [task for task in glance.parked_tasks if task in self._known]:
            made += self._engine.unpark_jobs(known, PARK_LIMIT)
        return made

    def _served(self, queues: Iterable[str]) -> list[str]:
        return [queue for queue in queues if self._settings.serves(queue)]

    def _tune_hints(self) -> None:
        """Ask producers to stop waking a worker that has been busy for a while; ask for it again when it runs dry.

        After asking it looks once more: what came in between woke nobody.
        """
        now = time.monotonic()
        self._busy_since = (self._busy_since or now) if self._ready else None
        wanted = self._busy_since is None or now - self._busy_since < BUSY_SECONDS
        if wanted != self._hints_wanted:
            self._engine.seek_hints(self._worker, wanted)
            self._hints_wanted = wanted
            self._look_at = 0.0 if wanted else self._look_at

    def _pause(self) -> float:
        now = time.monotonic()
        if self._ready:
            wanted = self._wanted()
            claimable = any(min(wanted, self._queue_room(queue)) > 0 for queue in self._ready)
            return 0.0 if claimable else min(self._settings.poll, STALE_SECONDS)
        pause = max(0.0, self._look_at - now)
        return pause if self._due_at is None else min(pause, max(0.0, self._due_at - now))

    # Claiming

    def _claim_round(self) -> None:
        """Claim from each ready queue once, the first one last the next time."""
        if self._held_back and not self._executor.full_tasks():
            self._ready += [queue for queue in self._held_back if queue not in self._ready]
            self._held_back = []
        for queue in tuple(self._ready):
            wanted = min(self._wanted(), self._queue_room(queue))
            if wanted > 0:
                self._claim_from(queue, wanted)

    def _claim_from(self, queue: str, wanted: int) -> None:
        full = self._executor.full_tasks()
        jobs = self._claim(queue, wanted, other_tasks=self._others | full)
        self._ready.remove(queue)
        if len(jobs) == wanted:
            self._ready.append(queue)
        elif full:
            self._held_back.append(queue)
        self._accept(jobs)

    def _wanted(self) -> int:
        """How many jobs to claim now: the buffer's bound less what is in it, once half of it is used up."""
        free, buffered = self._executor.free_slots(), self._executor.buffered()
        bound = min(LARGEST_BUFFER, max(free, int(self._rate.per_second(self._executor.done) * BUFFER_SECONDS)))
        wanted = bound - buffered
        return wanted if wanted * 2 >= bound else 0

    def _queue_room(self, queue: str) -> int:
        slots = self._settings.queues.get(queue)
        return LARGEST_BUFFER if slots is None else slots - self._executor.held(queue)

    def _claim(
        self, queue: str, limit: int, other_tasks: frozenset[str] = frozenset(), suspects: bool = False
    ) -> list[ClaimedJob]:
        lease = Lease(self._worker, next(self._claims))
        self._doubtful.add(lease.number)
        jobs = self._engine.claim_jobs(
            Claim(lease=lease, queue=queue, limit=limit, other_tasks=other_tasks, suspects=suspects)
        )
        self._doubtful.discard(lease.number)
        return jobs

    def _accept(self, jobs: list[ClaimedJob]) -> None:
        unknown = [job for job in jobs if self._registry.find(job.task) is None]
        if unknown:
            self._set_aside(unknown)
            jobs = [job for job in jobs if self._registry.find(job.task) is not None]
        if jobs:
            self._executor.accept(jobs)

    def _set_aside(self, jobs: list[ClaimedJob]) -> None:
        """Jobs of tasks that this worker does not know: hand them back, and park them if no live worker does."""
        known = self._engine.list_known_tasks()
        self._give_back(jobs)
        self._acker.flush(STALE_SECONDS)
        for queue, task in sorted({(job.queue, job.task) for job in jobs}):
            if task in known:
                self._others |= {task}
            else:
                while self._engine.park_jobs(queue, task, PARK_LIMIT) == PARK_LIMIT:
                    pass

    # Suspects: jobs whose worker died run alone, so that no neighbour is blamed if it happens again

    def _take_suspect(self) -> bool:
        """Run the next suspect, if there is one, with nothing beside it; whether others may be claimed now."""
        if self._alone is not None:
            if self._executor.holds(self._alone) or not self._acker.is_idle():
                return time.monotonic() - self._alone_since > ALONE_SECONDS
            self._alone = None
        if not self._suspects:
            return True
        if not self._is_calm() and self._is_draining():
            return False
        self._draining_since = None
        return not self._claim_suspect(self._suspects.pop(0))

    def _claim_suspect(self, queue: str) -> bool:
        jobs = self._claim(queue, 1, suspects=True)
        if jobs:
            self._suspects.append(queue)
            self._alone, self._alone_since = jobs[0].id, time.monotonic()
            self._accept(jobs)
        return bool(jobs)

    def _is_draining(self) -> bool:
        self._draining_since = self._draining_since or time.monotonic()
        return time.monotonic() - self._draining_since < DRAIN_SECONDS

    def _is_calm(self) -> bool:
        return self._executor.is_idle() and self._acker.is_idle()

    # Giving back

    def _give_back(self, jobs: Iterable[ClaimedJob]) -> None:
        for job in jobs:
            self._finish(job, Unstarted())

    def _recover_doubtful(self) -> None:
        """Give back what a claim took whose answer never arrived."""
        if not self._doubtful:
            return
        doubtful = set(self._doubtful)
        leased = self._engine.list_leased_jobs(self._worker, 2 * LARGEST_BUFFER)
        self._give_back(job for job in leased if job.lease.number in doubtful)
        self._doubtful -= doubtful


class Rate:
    """How many jobs end in a second, smoothed over about a quarter of one."""

    WINDOW = 0.05

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._done = 0
        self._rate = 0.0

    def per_second(self, done: int) -> float:
        """The rate, given how many have ended so far."""
        elapsed = time.monotonic() - self._since
        if elapsed >= self.WINDOW:
            weight = min(1.0, elapsed / (5 * self.WINDOW))
            self._rate += weight * ((done - self._done) / elapsed - self._rate)
            self._since, self._done = time.monotonic(), done
        return self._rate
