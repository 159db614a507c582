"""Orders as SQLAlchemy, Django and nobody maps them, with the methods that are called later."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from packhorse import Deferrable, acting, current
from packhorse.context import find_current
from tests.integration.connections import wired_django

assert wired_django.ALIAS  # Django's settings are made where this comes from, and its models need some
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

    def ask(self) -> None:
        """Note whether there is somebody who could be asked."""
        self.note = "warned" if find_current() is None else "went on"

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


class OpenOrders(models.Manager):  # type: ignore[misc]
    """Leaves out what is closed, as applications hide records that are not used any more."""

    def get_queryset(self) -> Any:
        return super().get_queryset().exclude(note="closed")


class DjangoOrder(Calls, Deferrable, models.Model):  # type: ignore[misc]
    """As Django has it; what its methods change they save."""

    id = models.IntegerField(primary_key=True)
    total = models.IntegerField(default=0)  # pyright: ignore[reportArgumentType]
    note = models.TextField(null=True)
    objects = OpenOrders()

    class Meta:
        """Of a table that the tests create."""

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

    def ask(self) -> None:
        super().ask()
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

    def ask(self) -> None:
        """Note whether there is somebody who could be asked."""
        self._write(0, "warned" if find_current() is None else "went on")

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
