"""Enqueue on a `sqlite3.Connection`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

from packhorse.connection import Connection
from packhorse.connections.scoped import Scoped
from packhorse.engines.sqlite.wal import needs_guard
from packhorse.statement import Row, Statement


class SqliteConnection(Scoped[sqlite3.Connection]):
    """A connection of the standard library's sqlite3."""

    dialect: str = "sqlite"
    is_async: Literal[False] = False

    def place(self) -> str:
        """The file."""
        return file_in(self._rows(DATABASES, {}))

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._raw.in_transaction

    def commits_alone(self) -> bool:
        """In autocommit mode, the driver's or that of Python 3.12, outside a transaction."""
        return not begins_by_itself(self._raw) and not self.in_transaction()

    def run(self, statement: Statement) -> list[Row]:
        """Run the statement; in sqlite3's own mode it opens a transaction, as the caller's writes do."""
        for text in guard_words():
            self._raw.execute(text)
        return self._rows(statement.text, statement.params)

    @contextmanager
    def _begin(self, depth: int) -> Iterator[None]:
        begin, commit, undo = transaction_words(depth)
        self._raw.execute(begin)
        try:
            yield
            self._raw.execute(commit)
        except BaseException:
            if self._raw.in_transaction:
                for word in undo:
                    self._raw.execute(word)
            raise

    def _rows(self, text: str, params: Any) -> list[Row]:
        cursor = self._raw.cursor()
        cursor.row_factory = None
        try:
            return cursor.execute(text, params).fetchall()
        finally:
            cursor.close()


LEGACY = -1
"""`sqlite3.LEGACY_TRANSACTION_CONTROL` of Python 3.12, as it was before: it is the isolation level that says so."""


def begins_by_itself(connection: sqlite3.Connection) -> bool:
    """Whether a connection begins a transaction before it writes."""
    autocommit = getattr(connection, "autocommit", LEGACY)
    return connection.isolation_level is not None if autocommit == LEGACY else not autocommit


DATABASES = "pragma database_list"


def file_in(databases: Sequence[Row]) -> str:
    """The main file among the rows of `DATABASES`."""
    files = [name for _, schema, name in databases if schema == "main"]
    return (files[0] if files else "") or "a SQLite database in memory"


@cache
def guard_words() -> tuple[str, ...]:
    """What keeps a caller's connection from checkpointing by itself, where SQLite loses commits by that."""
    return ("pragma wal_autocheckpoint=0",) if needs_guard() else ()


def transaction_words(depth: int) -> tuple[str, str, tuple[str, ...]]:
    """How to begin, commit and undo a transaction that will write, or from depth 1 on a savepoint in it."""
    if depth == 0:
        return "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)
    name = f"packhorse_{depth}"
    return f"SAVEPOINT {name}", f"RELEASE {name}", (f"ROLLBACK TO {name}", f"RELEASE {name}")


def adapt(raw: object) -> Connection | None:
    """The adapter for a sqlite3 connection, else None."""
    return SqliteConnection(raw) if isinstance(raw, sqlite3.Connection) else None
