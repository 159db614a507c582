"""The shop's background work: `packhorse worker -A shop.jobs:app` runs it."""

import os
import time
import zlib
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from packhorse import Backoff, Context, Packhorse
from shop.database import DEFAULT_FILE, PACKHORSE_SCHEMA, ShopDatabase, sqlite_url
from shop.orders import Line, total

database = ShopDatabase(os.environ.get("SHOP_DATABASE_URL") or sqlite_url(DEFAULT_FILE))
app = Packhorse(database.url, schema=PACKHORSE_SCHEMA)

TAX_OFFICE_SECONDS = float(os.environ.get("SHOP_TAX_OFFICE_SECONDS", "0.02"))
"""How long the tax office takes to answer."""
SILENCE = 15
"""The tax office does not answer the first call about one order in so many."""


class TaxOfficeSilent(Exception):
    """The tax office did not answer; the next call may go through."""


@app.task(queue="invoices", atomic=True, max_attempts=5, backoff=Backoff(first=timedelta(milliseconds=300)))
def invoice_order(ctx: Context, order_id: str) -> None:
    """Write the invoice of an order; every new order enqueues this.

    The invoice and the job's end commit together: however often the job is run, there is one invoice. The slow call
    comes first, since `ctx.tx` opens at its first use, and an open transaction keeps others waiting.
    """
    announce_to_tax_office(order_id, ctx.job.attempt)
    currency, lines = read_order(ctx, order_id)
    ctx.tx.execute(
        database.sql("insert into shop.invoices (order_id, total, currency, worker_pid) values (?, ?, ?, ?)"),
        (order_id, str(total(lines, currency)), currency, os.getpid()),
    )


def announce_to_tax_office(order_id: str, attempt: int) -> None:
    """Call an outside service that is slow and sometimes silent; the log of the calls stays, whatever comes after.

    Raises:
        TaxOfficeSilent: it did not answer this time; Packhorse runs the job again after a short while.
    """
    answered = attempt > 1 or not is_first_call_lost(order_id)
    with app.transaction() as tx:
        tx.execute(
            database.sql("insert into shop.tax_calls (order_id, attempt, worker_pid, answered) values (?, ?, ?, ?)"),
            (order_id, attempt, os.getpid(), answered),
        )
    time.sleep(TAX_OFFICE_SECONDS)
    if not answered:
        raise TaxOfficeSilent(f"the tax office did not answer the call about order {order_id}")


def is_first_call_lost(order_id: str) -> bool:
    """Whether the tax office is silent at the first call about this order; the same in every run of the demo."""
    return zlib.crc32(order_id.encode()) % SILENCE == 0


def read_order(ctx: Context, order_id: str) -> tuple[str, Iterable[Line]]:
    """The currency of an order and its lines.

    Raises:
        LookupError: there is no such order.
    """
    order = ctx.tx.execute(database.sql("select currency from shop.orders where order_id = ?"), (order_id,)).fetchone()
    if order is None:
        raise LookupError(f"there is no order {order_id}")
    lines = ctx.tx.execute(
        database.sql("select product, quantity, unit_price, discount from shop.lines where order_id = ?"), (order_id,)
    )
    return order[0], [_line(*row) for row in lines.fetchall()]


def _line(product: str, *amounts: Any) -> Line:
    """A line from its row: amounts are text on SQLite, which has no decimals, and Decimals on PostgreSQL."""
    quantity, unit_price, discount = (Decimal(amount) for amount in amounts)
    return Line(product, quantity, unit_price, discount)
