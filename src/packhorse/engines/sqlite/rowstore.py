"""The queue tables of a SQLite file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from packhorse.domain.queuetable import ColumnKind, FoundTable, NewTable, TableSpec
from packhorse.engines.sql.base import Command
from packhorse.engines.sql.rowstore import SqlRowStore
from packhorse.engines.sql.rowtables import row_slots
from packhorse.engines.sql.statements import Statements
from packhorse.engines.sqlite.dialect import PACKAGE
from packhorse.engines.sqlite.dialect import slots as dialect_slots
from packhorse.engines.sqlite.rowtables import SqliteRowTable
from packhorse.rowstore import RowTable
from packhorse.statement import AsyncTransaction, Row

TYPES: Mapping[ColumnKind, str] = {
    "int": "integer",
    "float": "real",
    "decimal": "text",
    "bool": "integer",
    "text": "text",
    "bytes": "blob",
    "date": "text",
    "datetime": "text",
    "uuid": "text",
    "json": "text",
}
"""As text goes what SQLite has no exact type for: a number with decimals would become a binary fraction."""


class SqliteRowStore(SqlRowStore):
    """`packhorse.rowstore.RowStore` on a file."""

    def row_table(self, spec: TableSpec, found: FoundTable) -> RowTable:
        whole = [column.name for column in found.columns if not column.is_made]
        return SqliteRowTable(spec, whole, self._statements_with(_slots_of(spec, whole)), self)

    def create_table(self, table: NewTable) -> None:
        statements = self._create_queue_table(table)
        with self._transaction() as transaction:
            for text in statements:
                transaction.execute(text)

    @abstractmethod
    def run_alone(self, statements: Statements, commands: Sequence[Command]) -> list[Row]:
        """As `packhorse.engines.sqlite.rowtables.Home.run_alone`."""

    @abstractmethod
    def read_alone(self, statements: Statements, command: Command) -> list[Row]:
        """As `packhorse.engines.sqlite.rowtables.Home.read_alone`."""

    @abstractmethod
    async def abegin(self) -> AsyncTransaction:
        """Open a transaction for a coroutine."""

    @property
    def _column_types(self) -> Mapping[ColumnKind, str]:
        return TYPES

    def _statements_with(self, slots: Mapping[str, str]) -> Statements:
        return Statements(PACKAGE, {**dialect_slots(), **slots})

    def _name_to_find(self, name: str) -> str:
        return name


def _slots_of(spec: TableSpec, whole: Sequence[str]) -> dict[str, str]:
    parts = [f'CAST(t."{name}" AS text)' for name in spec.key]
    key = parts[0] if len(parts) == 1 else f"json_array({', '.join(parts)})"
    return {
        **row_slots(spec, key, whole),
        "row_whole_of": ", ".join(f't."{name}"' for name in whole),
        "row_values": ", ".join("?" for _ in whole),
        "row_is_named": _is(spec, "named"),
        "row_is_leased": _is(spec, "lease"),
        "row_is_troubled": _is(spec, "trouble"),
    }


def _is(spec: TableSpec, alias: str) -> str:
    """Where the row is the one whose key another one holds as text; the column's affinity converts that."""
    if len(spec.key) == 1:
        return f't."{spec.key[0]}" = {alias}.row_key'
    return " and ".join(
        f"t.\"{name}\" = json_extract({alias}.row_key, '$[{place}]')" for place, name in enumerate(spec.key)
    )
