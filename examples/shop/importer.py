"""Brings orders into the shop: each in one transaction, together with the job that will invoice it."""

from collections.abc import Iterator, Sequence

from shop.database import Connection, ShopDatabase
from shop.jobs import invoice_order
from shop.orders import Order

ROLLED_BACK_EVERY = 97
"""Every so many orders, one is withdrawn at the last moment."""


def plan(orders: Sequence[Order]) -> Iterator[tuple[Order, bool]]:
    """Each order, and whether its transaction is to be rolled back on purpose; a few are, of a small file too."""
    every = min(ROLLED_BACK_EVERY, max(3, len(orders) // 3))
    for number, order in enumerate(orders, start=1):
        yield order, number % every == 0


def import_order(database: ShopDatabase, connection: Connection, order: Order, *, roll_back: bool) -> None:
    """Store an order, its lines, and the job that invoices it: all of them or, with `roll_back`, nothing.

    The connection is the driver's own; that the job is written with it is all it takes to bind the two together.
    """
    connection.execute(
        database.sql(
            "insert into shop.orders (order_id, customer, country, ordered_at, currency) values (?, ?, ?, ?, ?)"
        ),
        (order.order_id, order.customer, order.country, order.ordered_at.isoformat(), order.currency),
    )
    for position, line in enumerate(order.lines, start=1):
        amounts = [str(amount) for amount in (line.quantity, line.unit_price, line.discount)]
        connection.execute(
            database.sql(
                "insert into shop.lines (order_id, position, product, quantity, unit_price, discount) "
                "values (?, ?, ?, ?, ?, ?)"
            ),
            (order.order_id, position, line.product, *amounts),
        )
    invoice_order.using(conn=connection).enqueue(order.order_id)
    if roll_back:
        connection.rollback()
    else:
        connection.commit()
