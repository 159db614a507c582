"""A run that somebody asks for: an operator, or a job of a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from packhorse.domain.queuetable import RowRun
from packhorse.domain.worker import NewWorker
from packhorse.engine import Engine
from packhorse.queuetables.finding import Finder
from packhorse.queuetables.lanes import Lanes, Totals
from packhorse.queuetables.processor import Dials, QueueProcessor
from packhorse.queuetables.work import RowRunner
from packhorse.runtime.identity import new_incarnation, worker_name
from packhorse.runtime.run import Runner

LEASE = timedelta(hours=1)
"""Of a run whose life is not seen from a lock."""


def run_once(processor: QueueProcessor[Any], runner: Runner, dials: Dials, job_id: int | None) -> Totals:
    """Make one run here: up to `batch_size` rows in each of `parallelism` lanes.

    Raises:
        ConfigurationError: the table is not there, or not as it was declared.
        DatabaseError: its rows can't be reached.
    """
    name, table = worker_name(), processor.table.bind(runner.engine)
    with _registered(runner.engine, name) as worker:
        work = RowRunner(processor, table, runner, worker=worker, name=name, job_id=job_id)
        finder = Finder(worker, is_batch=processor.is_batch, open_limit=processor.open_limit)
        lanes = Lanes(processor, table, runner, work, finder, is_stopping=lambda: False, is_lasting=False)
        try:
            totals = lanes.run(dials)
        finally:
            lanes.close()
    if totals.leaves:
        table.quarantine_rows(name)
    table.declare_processor(processor.name, processor.queue)
    run = RowRun(processor=processor.name, worker=name, seconds=totals.busy)
    table.note_row_run(run, totals.done, totals.failed, totals.error)
    return totals


@contextmanager
def _registered(engine: Engine, name: str) -> Iterator[int]:
    """An incarnation whose leases are given back if this process dies, where rows are held by leases."""
    worker = new_incarnation()
    if engine.features.concurrent_writers:
        yield worker
        return
    for lost in engine.list_lost_workers():
        engine.rescue_rows(lost.id)
    engine.register_worker(NewWorker(id=worker, name=name, queues=[], tasks=[], lease=LEASE))
    try:
        yield worker
    finally:
        engine.deregister_worker(worker)
