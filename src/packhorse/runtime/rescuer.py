"""The rescuer: gives the jobs of dead workers back to the queue, or up, when they keep killing their workers."""

from __future__ import annotations

import logging

from packhorse.domain.decide import decide
from packhorse.domain.outcome import WorkerLost
from packhorse.domain.retry import RetryPolicy, chance
from packhorse.domain.worker import WorkerRecord
from packhorse.engine import Engine
from packhorse.runtime.contact import Contact
from packhorse.runtime.report import report_ack
from packhorse.runtime.service import Service
from packhorse.runtime.withdrawal import send_acks
from packhorse.task import TaskRegistry

log: logging.Logger = logging.getLogger("packhorse.worker")

CHUNK = 500
OWN_LOOK_LEASES = 4
"""After how many leases a rescuer looks that nobody called. Lost workers with a row show in the look at the queue."""


class Rescuer(Service):
    """Runs in every worker, when a look at the queue shows that some worker is lost. Two at once do no harm.

    It looks by itself every few leases, too: a holder of jobs that has no row shows in no look, and is very rare.
    """

    name: str = "rescuer"
    interval: float = 15.0

    def __init__(self, engine: Engine, registry: TaskRegistry, contact: Contact, worker: int) -> None:
        super().__init__()
        self._engine = engine
        self._registry = registry
        self._contact = contact
        self._worker = worker

    def run_once(self) -> float | None:
        """Rescue the jobs of every lost worker, unless this one itself was cut off until just now."""
        if not self._contact.is_settled():
            return 1.0
        for lost in self._engine.list_lost_workers():
            if lost.id != self._worker:
                self.rescue(lost)
        return None

    def rescue(self, lost: WorkerRecord) -> int:
        """Rescue the jobs of one worker and forget it; how many jobs."""
        rescued = 0
        while jobs := self._engine.list_leased_jobs(lost.id, CHUNK):
            acks = [decide(job, WorkerLost(lost.name), self._policy(job.task), chance()) for job in jobs]
            accepted = send_acks(self._engine, acks)
            rescued += len(accepted)
            if not accepted:
                break
            for job, ack in zip(jobs, acks, strict=True):
                if ack.state.is_final and job.id in accepted:
                    report_ack(job, ack)
        rows = self._engine.rescue_rows(lost.id)
        self._engine.release_leadership(lost.id)
        self._engine.deregister_worker(lost.id)
        if rescued or rows:
            log.warning("worker %s is lost; %d of its jobs and %d of its rows were rescued", lost.name, rescued, rows)
        return rescued

    def _policy(self, task_name: str) -> RetryPolicy:
        task = self._registry.find(task_name)
        return task.policy if task else RetryPolicy()
