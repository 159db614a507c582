"""Orders of Django."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import copy_context
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections
from django.db import transaction as django_transaction

from packhorse import Packhorse
from tests.integration.connections.wired_django import ALIAS, django_database
from tests.integration.deferred.models import DjangoOrder
from tests.integration.deferred.orders import Orders

transaction: Any = django_transaction  # Django ships no types


def _orders() -> Any:
    model: Any = DjangoOrder
    return model.objects


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
        return [_orders().using(ALIAS).get(pk=number) for number in numbers]

    def create(self, number: int) -> Any:
        self._begin()
        return _orders().using(ALIAS).create(id=number)

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
