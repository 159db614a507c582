"""One run of the shop: orders come in, workers invoice them, one worker is killed, the books are checked."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TextIO

from shop.audit import Findings, audit
from shop.books import Books
from shop.database import ShopDatabase
from shop.ending import Ending
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


def prepare(database: ShopDatabase) -> None:
    """Make the shop's tables and Packhorse's anew; what an earlier run left there goes.

    Raises:
        ShopDatabaseError: the database refuses.
        DatabaseError: the same, at Packhorse's tables.
    """
    database.recreate()
    app.engine.migrate()


def run(database: ShopDatabase, orders: Sequence[Order], out: TextIO, ending: Ending) -> Result:
    """Run the shop on the new tables.

    Args:
        database: where.
        orders: what to import.
        out: where to show what happens.
        ending: stops the workers at Ctrl-C.

    Raises:
        Stalled: nothing moved for a long time.
        WorkersEnded: the workers can't work.
        ShopDatabaseError: the database refuses.
    """
    expected = sum(not roll_back for _, roll_back in plan(orders))
    progress = Progress("invoices", expected, out)
    with ExitStack() as stack:
        workers = stack.enter_context(_workers(database, len(orders), ending))
        importing = stack.enter_context(closing(database.connect()))
        watch = Watch(app, stack.enter_context(Books.opened(database)), workers, progress)
        watch.wait_for_workers(PROCESSES)
        for order, roll_back in plan(orders):
            import_order(database, importing, order, roll_back=roll_back)
            watch.look()
        watch.wait_for_end()
    return Result(check(database, orders), watch.seconds)


def check(database: ShopDatabase, orders: Sequence[Order]) -> Findings:
    """Audit what the last run with these orders left.

    Raises:
        ShopDatabaseError: no run has left anything there.
    """
    database.require_tables()
    committed = [order for order, roll_back in plan(orders) if not roll_back]
    rolled_back = [order for order, roll_back in plan(orders) if roll_back]
    return audit(database, committed, rolled_back, list(_ordered_jobs()))


def _workers(database: ShopDatabase, orders: int, ending: Ending) -> Workers:
    answer = min(SLOWEST_ANSWER, max(FASTEST_ANSWER, SHORTEST_WORK * PROCESSES * THREADS / orders))
    return Workers(database, ending, processes=PROCESSES, threads=THREADS, tax_office_seconds=answer)


def _ordered_jobs() -> Iterator[str]:
    """The order that each job in the database is about."""
    before = None
    while jobs := app.list_jobs(before_id=before, limit=PAGE):
        yield from (json.loads(job.args)[0] for job in jobs)
        before = jobs[-1].id
