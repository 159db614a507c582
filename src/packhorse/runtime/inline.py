"""Inline: with no worker, jobs run in the producer's own thread, after its commit, by the same steps as in a worker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack
from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.worker import NewWorker
from packhorse.engine import Engine, Glance
from packhorse.runtime.contact import Contact
from packhorse.runtime.heartbeat import Heartbeat
from packhorse.runtime.identity import new_incarnation, worker_name
from packhorse.runtime.joblog import JobLogHandler, JobLogWriter, now_us
from packhorse.runtime.ready import make_ready
from packhorse.runtime.report import report_lost
from packhorse.runtime.rescuer import Rescuer
from packhorse.runtime.rules import QueueRules
from packhorse.runtime.run import Run, Runner
from packhorse.runtime.settings import WorkerSettings
from packhorse.runtime.turns import Settler
from packhorse.runtime.withdrawal import send_acks
from packhorse.task import TaskRegistry


class InlineWorker:
    """Runs what is due, one job after the other, until nothing is.

    A job that enqueues others while it runs does not run them inside itself: they follow it, in order.

    Args:
        runner: how jobs are run.
        settings: the queues to serve and the lease; by default as `packhorse worker` without flags.
        loop: runs `async def` handlers, in another thread than the caller's; by default each has a loop of its own.
    """

    def __init__(
        self, runner: Runner, settings: WorkerSettings | None = None, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._settings = settings or WorkerSettings()
        self._engine: Engine = runner.engine
        self._settler = Settler(runner.engine)
        self._registry: TaskRegistry = runner.registry
        self._journal = JobLogWriter(lambda lines, progress: self._engine.write_log(lines, progress, now_us()))
        self._capture = JobLogHandler(self._journal, self._settings.capture)
        self._runner = replace(runner, deliver=self._deliver, journal=self._journal)
        self._loop = loop
        self._running = threading.local()

    def run_pending(self) -> int:
        """Run every job that is due; how many. Does nothing inside a job that it runs."""
        return sum(1 for _ in self.runs())

    def runs(self) -> Generator[Run]:
        """The same step by step: each run when it has ended, before the next begins. Whoever stops early closes it."""
        if getattr(self._running, "now", False):
            return
        self._running.now = True
        try:
            yield from self._runs(new_incarnation())
        finally:
            self._running.now = False

    def _runs(self, worker: int) -> Iterator[Run]:
        with self._registered(worker):
            self._rescue(worker)
            rules, number = QueueRules(self._engine, worker, self._settings.queues), 0
            while job := self._next(Lease(worker, number := number + 1), rules):
                run = self._run(job)
                self._journal.drain()
                yield run

    @contextmanager
    def _registered(self, worker: int) -> Iterator[None]:
        settings, lease = self._settings, timedelta(seconds=self._settings.lease)
        names = self._registry.names()
        self._engine.register_worker(
            NewWorker(id=worker, name=worker_name(), queues=list(settings.queues), tasks=names, lease=lease)
        )
        beat = Heartbeat(self._engine, lambda: [worker], beat=settings.beat, lease=settings.lease)
        beat.start()
        self._capture.install()
        try:
            yield
        finally:
            self._capture.remove()
            beat.stop()
            beat.join()
            self._engine.deregister_worker(worker)

    def _rescue(self, worker: int) -> None:
        Rescuer(self._engine, self._registry, Contact(self._settings.lease, self._settings.poll), worker).run_once()

    def _next(self, lease: Lease, rules: QueueRules) -> ClaimedJob | None:
        """Claim the next job, as a worker does, but for slots: one job runs at a time anyway."""
        glance = self._look(lease.worker, rules)
        for suspects, queues in ((False, glance.ready_queues), (True, glance.suspect_queues)):
            for queue in filter(self._settings.serves, queues):
                limited, aging = rules.is_limited(queue), rules.is_aging(queue)
                claim = Claim(lease=lease, queue=queue, limit=1, suspects=suspects, limited=limited, aging=aging)
                if jobs := self._engine.claim_jobs(claim):
                    return jobs[0]
        return None

    def _look(self, worker: int, rules: QueueRules) -> Glance:
        """What there is to do, once nothing more can be made ready."""
        known = self._registry.names()
        while make_ready(self._engine, self._settler, glance := self._engine.glance(worker, rules.has_floors), known):
            pass
        rules.refresh(glance.revision)
        return glance

    def _run(self, job: ClaimedJob) -> Run:
        """Run a job; what is meant for the interpreter, such as Ctrl-C, goes on to it, for this thread is not ours."""
        task = self._registry.find(job.task)
        if task is not None and task.is_async:
            return self._run_coroutine(job)
        run = self._runner.run(job)
        if isinstance(run.raised, KeyboardInterrupt | SystemExit):
            raise run.raised
        return run

    def _run_coroutine(self, job: ClaimedJob) -> Run:
        """Run it in a loop of another thread; the one that may be running in this thread waits for us.

        What is to be acknowledged comes back to this thread, whose connection it may have to go over.
        """
        acks: list[Ack] = []
        runner = replace(self._runner, deliver=lambda ack, each: acks.append(ack))
        if self._loop is None:
            run = _in_new_loop(runner.arun(job))
        else:
            run = asyncio.run_coroutine_threadsafe(runner.arun(job), self._loop).result()
        for ack in acks:
            self._deliver(ack, each=True)
        return run

    def _deliver(self, ack: Ack, each: bool) -> None:
        if not send_acks(self._engine, [ack]):
            report_lost(ack.job_id)


def _in_new_loop(running: Coroutine[Any, Any, Run]) -> Run:
    """A thread and not a pool of them, which would take no work at the program's end."""
    ended: list[Run] = []
    thread = threading.Thread(target=lambda: ended.append(asyncio.run(running)), name="packhorse-inline")
    thread.start()
    thread.join()
    [run] = ended
    return run
