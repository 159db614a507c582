"""Inline: with no worker, jobs run in the producer's own thread, after its commit, by the same steps as in a worker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack
from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.worker import NewWorker
from packhorse.engine import Engine
from packhorse.runtime.contact import Contact
from packhorse.runtime.heartbeat import Heartbeat
from packhorse.runtime.report import report_lost
from packhorse.runtime.rescuer import Rescuer
from packhorse.runtime.run import Runner
from packhorse.runtime.settings import WorkerSettings
from packhorse.runtime.worker import new_incarnation, worker_name
from packhorse.task import TaskRegistry

STAGE_LIMIT = 500


class InlineWorker:
    """Runs what is due, one job after the other, until nothing is.

    A job that enqueues others while it runs does not run them inside itself: they follow it, in order.
    """

    def __init__(self, runner: Runner, settings: WorkerSettings | None = None) -> None:
        self._settings = settings or WorkerSettings()
        self._engine: Engine = runner.engine
        self._registry: TaskRegistry = runner.registry
        self._runner = replace(runner, deliver=self._deliver)
        self._running = threading.local()

    def run_pending(self) -> int:
        """Run every job that is due; how many. Does nothing inside a job that it runs."""
        if getattr(self._running, "now", False):
            return 0
        self._running.now = True
        try:
            return self._run_pending()
        finally:
            self._running.now = False

    def _run_pending(self) -> int:
        ran, worker = 0, new_incarnation()
        with self._registered(worker):
            self._rescue(worker)
            number = 0
            while job := self._next(Lease(worker, number := number + 1)):
                self._run(job)
                ran += 1
        return ran

    @contextmanager
    def _registered(self, worker: int) -> Iterator[None]:
        settings, lease = self._settings, timedelta(seconds=self._settings.lease)
        names = self._registry.names()
        self._engine.register_worker(
            NewWorker(id=worker, name=worker_name(), queues=list(settings.queues), tasks=names, lease=lease)
        )
        beat = Heartbeat(self._engine, lambda: [worker], beat=settings.beat, lease=settings.lease)
        beat.start()
        try:
            yield
        finally:
            beat.stop()
            beat.join()
            self._engine.deregister_worker(worker)

    def _rescue(self, worker: int) -> None:
        Rescuer(self._engine, self._registry, Contact(self._settings.lease, self._settings.poll), worker).run_once()
        self._engine.unpark_jobs(self._registry.names(), STAGE_LIMIT)

    def _next(self, lease: Lease) -> ClaimedJob | None:
        while self._engine.stage_jobs(STAGE_LIMIT) == STAGE_LIMIT:
            pass
        glance = self._engine.glance(lease.worker)
        for suspects, queues in ((False, glance.ready_queues), (True, glance.suspect_queues)):
            for queue in filter(self._settings.serves, queues):
                if jobs := self._engine.claim_jobs(Claim(lease=lease, queue=queue, limit=1, suspects=suspects)):
                    return jobs[0]
        return None

    def _run(self, job: ClaimedJob) -> None:
        """Run a job; what is meant for the interpreter, such as Ctrl-C, goes on to it, for this thread is not ours."""
        task = self._registry.find(job.task)
        if task is not None and task.is_async:
            self._in_new_loop(job)
        else:
            run = self._runner.run(job)
            if isinstance(run.raised, KeyboardInterrupt | SystemExit):
                raise run.raised

    def _in_new_loop(self, job: ClaimedJob) -> None:
        """A coroutine can't run inside the loop that may be running here: it gets a loop, and a thread, of its own.

        What is to be acknowledged comes back to this thread, whose connection it may have to go over.
        """
        acks: list[Ack] = []
        runner = replace(self._runner, deliver=lambda ack, each: acks.append(ack))
        thread = threading.Thread(target=lambda: asyncio.run(runner.arun(job)), name="packhorse-inline")
        thread.start()
        thread.join()
        for ack in acks:
            self._deliver(ack, each=True)

    def _deliver(self, ack: Ack, each: bool) -> None:
        if not self._engine.ack_jobs([ack]):
            report_lost(ack.job_id)
