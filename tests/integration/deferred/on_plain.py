"""Orders of no framework, on plain connections."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import psycopg

from packhorse import Packhorse
from tests.integration.connections.wired import path_of
from tests.integration.deferred.models import PlainOrder, load_plain
from tests.integration.deferred.orders import Orders


class PlainOrders(Orders):
    """sqlite3 or psycopg, and classes of no framework; the connection is given."""

    model = PlainOrder

    def know(self, app: Packhorse) -> None:
        app.record_type("order", PlainOrder, key=lambda order: str(order.id), load=load_plain)

    def open(self) -> None:
        if self.url.startswith("sqlite"):
            self.connection: Any = sqlite3.connect(path_of(self.url))
        else:
            self.connection = psycopg.connect(self.url)

    def close(self) -> None:
        self.connection.close()

    def get(self, *numbers: int) -> list[Any]:
        return [PlainOrder(number) for number in numbers]

    def create(self, number: int) -> Any:
        self.connection.execute(f"insert into customer_order (id, total) values ({number}, 0)")  # noqa: S608
        return PlainOrder(number)

    def call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        return super().call(method, records, *args, conn=self.connection, **options)

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        self.connection.execute("savepoint inner_one")
        body()
        self.connection.execute("release savepoint inner_one" if keep else "rollback to savepoint inner_one")


class AsyncPlainOrders(PlainOrders):
    """psycopg's AsyncConnection; calls are awaited."""

    def open(self) -> None:
        self.loop = asyncio.Runner()
        self.connection = self.loop.run(psycopg.AsyncConnection.connect(self.url))

    def close(self) -> None:
        self.loop.run(self.connection.close())
        self.loop.close()

    def create(self, number: int) -> Any:
        self.loop.run(self._execute(f"insert into customer_order (id, total) values ({number}, 0)"))  # noqa: S608
        return PlainOrder(number)

    def call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        return self.loop.run(self._call(method, records, *args, **options), context=copy_context())

    async def _call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        later = getattr(self.app.adeferred(PlainOrder, conn=self.connection, **options), method)
        return await later(records, *args)

    def commit(self) -> None:
        self.loop.run(self.connection.commit())

    def rollback(self) -> None:
        self.loop.run(self.connection.rollback())

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        self.loop.run(self._execute("savepoint inner_one"))
        body()
        self.loop.run(self._execute("release savepoint inner_one" if keep else "rollback to savepoint inner_one"))

    async def _execute(self, words: str) -> None:
        await self.connection.execute(words)
