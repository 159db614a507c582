"""A stock whose movements are a queue table, and what tests do with it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg

from packhorse import Backoff, Context, Packhorse
from packhorse.queuetables.lanes import Totals
from packhorse.queuetables.processor import QueueProcessor

AT_ONCE = Backoff(first=timedelta(0), longest=timedelta(0))


def connect(url: str) -> Any:
    """A connection of the application's own, in autocommit mode."""
    if url.startswith("sqlite"):
        return sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=10)
    return psycopg.connect(url, autocommit=True)


@dataclass
class Stock:
    """An application with a queue table, `stock_movement`, and a table that its processors write to, `ledger`."""

    url: str
    app: Packhorse
    connection: Any
    Movement: Any
    calls: list[int] = field(default_factory=list)

    def insert(self, *products: int, conn: Any = None) -> None:
        """Insert movements in plain SQL, one statement each."""
        for product in products:
            (conn or self.connection).execute(
                self.sql("insert into stock_movement (product_id, quantity) values (?, ?)"), (product, "1.50")
            )

    def book(self, ctx: Context, product: int) -> None:
        """What a processor does: one line in the ledger, in the row's transaction."""
        ctx.tx.execute(self.sql("insert into ledger (product_id) values (?)"), (product,))

    def sql(self, text: str) -> str:
        """A statement with the driver's own parameters."""
        return text if self.url.startswith("sqlite") else text.replace("?", "%s")

    def ask(self, text: str, *params: Any) -> list[Any]:
        """The first column of a query's rows."""
        return [row[0] for row in self.connection.execute(self.sql(text), params).fetchall()]

    @property
    def waiting(self) -> list[int]:
        """The products of the movements that are in the table, in order."""
        return self.ask("select product_id from stock_movement order by id")

    @property
    def booked(self) -> list[int]:
        """The products in the ledger, in order."""
        return self.ask("select product_id from ledger order by product_id")

    def processor(self, function: Callable[..., Any] | None = None, **options: Any) -> QueueProcessor[Any]:
        """A processor of the table; by default one that books each row."""
        stock = self

        def move(ctx: Context, row: Any) -> None:
            stock.calls.append(row.product_id)
            stock.book(ctx, row.product_id)

        return self.app.queue_processor(self.Movement, **{"name": "move", **options})(function or move)

    def run(self, **options: Any) -> Totals:
        """One run, here."""
        return self.app.tables.run("stock_movement", **options)

    @classmethod
    @contextmanager
    def opened(cls, url: str) -> Iterator["Stock"]:
        """With its tables, in a database that has the schema."""
        app = Packhorse(url)

        @app.queue_table("stock_movement")
        class Movement:
            product_id: int
            quantity: Decimal
            note: str | None = None

        app.tables.create()
        with closing(connect(url)) as connection:
            connection.execute("create table ledger (product_id bigint)")
            yield cls(url, app, connection, Movement)
        app.close()
