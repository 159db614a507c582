"""Enqueue on a Django connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionProxy

from packhorse.connection import Connection
from packhorse.connections.sqlite import guard_words
from packhorse.connections.style import pyformat
from packhorse.integrations.django.database import alias_in
from packhorse.statement import Row, Statement


class DjangoConnection:
    """A connection of `django.db.connections`."""

    is_async: Literal[False] = False

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def raw(self) -> object:
        """The connection."""
        return self._raw

    @property
    def dialect(self) -> str:
        """Django's name of the database: `sqlite`, `postgresql`, or another."""
        return str(self._raw.vendor)

    def place(self) -> str:
        """The alias, the host and the name of the database."""
        settings = self._raw.settings_dict
        host = f"{settings.get('HOST')}/" if settings.get("HOST") else ""
        return f"{host}{settings.get('NAME')} (Django's {self._raw.alias!r})"

    def in_transaction(self) -> bool:
        """Whether an `atomic` block is open, or autocommit is off."""
        return bool(self._raw.in_atomic_block or not self._raw.get_autocommit())

    def commits_alone(self) -> bool:
        """In autocommit mode, outside an `atomic` block."""
        return not self.in_transaction()

    def on_commit(self, callback: Callable[[], None]) -> bool:
        """Call back after the outermost `atomic` block; False when autocommit is off and none is open."""
        if not self._raw.in_atomic_block and not self._raw.get_autocommit():
            return False
        if not self._is_waiting(callback):
            transaction.on_commit(callback, using=self._raw.alias, robust=True)
        return True

    def on_rollback(self, callback: Callable[[], None]) -> bool:
        """False: Django tells nobody of a rollback."""
        return False

    def fate(self) -> None:
        """Not known, for the same reason."""
        return

    def run(self, statement: Statement) -> list[Row]:
        """Run the statement in the open `atomic` block; without one it commits at once, as all of Django's do."""
        with self._raw.cursor() as cursor:
            if self.dialect == "sqlite":
                for words in guard_words():
                    cursor.execute(words)
            cursor.execute(pyformat(statement.text), dict(statement.params))
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """`transaction.atomic`."""
        with transaction.Atomic(self._raw.alias, savepoint=True, durable=False):
            yield

    def _is_waiting(self, callback: Callable[[], None]) -> bool:
        """Whether the same callback waits already in the present savepoint; so a thousand jobs are one call."""
        here = set(self._raw.savepoint_ids)
        return any(entry[1] == callback and entry[0] == here for entry in self._raw.run_on_commit)


def adapt(raw: object) -> Connection | None:
    """The adapter for a Django connection, else None."""
    if isinstance(raw, ConnectionProxy):
        return on_alias(raw.alias)
    return DjangoConnection(raw) if isinstance(raw, BaseDatabaseWrapper) else None


def on_alias(alias: str) -> Connection:
    """The adapter for the connection of that alias.

    Raises:
        django.utils.connection.ConnectionDoesNotExist: there is none.
    """
    return DjangoConnection(connections[alias])


def find_open(address: str) -> object | None:
    """The connection behind `django://alias` while an `atomic` block is open on it, else None."""
    alias = alias_in(address)
    return connections[alias] if alias in connections and connections[alias].in_atomic_block else None
