"""The schema on a PostgreSQL server. It is never installed or changed unasked."""

from __future__ import annotations

from collections.abc import Generator

from packhorse.engines.postgres import wire
from packhorse.engines.postgres.connections import Connections
from packhorse.engines.sql.base import NO_PARAMS
from packhorse.engines.sql.migrations import Migration
from packhorse.engines.sql.schema import SqlSchema, record_params
from packhorse.errors import SchemaMissing
from packhorse.statement import Row, Statement

ONE_AT_A_TIME = "SET LOCAL lock_timeout = '60s'"
IMPATIENT = "SET LOCAL lock_timeout = '5s'"
"""No statement of a migration waits long for a table, because everybody else would wait behind it."""


class PostgresSchema(SqlSchema):
    """`SqlSchema` on a server."""

    _connections: Connections
    _installation: str | None

    def setup(self) -> Generator[Statement, list[Row], str]:
        raise SchemaMissing(f"{self.address} has no Packhorse schema: run `packhorse migrate up`")

    def installation_id(self) -> str:
        if self._installation is None:
            self._installation = self._find_installation()
        return self._installation

    def _find_installation(self) -> str:
        [(installation,)] = self._read("find_installation")
        return str(installation)

    def list_missing_rights(self) -> list[str]:
        return [str(text) for (text,) in self._read("list_missing_rights")]

    def drop_schema(self) -> None:
        """Drop the schema with all that is in it; for the testing kit only, which makes one for each test."""
        self._write("drop_schema")

    def _forget_installation(self) -> None:
        self._installation = None

    def _read_migrations(self) -> tuple[int | None, int]:
        try:
            rows = self._read("read_migrations")
        except SchemaMissing:
            return None, 0
        return (rows[0][0], rows[0][1]) if rows else (None, 0)

    def _apply(self, migration: Migration) -> bool:
        with self._connections.transaction() as connection:
            wire.send(connection, [(f"{ONE_AT_A_TIME};\n{self._lock_migrations()};\n{IMPATIENT}", NO_PARAMS)])
            if (self._read_migrations()[0] or 0) >= migration.number:
                return False
            wire.send(connection, [(migration.sql, NO_PARAMS)])
            wire.send(connection, [(self._record_migration(), record_params(migration))])
        return True

    def _lock_migrations(self) -> str:
        [text] = self._statements.get("lock_migrations")
        return text
