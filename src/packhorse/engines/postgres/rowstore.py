"""The queue tables of a PostgreSQL server."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from packhorse.domain.queuetable import ColumnKind, FoundTable, NewTable, TableSpec
from packhorse.engines.postgres.dialect import PACKAGE
from packhorse.engines.postgres.rowtables import PostgresRowTable
from packhorse.engines.sql.base import Command
from packhorse.engines.sql.rowstore import SqlRowStore
from packhorse.engines.sql.rowtables import row_slots
from packhorse.engines.sql.statements import Statements
from packhorse.rowstore import RowTable
from packhorse.statement import AsyncTransaction, Row

TYPES: Mapping[ColumnKind, str] = {
    "int": "bigint",
    "float": "double precision",
    "decimal": "numeric",
    "bool": "boolean",
    "text": "text",
    "bytes": "bytea",
    "date": "date",
    "datetime": "timestamp with time zone",
    "uuid": "uuid",
    "json": "jsonb",
}


class PostgresRowStore(SqlRowStore):
    """`packhorse.rowstore.RowStore` on a server."""

    _slots: Mapping[str, str]

    def row_table(self, spec: TableSpec, found: FoundTable) -> RowTable:
        return PostgresRowTable(spec, self._statements_with(_slots_of(spec, found)), self)

    def create_table(self, table: NewTable) -> None:
        statements = self._create_queue_table(table)
        with self._transaction() as transaction:
            for text in statements:
                transaction.execute(text)

    @abstractmethod
    def run_alone(self, statements: Statements, command: Command, *, is_repeatable: bool = False) -> list[Row]:
        """As `packhorse.engines.postgres.rowtables.Home.run_alone`."""

    @abstractmethod
    def message_of(self, statements: Statements, command: Command) -> str:
        """As `packhorse.engines.postgres.rowtables.Home.message_of`."""

    @abstractmethod
    async def abegin(self) -> AsyncTransaction:
        """Open a transaction for a coroutine."""

    @property
    def _column_types(self) -> Mapping[ColumnKind, str]:
        return TYPES

    def _statements_with(self, slots: Mapping[str, str]) -> Statements:
        return Statements(PACKAGE, {**self._slots, **slots})


def _slots_of(spec: TableSpec, found: FoundTable) -> dict[str, str]:
    types = {column.name: column.type for column in found.columns}
    whole = [column.name for column in found.columns if not column.is_made]
    return {
        **row_slots(spec, _key(spec), whole),
        "row_is_named": _is_named(spec, types),
        "row_texts": ", ".join(f'CAST(t."{name}" AS text)' for name in spec.columns),
        "row_record": ", ".join(f'r."{name}"' for name in whole),
    }


def _key(spec: TableSpec) -> str:
    """The key as text; one of several columns is a JSON array."""
    parts = [f'CAST(t."{name}" AS text)' for name in spec.key]
    return parts[0] if len(parts) == 1 else f"CAST(pg_catalog.json_build_array({', '.join(parts)}) AS text)"


def _is_named(spec: TableSpec, types: Mapping[str, str]) -> str:
    """Where the row is the one that `named.row_key` names, so that an index finds it."""
    if len(spec.key) == 1:
        return f't."{spec.key[0]}" = CAST(named.row_key AS {types[spec.key[0]]})'
    parts = [
        f't."{name}" = CAST(CAST(named.row_key AS json) ->> {place} AS {types[name]})'
        for place, name in enumerate(spec.key)
    ]
    return " and ".join(parts)
