"""Compares the shop's own tables with the files that were imported; Packhorse's word counts for nothing here.

What each invoice must say is computed again from the files, in another way than the shop does it: with fractions.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from shop.database import Connection, ShopDatabase
from shop.orders import Order, minor_digits

COUNT_RETRIED = """
    select count(distinct c.order_id) from shop.tax_calls c join shop.invoices i on i.order_id = c.order_id
    where not c.answered
"""
COUNT_CRASH_RECOVERED = """
    select count(distinct c.order_id) from shop.tax_calls c join shop.kills k on k.worker_pid = c.worker_pid
    join shop.invoices i on i.order_id = c.order_id and i.worker_pid <> c.worker_pid
    where c.answered
"""
"""Orders that a killed worker was at work on, by its own call to the tax office, and that another one invoiced."""


@dataclass(slots=True)
class Findings:
    """What the audit found.

    Attributes:
        orders: how many orders are in the shop.
        invoices: how many invoices are.
        lost: committed orders without an invoice.
        duplicated: invoices beyond the first of their order.
        rolled_back: orders whose transaction was rolled back on purpose.
        retried: orders invoiced although the tax office did not answer the first call.
        crash_recovered: orders that a killed worker was at work on, invoiced by another.
        faults: everything that is not as it must be, in words.
    """

    orders: int = 0
    invoices: int = 0
    lost: int = 0
    duplicated: int = 0
    rolled_back: int = 0
    retried: int = 0
    crash_recovered: int = 0
    faults: list[str] = field(default_factory=list)


def audit(
    database: ShopDatabase, committed: Sequence[Order], rolled_back: Sequence[Order], jobs_for: Sequence[str]
) -> Findings:
    """Check the shop's tables.

    Args:
        database: where they are.
        committed: the orders whose transaction was committed.
        rolled_back: those whose transaction was rolled back.
        jobs_for: the order of every job that there is.
    """
    connection = database.connect()
    try:
        stored = _column(database, connection, "select order_id from shop.orders")
        invoices = _Invoices.read(database, connection)
        findings = Findings(
            orders=len(stored),
            invoices=sum(invoices.count.values()),
            lost=sum(order.order_id not in invoices.count for order in committed),
            duplicated=sum(invoices.count.values()) - len(invoices.count),
            rolled_back=len(rolled_back),
            retried=_number(database, connection, COUNT_RETRIED),
            crash_recovered=_number(database, connection, COUNT_CRASH_RECOVERED),
        )
        findings.faults += _missed_accident(database, connection, findings)
        findings.faults += _wrong_orders(database, connection, committed, stored)
        findings.faults += _wrong_invoices(committed, invoices)
        findings.faults += _traces(database, connection, rolled_back, {*stored, *invoices.count}, jobs_for)
        return findings
    finally:
        connection.close()


def expected_total(order: Order) -> str:
    """What the order's invoice must say: rounded half away from zero, with the decimals of its currency."""
    amount = sum(
        Fraction(line.quantity) * Fraction(line.unit_price) * (100 - Fraction(line.discount)) / 100
        for line in order.lines
    )
    digits = minor_digits(order.currency)
    whole, part = divmod(int(abs(amount) * 10**digits + Fraction(1, 2)), 10**digits)
    sign = "-" if amount < 0 and (whole or part) else ""
    return f"{sign}{whole}.{part:0{digits}d}" if digits else f"{sign}{whole}"


@dataclass(frozen=True, slots=True)
class _Invoices:
    """How many invoices each order has, and what they say."""

    count: Counter[str]
    says: dict[str, tuple[str, str]]

    @classmethod
    def read(cls, database: ShopDatabase, connection: Connection) -> "_Invoices":
        rows = connection.execute(database.sql("select order_id, total, currency from shop.invoices")).fetchall()
        says = {order_id: (str(total), currency) for order_id, total, currency in rows}
        return cls(Counter(order_id for order_id, _, _ in rows), says)


def _missed_accident(database: ShopDatabase, connection: Connection, findings: Findings) -> Iterator[str]:
    """A run in which no worker died at work would show nothing."""
    if not _number(database, connection, "select count(*) from shop.kills"):
        yield "no worker was killed in the middle of its work"
    elif not findings.crash_recovered:
        yield "no order of the killed worker was taken over by another"


def _wrong_orders(
    database: ShopDatabase, connection: Connection, committed: Sequence[Order], stored: Sequence[str]
) -> Iterator[str]:
    """Orders that are missing or too many, and those with another number of lines than in the file."""
    rows = connection.execute(database.sql("select order_id, count(*) from shop.lines group by order_id")).fetchall()
    lines = dict(rows)
    for order in committed:
        if lines.get(order.order_id) != len(order.lines):
            found = lines.get(order.order_id, 0)
            yield f"order {order.order_id}: {found} of its {len(order.lines)} lines are stored"
    if missing := {order.order_id for order in committed} - set(stored):
        yield f"{len(missing):,} committed orders are not stored, such as {min(missing)}"
    if strangers := set(stored) - {order.order_id for order in committed}:
        yield f"{len(strangers):,} orders are stored that were not committed, such as {min(strangers)}"


def _wrong_invoices(committed: Sequence[Order], invoices: _Invoices) -> Iterator[str]:
    for order in committed:
        count = invoices.count[order.order_id]
        if count != 1:
            yield f"order {order.order_id} has {'no invoice' if count == 0 else f'{count} invoices'}"
            continue
        says, expected = invoices.says[order.order_id], (expected_total(order), order.currency)
        if says != expected:
            yield f"the invoice of order {order.order_id} says {' '.join(says)} in place of {' '.join(expected)}"
    if strangers := set(invoices.count) - {order.order_id for order in committed}:
        yield f"{len(strangers)} invoices belong to no committed order, such as that of {min(strangers)}"


def _traces(
    database: ShopDatabase,
    connection: Connection,
    rolled_back: Sequence[Order],
    in_tables: set[str],
    jobs_for: Sequence[str],
) -> Iterator[str]:
    """What a rolled-back order left behind: rows, a job, or a call that a job of it made."""
    calls = set(_column(database, connection, "select order_id from shop.tax_calls"))
    with_lines = set(_column(database, connection, "select order_id from shop.lines"))
    places = {"a row": in_tables | with_lines, "a job": set(jobs_for), "a call to the tax office": calls}
    for order in rolled_back:
        for what, there in places.items():
            if order.order_id in there:
                yield f"order {order.order_id} was rolled back and has left {what}"


def _column(database: ShopDatabase, connection: Connection, query: str) -> list[str]:
    return [row[0] for row in connection.execute(database.sql(query)).fetchall()]


def _number(database: ShopDatabase, connection: Connection, query: str) -> int:
    return int(connection.execute(database.sql(query)).fetchone()[0])
