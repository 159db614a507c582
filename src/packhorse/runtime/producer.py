"""The producer: claims jobs into the executor, as many as it can soon run, and sleeps exactly as long as it may."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence

from packhorse.domain.claim import Claim
from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.outcome import Outcome, Unstarted
from packhorse.engine import Engine, Glance
from packhorse.errors import DatabaseError
from packhorse.runtime.acker import Acker
from packhorse.runtime.contact import Contact
from packhorse.runtime.executor import Executor
from packhorse.runtime.hints import Hints
from packhorse.runtime.looks import SHORTEST_WAIT, Looks
from packhorse.runtime.marks import HEAD, Marks, Start, Toll
from packhorse.runtime.permits import Permits, unlimited
from packhorse.runtime.rate import Rate
from packhorse.runtime.ready import make_ready
from packhorse.runtime.reconciler import Reconciler
from packhorse.runtime.rules import QueueRules
from packhorse.runtime.service import Service
from packhorse.runtime.settings import WorkerSettings
from packhorse.runtime.suspects import Suspects, Turn
from packhorse.runtime.tally import Meter
from packhorse.runtime.turns import Settler
from packhorse.runtime.used_up import UsedUp
from packhorse.task import TaskRegistry

LARGEST_BUFFER = 500
STALE_SECONDS = 1.0
"""A claimed job that has not started after this time is given back."""
USUAL_CLAIM_SECONDS = 0.01
"""A claim beside a full lane that takes longer walks over too many of that lane's jobs to be repeated at once."""
PARK_LIMIT = 5000


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
        self._settler = Settler(engine)
        self._settings = settings
        self._rules = QueueRules(engine, worker, settings.queues)
        self._worker = worker
        self._contact = contact
        self._finish = finish
        self._claims = itertools.count(1)
        self._ready: list[str] = []
        self._held_back: list[str] = []
        self._others: frozenset[str] = frozenset()
        self._looks = Looks(settings.poll)
        self._is_hinted = False
        self._hints = Hints(engine, worker)
        self._rate = Rate()
        self._marks = Marks()
        self._beside_at = 0.0
        self._beside_toll = Toll()
        self.claimed: Meter = Meter()
        self.permits: Permits = unlimited
        self.is_quiet: bool = False
        self.is_drained: bool = False
        """Whether the last look, made while nothing was held, showed nothing to do, and nothing was taken since."""
        self.on_lost_workers: Callable[[], None] = lambda: None
        self.on_given_up: Callable[[], None] = lambda: None
        self.on_revision: Callable[[], None] = lambda: None
        """Told that the queues' settings, or the schema, are not those of before."""

    def attach(self, executor: Executor, acker: Acker) -> None:
        """Say where claimed jobs go and where acks wait."""
        self._executor = executor
        self._acker = acker
        self._suspects = Suspects(executor, acker)
        self._reconciler = Reconciler(self._engine, self._worker, self._settings.lease, executor, acker)
        self._used_up = UsedUp(executor, acker)
        acker.on_turns = self.hint

    def hint(self) -> None:
        """Somebody says that jobs may have come. From any thread."""
        self._is_hinted = True
        if self._has_room():
            self.wake()

    @property
    def is_hinting(self) -> bool:
        """Whether producers were asked to wake this worker up."""
        return self._hints.are_wanted

    def freed(self) -> None:
        """A slot became free. From any thread; cheap."""
        is_work_known = self._ready or self._suspects.queues or self._held_back or self._used_up or self._is_hinted
        if is_work_known or not self._hints.are_wanted:
            self.wake()

    def learn(self) -> None:
        """More tasks are registered than before. From any thread."""
        self._known = self._registry.names()
        self._others = frozenset()
        self._looks.want()
        self.wake()

    def run_once(self) -> float | None:
        """Give back what waited too long, look, claim; seconds until the next pass."""
        self._executor.refill_at = math.inf
        self._give_back(self._executor.withdraw(STALE_SECONDS))
        self._give_back(self._reconciler.list_unheld())
        self.permits(0)
        if self._is_time_to_look() and not self._guess() and not self._look():
            return None
        if self.is_quiet or self.is_stopping or self._acker.is_full():
            return None
        turn = self._suspects.turn()
        if turn is Turn.NOBODY or (turn is Turn.SUSPECT and self._claim_suspect()):
            return SHORTEST_WAIT
        self._claim_round()
        self.is_drained = self.is_drained or (bool(self._others) and not self._ready and self._is_idle())
        is_busy = self._can_claim() or not self._has_room()
        self._is_hinted = self._hints.tune(is_busy) or self._is_hinted
        self._executor.refill_at = self._refill_at()
        return self._pause()

    def on_trouble(self, error: DatabaseError) -> None:
        """Drop what has not started: after a crash of the server its claims may be forgotten.

        What a claim took whose answer never arrived is found, and given back, when the database answers again.
        """
        self._ready, self._suspects.queues = [], []
        self._looks.want()
        self._reconciler.expect_trouble()
        self._give_back(self._executor.withdraw())

    # Looking

    def _is_time_to_look(self) -> bool:
        return self._looks.is_due() or (self._is_hinted and not self._can_claim())

    def _guess(self) -> bool:
        """After a hint, do without a look for now: claim what is known of, else where the last jobs came from."""
        if self._ready or self._suspects.queues:
            is_known = not self._looks.is_due() and self._looks.want_soon()
        elif is_known := (queue := self._looks.guess()) is not None:
            self._ready = [queue]
        self._is_hinted = self._is_hinted and not is_known
        return is_known

    def _look(self) -> bool:
        """See what there is to do; False when this worker was given up and must start nothing more."""
        begun, was_idle = time.monotonic(), self._is_idle()
        self._is_hinted = False
        glance = self._engine.glance(self._worker, self._rules.has_floors)
        self._looks.ended(time.monotonic() - begun)
        self._contact.made()
        if not glance.is_registered:
            self._give_up()
            return False
        if glance.has_lost_workers:
            self.on_lost_workers()
        made = make_ready(self._engine, self._settler, glance, self._known)
        if made:
            glance = self._engine.glance(self._worker, self._rules.has_floors)
        self._note(glance)
        is_more_to_settle = made > 0 and glance.has_turns
        if is_more_to_settle:
            self._looks.want_soon()
        is_known = self._looks.is_job_due() or bool(self._ready or self._suspects.queues)
        self.is_drained = was_idle and not is_known and not is_more_to_settle
        return True

    def _is_idle(self) -> bool:
        return self._executor.is_idle() and self._acker.is_idle()

    def _note(self, glance: Glance) -> None:
        if glance.revision != self._rules.revision:
            self.on_revision()
        if self._rules.refresh(glance.revision):
            self._give_back(self._executor.withdraw())
        ready = self._served(glance.ready_queues)
        waiting = [queue for queue in self._ready if queue in ready]
        self._ready = waiting + [queue for queue in ready if queue not in waiting]
        self._suspects.queues = self._served(glance.suspect_queues)
        self._looks.expect(glance.due_in)
        self._others = self._others & self._engine.list_known_tasks() if self._others else self._others

    def _give_up(self) -> None:
        """This worker was taken for dead, and its jobs were rescued: none of what it holds may start."""
        self.is_quiet = True
        self._executor.stop()
        self._give_back(self._executor.withdraw())
        self.on_given_up()

    def _served(self, queues: Iterable[str]) -> list[str]:
        return [queue for queue in queues if self._settings.serves(queue)]

    def _pause(self) -> float:
        if self._can_claim() or (self._is_hinted and self._has_room()):
            return 0.0
        moments = [self._looks.next_at, self._reconciler.next_at]
        if not self._may_claim():
            moments.append(self._beside_at)
        pause = max(0.0, min(moments) - time.monotonic())
        return min(pause, STALE_SECONDS) if self._executor.buffered() else pause

    def _has_room(self) -> bool:
        return self._executor.free_slots() > 0

    # Claiming

    def _claim_round(self) -> None:
        """Claim from each ready queue once, the first one last the next time."""
        if self._held_back and not self._executor.full_tasks():
            self._ready = self._held_back + [queue for queue in self._ready if queue not in self._held_back]
            self._held_back = []
        self._ready += [queue for queue in self._used_up.take() if queue not in self._ready]
        if not self._may_claim():
            return
        for queue in tuple(self._ready):
            wanted = min(self._wanted(), self._queue_room(queue))
            if wanted > 0:
                self._claim_from(queue, wanted)

    def _claim_from(self, queue: str, wanted: int) -> None:
        if self._rules.is_aging(queue) or self._rules.is_limited(queue):
            self._claim_unmarked(queue, wanted)
            return
        full = self._executor.full_tasks()
        if full:
            self._marks.forget(queue)  # a mark would pass over the jobs that there is no room for
        start, begun = self._marks.start(queue), time.monotonic()
        jobs = self._claim(queue, wanted, other_tasks=self._others | full, start=start)
        ended = time.monotonic()
        if full:
            self._beside_at = ended + self._beside_toll.pause(max(0.0, ended - begun - USUAL_CLAIM_SECONDS))
        else:
            self._marks.note(queue, start, jobs, wanted, ended - begun)
            self._had_its_turn(queue, jobs)
        if start.above is not None and len(jobs) < wanted:
            self._accept(jobs)
            self._claim_from(queue, wanted - len(jobs))  # it was no turn: what is behind the mark has it
            return
        self._ready.remove(queue)
        if len(jobs) == wanted:
            self._ready.append(queue)
        elif start.after is not None:
            self._looks.want_soon()  # whether there is something in front of the mark, the next look tells
        elif full:
            self._hold_back(queue)
        self._accept(jobs)

    def _claim_unmarked(self, queue: str, wanted: int) -> None:
        """Claim where a mark would pass over jobs: those that have aged, or that a limit has kept back."""
        full, is_limited = self._executor.full_tasks(), self._rules.is_limited(queue)
        self._marks.forget(queue)
        if is_limited:  # what waits here for a slot would keep others from running it
            wanted = min(wanted, max(1, self._executor.free_slots()))
        jobs = self._claim(queue, wanted, other_tasks=self._others | full)
        if not full:
            self._had_its_turn(queue, jobs)
        self._ready.remove(queue)
        if len(jobs) == wanted:
            self._ready.append(queue)
        elif full:
            self._hold_back(queue)
        elif is_limited:
            self._used_up.note(queue, len(jobs))
        elif jobs:
            self._looks.want()  # whether another worker held more of them back, the next look tells
        self._accept(jobs)

    def _hold_back(self, queue: str) -> None:
        """Keep a queue in its turn until the lane that is full has room: it is claimed from beside that meanwhile."""
        if queue not in self._held_back:
            self._held_back.append(queue)

    def _had_its_turn(self, queue: str, jobs: Sequence[ClaimedJob]) -> None:
        """Where there was room for all of its jobs a queue that was held back has none before the others."""
        if jobs and queue in self._held_back:
            self._held_back.remove(queue)

    def _may_claim(self) -> bool:
        """Whether no toll is due: a claim beside a full lane walks over all the jobs of that lane."""
        return time.monotonic() >= self._beside_at or not self._executor.full_tasks()

    def _can_claim(self) -> bool:
        wanted = self._wanted()
        return self._may_claim() and any(min(wanted, self._queue_room(queue)) > 0 for queue in self._ready)

    def _wanted(self) -> int:
        """How many jobs to claim now: the buffer's bound less what is in it, once half of it is used up.

        Which lane they belong in is seen when they are there, so the bound is that of the narrowest one. What waits in
        a lane that is full keeps no job from the others: they would stand idle until it is given back.
        """
        bound = self._bound()
        wanted = bound - self._executor.ahead()
        return min(wanted, LARGEST_BUFFER - self._executor.buffered()) if wanted * 2 >= bound else 0

    def _bound(self) -> int:
        soon = self._rate.soon(self._executor.done)
        return min(LARGEST_BUFFER, max(self._executor.narrowest_room(), soon))

    def _refill_at(self) -> float:
        """With how many jobs in hand, or fewer, a pass may find something to do."""
        if self._suspects.queues or self._held_back or self._used_up or self._rules.has_slots:
            return math.inf
        aside = self._executor.buffered() - self._executor.ahead()
        return self._bound() / 2 + self._executor.slots() + aside

    def _queue_room(self, queue: str) -> int:
        slots = self._rules.slots(queue)
        return LARGEST_BUFFER if slots is None else slots - self._executor.held(queue)

    def _claim(
        self,
        queue: str,
        limit: int,
        *,
        other_tasks: frozenset[str],
        start: Start = HEAD,
        suspects: bool = False,
    ) -> list[ClaimedJob]:
        permitted = self.permits(limit)
        if permitted <= 0:
            return []
        claim = Claim(
            lease=Lease(self._worker, next(self._claims)),
            queue=queue,
            limit=permitted,
            other_tasks=other_tasks,
            suspects=suspects,
            after=start.after,
            above=start.above,
            aging=self._rules.is_aging(queue),
            limited=self._rules.is_limited(queue),
        )
        with self.claimed.measured():
            jobs = self._engine.claim_jobs(claim)
        self.claimed.things += len(jobs)
        return jobs

    def _claim_suspect(self) -> bool:
        """Claim the next suspect of the next queue; whether there was one."""
        queue = self._suspects.queues.pop(0)
        if self._queue_room(queue) <= 0:
            self._suspects.queues.append(queue)
            return False
        accepted = self._accept(self._claim(queue, 1, other_tasks=self._others, suspects=True))
        for job in accepted:
            self._suspects.queues.append(queue)
            self._suspects.started(job)
        return bool(accepted)

    def _accept(self, jobs: list[ClaimedJob]) -> list[ClaimedJob]:
        """Hand jobs to the executor, those of unknown tasks back; the ones that it took."""
        unknown = {task for task in {job.task for job in jobs} if self._registry.find(task) is None}
        if unknown:
            self._set_aside([job for job in jobs if job.task in unknown])
            jobs = [job for job in jobs if job.task not in unknown]
        if jobs:
            self.is_drained = False
            self._executor.accept(jobs)
            self._looks.brought(jobs[-1].queue)
        return jobs

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

    def _give_back(self, jobs: Iterable[ClaimedJob]) -> None:
        for job in jobs:
            self._finish(job, Unstarted())
