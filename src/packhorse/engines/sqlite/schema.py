"""The schema in a SQLite file. A file without one gets it at the first use; an older one is never touched unasked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from packhorse.engines.sql.migrations import Migration
from packhorse.engines.sql.schema import SqlSchema, record_params
from packhorse.engines.sqlite.connections import Connections
from packhorse.errors import DatabaseBusy, SchemaMissing


class SqliteSchema(SqlSchema):
    """`SqlSchema` on the connections of a file."""

    _connections: Connections
    _installation: str | None

    def installation_id(self) -> str:
        if self._installation is None:
            try:
                self._installation = self._find_or_install()
            except DatabaseBusy as error:
                raise DatabaseBusy(
                    f"{self.address} is not set up yet, and can't be while somebody's write transaction is open, yours "
                    "perhaps: enqueue outside of one first, or run `packhorse migrate up`"
                ) from error
        return self._installation

    def _find_or_install(self) -> str:
        try:
            return self._find_installation()
        except SchemaMissing:
            self.migrate()
            return self._find_installation()

    def _find_installation(self) -> str:
        [text] = self._statements.get("find_installation")
        [(installation,)] = self._connections.read(text)
        return str(installation)

    def _forget_installation(self) -> None:
        self._installation = None

    def _read_migrations(self) -> tuple[int | None, int]:
        [text] = self._statements.get("read_migrations")
        try:
            rows = self._connections.read(text)
        except SchemaMissing:
            return None, 0
        return (rows[0][0], rows[0][1]) if rows else (None, 0)

    def _apply(self, migration: Migration) -> bool:
        with self._connections.transaction() as connection:
            if self._find_migration(connection, migration.number):
                return False
            for statement in split(migration.sql):
                connection.execute(statement)
            connection.execute(self._record_migration(), record_params(migration))
        return True

    def _find_migration(self, connection: sqlite3.Connection, number: int) -> bool:
        find_table, find_number = self._statements.get("find_migration")
        has_table = connection.execute(find_table).fetchone() is not None
        return has_table and connection.execute(find_number, {"number": number}).fetchone() is not None


def split(script: str) -> Iterator[str]:
    """The statements of a script; the ones inside a trigger stay together."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
