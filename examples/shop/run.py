"""One run of the shop: orders come in, workers invoice them, one worker is killed, the books are checked."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TextIO

from shop.audit import Findings, audit
from shop.books import Books
from shop.database import ShopDatabase
from shop.importer import import_order, plan
from shop.jobs import app
from shop.orders import Order
from shop.progress import Progress
from shop.watch import Watch
from shop.workers import Workers

PROCESSES, THREADS = 2, 8
SHORTEST_WORK, FASTEST_ANSWER, SLOWEST_ANSWER = 4.0, 0.01, 0.5
"""Seconds. The tax office answers so slowly that the work takes that long, so that the accident meets some."""
PAGE = 1000
"""How many jobs are read at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has shown.

    Attributes:
        findings: what the audit found.
        seconds: from the first import to the last invoice.
    """

    findings: Findings
    seconds: float


def run(database: ShopDatabase, orders: Sequence[Order], out: TextIO) -> Result:
    """Make the tables anew and run the shop on them.

    Args:
        database: where; what an earlier run left there goes.
        orders: what to import.
        out: where to show what happens.

    Raises:
        Stalled: nothing moved for a long time.
        WorkersEnded: the workers can't work.
        ShopDatabaseError: the database refuses.
    """
    database.recreate()
    app.engine.migrate()
    expected = sum(not roll_back for _, roll_back in plan(orders))
    progress = Progress("invoices", expected, out)
    with ExitStack() as stack:
        workers = stack.enter_context(_workers(database, len(orders)))
        importing = stack.enter_context(closing(database.connect()))
        watch = Watch(app, stack.enter_context(Books.opened(database)), workers, progress)
        watch.wait_for_workers(PROCESSES)
        for order, roll_back in plan(orders):
            import_order(database, importing, order, roll_back=roll_back)
            watch.look()
        watch.wait_for_end()
    return Result(check(database, orders), watch.seconds)


def check(database: ShopDatabase, orders: Sequence[Order]) -> Findings:
    """Audit what the last run with these orders left."""
    committed = [order for order, roll_back in plan(orders) if not roll_back]
    rolled_back = [order for order, roll_back in plan(orders) if roll_back]
    return audit(database, committed, rolled_back, list(_ordered_jobs()))


def _workers(database: ShopDatabase, orders: int) -> Workers:
    answer = min(SLOWEST_ANSWER, max(FASTEST_ANSWER, SHORTEST_WORK * PROCESSES * THREADS / orders))
    return Workers(database, processes=PROCESSES, threads=THREADS, tax_office_seconds=answer)


def _ordered_jobs() -> Iterator[str]:
    """The order that each job in the database is about."""
    before = None
    while jobs := app.list_jobs(before_id=before, limit=PAGE):
        yield from (json.loads(job.args)[0] for job in jobs)
        before = jobs[-1].id
