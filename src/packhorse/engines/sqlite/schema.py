"""The schema in a SQLite file. A file without one gets it at the first use; an older one is never touched unasked."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from pathlib import Path

from packhorse.engines.sql.migrations import Migration
from packhorse.engines.sql.schema import SqlSchema, record_params
from packhorse.engines.sqlite.connections import Connections
from packhorse.errors import DatabaseBusy, SchemaMissing, WrongDatabase
from packhorse.statement import Row, Statement


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
                    f"{self.address} is not set up yet, and can't be while somebody's write transaction is open: end "
                    "it, or run `packhorse migrate up` first"
                ) from error
        return self._installation

    def setup(self) -> Generator[Statement, list[Row], str]:
        [(place,)] = yield Statement(self._find_file(), {})
        if not place or not Path(place).samefile(self.address):
            raise WrongDatabase(
                f"conn reaches {place or 'a database in memory'}, but the application's jobs are in {self.address}; "
                "nothing was enqueued"
            )
        find_table, _ = self._find_migration()
        if not (yield Statement(find_table, {})):
            for migration in self._migrations:
                for text in split(migration.sql):
                    yield Statement(text, {})
                yield Statement(self._record_migration(), record_params(migration))
        [(installation,)] = yield Statement(self._find_installation(), {})
        return str(installation)

    def _installation_at_once(self) -> str:
        """The same as `installation_id`, without waiting for a lock that the asking thread itself may hold."""
        if self._installation is None:
            try:
                self._installation = self._find_or_install(patience=0.0)
            except DatabaseBusy as error:
                raise SchemaMissing(f"{self.address} is not set up yet, and is being written to") from error
        return self._installation

    def _find_or_install(self, patience: float | None = None) -> str:
        try:
            rows = self._connections.read(self._find_installation())
        except SchemaMissing:
            for migration in self._migrations:
                self._apply(migration, patience)
            rows = self._connections.read(self._find_installation())
        [(installation,)] = rows
        return str(installation)

    def list_missing_rights(self) -> list[str]:
        return []

    def _forget_installation(self) -> None:
        self._installation = None

    def _read_migrations(self) -> tuple[int | None, int]:
        [text] = self._statements.get("read_migrations")
        try:
            rows = self._connections.read(text)
        except SchemaMissing:
            return None, 0
        return (rows[0][0], rows[0][1]) if rows else (None, 0)

    def _apply(self, migration: Migration, patience: float | None = None) -> bool:
        with self._connections.transaction(patience) as connection:
            if self._has_run(connection, migration.number):
                return False
            for statement in split(migration.sql):
                connection.execute(statement)
            connection.execute(self._record_migration(), record_params(migration))
        return True

    def _has_run(self, connection: sqlite3.Connection, number: int) -> bool:
        find_table, find_number = self._find_migration()
        has_table = connection.execute(find_table).fetchone() is not None
        return has_table and connection.execute(find_number, {"number": number}).fetchone() is not None

    def _find_file(self) -> str:
        [text] = self._statements.get("find_file")
        return text

    def _find_installation(self) -> str:
        [text] = self._statements.get("find_installation")
        return text

    def _find_migration(self) -> tuple[str, ...]:
        return self._statements.get("find_migration")


def split(script: str) -> Iterator[str]:
    """The statements of a script; the ones inside a trigger stay together."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
