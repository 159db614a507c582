"""What the demo reads in the shop's tables while the workers write to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from shop.database import Connection, ShopDatabase

AT_WORK = """
    select c.worker_pid, count(*) from shop.tax_calls c
    where c.answered and not exists (select 1 from shop.invoices i where i.order_id = c.order_id)
    group by c.worker_pid order by count(*) desc
"""
"""The workers that have called the tax office about orders that have no invoice yet, the busiest first."""


class Books:
    """The shop's tables, seen through a connection of their own.

    Args:
        database: where they are.
        connection: to look with; no transaction stays open on it.
    """

    def __init__(self, database: ShopDatabase, connection: Connection) -> None:
        self._database = database
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, database: ShopDatabase) -> Iterator[Self]:
        """The books for a `with` block."""
        connection = database.connect()
        try:
            yield cls(database, connection)
        finally:
            connection.close()

    def count_invoices(self) -> int:
        """How many invoices are written."""
        return int(self._read("select count(*) from shop.invoices")[0][0])

    def orders_at_work(self) -> dict[int, int]:
        """How many orders each worker process has in hand, the busiest first."""
        return dict(self._read(AT_WORK))

    def record_kill(self, pid: int) -> None:
        """Note that a worker was killed."""
        self._connection.execute(self._database.sql("insert into shop.kills (worker_pid) values (?)"), (pid,))
        self._connection.commit()

    def _read(self, query: str) -> list[Any]:
        rows: list[Any] = self._connection.execute(self._database.sql(query)).fetchall()
        self._connection.rollback()
        return rows
