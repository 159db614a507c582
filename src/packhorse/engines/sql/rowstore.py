"""`RowStore` without what each database has of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from packhorse.domain.queuetable import ColumnKind, FoundColumn, FoundTable, NewTable, ProcessorRecord, quoted
from packhorse.engines.sql.base import SqlBase
from packhorse.engines.sql.rowtables import processor_record
from packhorse.engines.sql.statements import Statements
from packhorse.statement import Row


class SqlRowStore(SqlBase):
    """The part of `packhorse.rowstore.RowStore` that is the same everywhere."""

    @property
    @abstractmethod
    def _column_types(self) -> Mapping[ColumnKind, str]:
        """What the database calls the kinds of columns."""

    @abstractmethod
    def _statements_with(self, slots: Mapping[str, str]) -> Statements:
        """The dialect's statements with slots of a table's own."""

    def rescue_rows(self, worker: int) -> int:
        return len(self._write("rescue_rows", {"worker": worker}))

    def list_processors(self) -> list[ProcessorRecord]:
        return [processor_record(row) for row in self._read("list_processors")]

    def create_table_sql(self, table: NewTable) -> str:
        return ";\n\n".join(self._create_queue_table(table)) + ";\n"

    def find_table(self, name: str) -> FoundTable | None:
        rows = self._read("find_table", {"name": self._name_to_find(name)})
        return _found(name, rows) if rows else None

    def _name_to_find(self, name: str) -> str:
        return quoted(name)

    def _create_queue_table(self, table: NewTable) -> tuple[str, ...]:
        columns = [
            f',\n    "{column.name}" {self._column_types[column.kind]}{"" if column.is_optional else " not null"}'
            for column in table.columns
        ]
        statements = self._statements_with({"rows": quoted(table.name), "new_columns": "".join(columns)})
        return statements.get("create_queue_table", *(["notify"] if table.notify else []))


def _found(name: str, rows: Sequence[Row]) -> FoundTable:
    columns = [
        FoundColumn(name=row[0], type=row[1], is_optional=bool(row[2]), has_default=bool(row[3]), is_made=bool(row[4]))
        for row in rows
    ]
    places = sorted((row[5], row[0]) for row in rows if row[5] >= 0)
    return FoundTable(name=name, columns=columns, key=[column for _, column in places])
