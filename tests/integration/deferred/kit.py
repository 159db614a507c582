"""One face for every kind of model that methods are called later on, so that a test is written once and shown on each."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import psycopg
from asgiref.sync import sync_to_async
from django.db import connections, models, transaction
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from packhorse import Deferrable, Packhorse, acting, current
from packhorse.integrations.sqlalchemy import begin_immediate
from tests.integration.connections.shop import other_connection
from tests.integration.connections.wired import path_of
from tests.integration.connections.wired_django import ALIAS, django_database
from tests.integration.connections.wired_sqlalchemy import async_url, sync_url

TABLE = "create table customer_order (id integer primary key, total integer not null default 0, note text)"
CALLED: list[tuple[Any, ...]] = []
"""What the methods were called with, in order, in this process."""


class Calls:
    """The methods that are called later; the models have them from here, so they are inherited ones, too."""

    id: Any
    total: Any
    note: Any

    def add(self, amount: int, note: str | None = None) -> int:
        """Add to the total."""
        CALLED.append(("add", self.id, amount))
        self.total += amount
        self.note = note
        return int(self.total)

    def refuse(self, amount: int) -> None:
        """Write, and raise."""
        self.total += amount
        raise ValueError(f"no {amount}")

    def sign(self) -> None:
        """Note who does it."""
        self.note = f"{acting().user} of {acting().tenant}"

    def hand_on(self, times: int) -> None:
        """Call the same later once more, from inside."""
        CALLED.append(("hand_on", self.id, times))
        self.total += 1
        if times:
            type(self).__queue__.hand_on(self, times - 1)  # type: ignore[attr-defined]

    def _secret(self) -> None:
        """Nobody calls this later."""

    @classmethod
    def add_all(cls, orders: Sequence[Any], amount: int) -> int:
        """Add to each."""
        CALLED.append(("add_all", [order.id for order in orders], amount))
        for order in orders:
            order.total += amount
        return len(orders)


class Base(DeclarativeBase):
    """SQLAlchemy's classes."""


class Order(Calls, Base, Deferrable):
    """As SQLAlchemy maps it."""

    __tablename__ = "customer_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[int] = mapped_column(default=0)
    note: Mapped[str | None]

    async def aadd(self, amount: int) -> int:
        """Add in a coroutine."""
        await asyncio.sleep(0)
        CALLED.append(("aadd", self.id, amount))
        self.total += amount
        return self.total


class DjangoOrder(Calls, Deferrable, models.Model):
    """As Django has it; what its methods change they save."""

    id = models.IntegerField(primary_key=True)
    total = models.IntegerField(default=0)
    note = models.TextField(null=True)

    class Meta:
        app_label = "shop"
        db_table = "customer_order"
        managed = False

    def add(self, amount: int, note: str | None = None) -> int:
        total = super().add(amount, note)
        self.save()
        return total

    def refuse(self, amount: int) -> None:
        try:
            super().refuse(amount)
        finally:
            self.save()

    def sign(self) -> None:
        super().sign()
        self.save()

    def hand_on(self, times: int) -> None:
        super().hand_on(times)
        self.save()

    @classmethod
    def add_all(cls, orders: Sequence[Any], amount: int) -> int:
        count = super().add_all(orders, amount)
        for order in orders:
            order.save()
        return count


@dataclass(eq=False)
class PlainOrder(Deferrable):
    """Of no framework: read and written by SQL."""

    id: int
    total: int = 0
    note: str | None = None

    def add(self, amount: int, note: str | None = None) -> int:
        """Add to the total."""
        CALLED.append(("add", self.id, amount))
        self._write(amount, note)
        return self.total + amount

    def refuse(self, amount: int) -> None:
        """Write, and raise."""
        self._write(amount, None)
        raise ValueError(f"no {amount}")

    def sign(self) -> None:
        """Note who does it."""
        self._write(0, f"{acting().user} of {acting().tenant}")

    def hand_on(self, times: int) -> None:
        """Call the same later once more, from inside."""
        CALLED.append(("hand_on", self.id, times))
        self._write(1, None)
        if times:
            PlainOrder.__queue__.hand_on(self, times - 1)

    def _secret(self) -> None:
        """Nobody calls this later."""

    @classmethod
    def add_all(cls, orders: Sequence["PlainOrder"], amount: int) -> int:
        """Add to each."""
        CALLED.append(("add_all", [order.id for order in orders], amount))
        for order in orders:
            order._write(amount, None)
        return len(orders)

    def _write(self, amount: int, note: str | None) -> None:
        mark = "?" if isinstance(current().tx.connection, sqlite3.Connection) else "%s"
        words = f"update customer_order set total = total + {mark}, note = {mark} where id = {mark}"  # noqa: S608
        current().tx.execute(words, (amount, note, self.id))


def load_plain(transaction: Any, keys: Sequence[str]) -> Mapping[str, PlainOrder]:
    """Read plain orders by their keys."""
    mark = "?" if isinstance(transaction.connection, sqlite3.Connection) else "%s"
    words = f"select id, total, note from customer_order where id = {mark}"  # noqa: S608
    found = [transaction.execute(words, (int(key),)).fetchone() for key in keys]
    return {str(row[0]): PlainOrder(*row) for row in found if row is not None}


class Orders(ABC):
    """Orders in a database, and an open transaction of the application's own on them."""

    model: ClassVar[Any]

    def __init__(self, app: Packhorse, url: str) -> None:
        self.app = app
        self.url = url
        if self.model is not PlainOrder:
            app.record_type("order", self.model)
        app.deferrable(self.model, name="shop.Order", queue="orders", batch_size=20)

    @classmethod
    @contextmanager
    def opened(cls, url: str, **options: Any) -> Iterator[Self]:
        """With ten orders that are committed, numbered from 1."""
        CALLED.clear()
        with closing(other_connection(url)) as connection:
            connection.execute(TABLE)
            for number in range(1, 11):
                connection.execute(f"insert into customer_order (id, total) values ({number}, 0)")  # noqa: S608
        with cls.application(url, **options) as app:
            app.engine.migrate()
            orders = cls(app, url)
            orders.open()
            yield orders
            orders.close()

    @classmethod
    @contextmanager
    def application(cls, url: str, **options: Any) -> Iterator[Packhorse]:
        """The application of such models."""
        with closing(Packhorse(url, **options)) as app:
            yield app

    @abstractmethod
    def open(self) -> None:
        """Open a session."""

    @abstractmethod
    def close(self) -> None:
        """Close it."""

    @abstractmethod
    def get(self, *numbers: int) -> list[Any]:
        """Read orders, in the transaction that this opens if none is open."""

    @abstractmethod
    def create(self, number: int) -> Any:
        """A new order that is written with the transaction."""

    def call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        """Call a method later."""
        return getattr(self.model.__queue__(**options), method)(records, *args)

    @abstractmethod
    def commit(self) -> None:
        """Commit the transaction."""

    @abstractmethod
    def rollback(self) -> None:
        """Roll it back."""

    @abstractmethod
    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        """Run the body in a savepoint and release it, or roll back to it."""

    def totals(self) -> dict[int, int]:
        """The orders' totals that are not 0, as everybody else sees them."""
        with closing(other_connection(self.url)) as connection:
            rows = connection.execute("select id, total from customer_order where total <> 0 order by id").fetchall()
        return {int(id): int(total) for id, total in rows}

    def note(self, number: int) -> str | None:
        """What somebody else reads as the note of an order."""
        with closing(other_connection(self.url)) as connection:
            words = f"select note from customer_order where id = {number}"  # noqa: S608
            [note] = connection.execute(words).fetchone()
        return None if note is None else str(note)

    def delete(self, *numbers: int) -> None:
        """Somebody else deletes orders."""
        with closing(other_connection(self.url)) as connection:
            for number in numbers:
                connection.execute(f"delete from customer_order where id = {number}")  # noqa: S608


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


class DjangoOrders(Orders):
    """Django's models in `atomic`."""

    model = DjangoOrder

    @classmethod
    @contextmanager
    def application(cls, url: str, **options: Any) -> Iterator[Packhorse]:
        with django_database(url), closing(Packhorse(f"django://{ALIAS}", **options)) as app:
            yield app

    def open(self) -> None:
        self.block: Any = None

    def close(self) -> None:
        if self.block is not None:
            self.rollback()
        connections[ALIAS].close()

    def get(self, *numbers: int) -> list[Any]:
        self._begin()
        return [DjangoOrder.objects.using(ALIAS).get(pk=number) for number in numbers]

    def create(self, number: int) -> Any:
        self._begin()
        return DjangoOrder.objects.using(ALIAS).create(id=number)

    def commit(self) -> None:
        block, self.block = self.block, None
        block.__exit__(None, None, None)

    def rollback(self) -> None:
        block, self.block = self.block, None
        transaction.set_rollback(True, using=ALIAS)
        block.__exit__(None, None, None)

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        with transaction.atomic(using=ALIAS):
            body()
            transaction.set_rollback(not keep, using=ALIAS)

    def _begin(self) -> None:
        if self.block is None:
            self.block = transaction.atomic(using=ALIAS)
            self.block.__enter__()


class AsyncDjangoOrders(DjangoOrders):
    """The same from coroutines, by `sync_to_async`, as Django's asynchronous views do it: in a thread of theirs."""

    def open(self) -> None:
        self.loop = asyncio.Runner()
        self._in_view(super().open)

    def close(self) -> None:
        self._in_view(super().close)
        self._in_view(lambda: connections.__delitem__(ALIAS))
        self.loop.close()

    def get(self, *numbers: int) -> list[Any]:
        found: list[Any] = self._in_view(super().get, *numbers)
        return found

    def create(self, number: int) -> Any:
        return self._in_view(super().create, number)

    def call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        return self._in_view(lambda: Orders.call(self, method, records, *args, **options))

    def commit(self) -> None:
        self._in_view(super().commit)

    def rollback(self) -> None:
        self._in_view(super().rollback)

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        self._in_view(self._enter)
        body()
        self._in_view(lambda: self._leave(keep=keep))

    def _enter(self) -> None:
        self.inner = transaction.atomic(using=ALIAS)
        self.inner.__enter__()

    def _leave(self, *, keep: bool) -> None:
        transaction.set_rollback(not keep, using=ALIAS)
        self.inner.__exit__(None, None, None)

    def _in_view(self, do: Callable[..., Any], *args: Any) -> Any:
        return self.loop.run(sync_to_async(do)(*args), context=copy_context())


class PlainOrders(Orders):
    """sqlite3 or psycopg, and classes of no framework; the connection is given."""

    model = PlainOrder

    def __init__(self, app: Packhorse, url: str) -> None:
        app.record_type("order", PlainOrder, key=lambda order: str(order.id), load=load_plain)
        super().__init__(app, url)

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


KINDS: Mapping[str, Sequence[type[Orders]]] = {
    "sqlite": (
        SqlAlchemyOrders,
        AsyncSqlAlchemyOrders,
        FlushedSqlAlchemyOrders,
        DjangoOrders,
        PlainOrders,
    ),
    "postgresql": (
        SqlAlchemyOrders,
        AsyncSqlAlchemyOrders,
        FlushedSqlAlchemyOrders,
        DjangoOrders,
        AsyncDjangoOrders,
        PlainOrders,
        AsyncPlainOrders,
    ),
}
"""Every kind, on the engines that it exists for."""
