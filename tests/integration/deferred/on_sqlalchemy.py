"""Orders of SQLAlchemy."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from packhorse.integrations.sqlalchemy import begin_immediate
from tests.integration.connections.wired_sqlalchemy import async_url, sync_url
from tests.integration.deferred.models import Order
from tests.integration.deferred.orders import Orders


class SqlAlchemyOrders(Orders):
    """SQLAlchemy, a Session."""

    model = Order

    def open(self) -> None:
        self.engine = create_engine(sync_url(self.url))
        if self.engine.dialect.name == "sqlite":
            begin_immediate(self.engine)
        self.session = Session(self.engine)

    def close(self) -> None:
        self.session.close()
        self.engine.dispose()

    def get(self, *numbers: int) -> list[Any]:
        return [self.session.get_one(Order, number) for number in numbers]

    def create(self, number: int) -> Any:
        order = Order(id=number, total=0)
        self.session.add(order)
        return order

    def commit(self) -> None:
        self.session.commit()

    def rollback(self) -> None:
        self.session.rollback()

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        savepoint = self.session.begin_nested()
        body()
        savepoint.commit() if keep else savepoint.rollback()


class AsyncSqlAlchemyOrders(Orders):
    """SQLAlchemy, an AsyncSession; calls are awaited."""

    model = Order

    def open(self) -> None:
        self.loop = asyncio.Runner()
        self.loop.run(self._open())

    async def _open(self) -> None:
        self.engine = create_async_engine(async_url(self.url))
        if self.engine.dialect.name == "sqlite":
            begin_immediate(self.engine)
        self.session = AsyncSession(self.engine)

    def close(self) -> None:
        self.run(self.session.close())
        self.run(self.engine.dispose())
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the session's loop."""
        return self.loop.run(coroutine, context=copy_context())

    def get(self, *numbers: int) -> list[Any]:
        return [self.run(self.session.get_one(Order, number)) for number in numbers]

    def create(self, number: int) -> Any:
        order = Order(id=number, total=0)
        self.session.add(order)
        return order

    def call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        return self.run(self._call(method, records, *args, **options))

    async def _call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        return await getattr(self.app.adeferred(Order, **options), method)(records, *args)

    def commit(self) -> None:
        self.run(self.session.commit())

    def rollback(self) -> None:
        self.run(self.session.rollback())

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        savepoint = self.session.begin_nested()
        self.run(savepoint.start())
        body()
        self.run(savepoint.commit() if keep else savepoint.rollback())


class FlushedSqlAlchemyOrders(AsyncSqlAlchemyOrders):
    """The same, calls are not awaited: they are stored by the session's next flush."""

    async def _call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        return getattr(Order.__queue__(**options), method)(records, *args)
