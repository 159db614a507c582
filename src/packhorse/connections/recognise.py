"""Which adapter a caller's connection needs."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType

from packhorse.connection import Adapt, AsyncConnection, Connection
from packhorse.errors import UnsupportedConnection

ADAPTERS = MappingProxyType(
    {
        "packhorse": "packhorse.connections.own",
        "sqlite3": "packhorse.connections.sqlite",
        "aiosqlite": "packhorse.connections.aiosqlite",
        "psycopg": "packhorse.connections.psycopg",
        "asyncpg": "packhorse.connections.asyncpg",
        "sqlalchemy": "packhorse.integrations.sqlalchemy",
        "django": "packhorse.integrations.django.connection",
        "builtins": "packhorse.integrations.django.alias",
    }
)
"""From the package that a connection's class comes from, to the module with its `adapt`; imported only then."""

ACCEPTED = (
    "a sqlite3 or aiosqlite Connection, a psycopg Connection or AsyncConnection, an asyncpg Connection, "
    "an SQLAlchemy Connection, Session, AsyncConnection or AsyncSession (or a scoped session), "
    "a Django connection or the alias of one, ctx.tx, or what app.transaction() gives"
)


def adapt(raw: object) -> Connection | AsyncConnection:
    """The adapter for a connection.

    Raises:
        UnsupportedConnection: there is none; the message lists what is accepted.
    """
    for kind in type(raw).__mro__[:-1]:
        module = ADAPTERS.get(kind.__module__.partition(".")[0])
        if module is not None:
            recognise: Adapt = import_module(module).adapt
            adapted = recognise(raw)
            if adapted is not None:
                return adapted
    kind = type(raw)
    raise UnsupportedConnection(f"conn must be {ACCEPTED}; not {kind.__module__}.{kind.__qualname__}: {raw!r:.100}")
