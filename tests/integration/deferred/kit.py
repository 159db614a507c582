"""Every kind of orders."""

from collections.abc import Mapping, Sequence

from tests.integration.deferred.on_django import AsyncDjangoOrders, DjangoOrders
from tests.integration.deferred.on_plain import AsyncPlainOrders, PlainOrders
from tests.integration.deferred.on_sqlalchemy import AsyncSqlAlchemyOrders, FlushedSqlAlchemyOrders, SqlAlchemyOrders
from tests.integration.deferred.orders import Orders

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
