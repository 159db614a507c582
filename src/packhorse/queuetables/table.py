"""A queue table as an application declares it, and the same bound to a database."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from packhorse.domain.queuetable import (
    OWN_COLUMNS,
    Column,
    FoundTable,
    NewTable,
    TableSpec,
    check_name,
    check_table_name,
)
from packhorse.errors import ConfigurationError
from packhorse.queuetables.columns import columns_of, decoder

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from packhorse.engine import Engine
    from packhorse.rowstore import RowTable

_WHOLE_NUMBERS = frozenset({"bigint", "integer", "smallint", "int"})
_OWN = (
    Column("id", "int"),
    Column("uuid", "uuid"),
    Column("created", "datetime"),
    Column("created_by", "text", is_optional=True),
)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class QueueRow:
    """What every row of a table has that Packhorse makes: a base class for those who want type checkers to know.

    Attributes:
        id: its number; rows are taken in this order.
        uuid: a name that no other row anywhere has.
        created: when it was inserted, aware.
        created_by: who has inserted it: the database's user, unless the INSERT says something else.
    """

    if TYPE_CHECKING:
        id: int
        uuid: UUID
        created: datetime
        created_by: str | None


class MappedRows(NamedTuple):
    """What a framework's class says of a queue table that the application's migrations make.

    Attributes:
        name: of the table.
        row: the class of its rows.
        columns: what is read of a row, in order.
        make: makes a row of these values; it raises `ValueError`, naming the column, for one that can't be read.
    """

    name: str
    row: type
    columns: tuple[str, ...]
    make: Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTable:
    """A declared queue table.

    Attributes:
        name: of the table in the database, with or without a schema's in front.
        row: the class of its rows.
        columns: what is read of a row, in order.
        make: makes a row of these values; it raises `ValueError`, naming the column, for one that can't be read.
        new: what `packhorse tables create` makes of it; None for a table that the application makes.
        key: what tells a row from others; empty for the primary key.
        order: by what rows are taken; empty for the key.
        notify: whether its INSERT statements wake idle workers up, where the database can.
        keeps_data: whether the record of what was done with a row has its columns.
    """

    name: str
    row: type
    columns: tuple[str, ...]
    make: Callable[[Sequence[Any]], Any]
    new: NewTable | None = None
    key: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    notify: bool = False
    keeps_data: bool = True

    def bind(self, engine: Engine) -> RowTable:
        """The table in a database.

        Raises:
            ConfigurationError: it is not there, or not as it was declared.
        """
        found = engine.find_table(self.name)
        if found is None:
            how = "with the application's own migrations" if self.new is None else "with `packhorse tables create`"
            raise ConfigurationError(f"there is no table {self.name} in {engine.address}: make it {how}")
        return engine.row_table(self._spec(found), found)

    def _spec(self, found: FoundTable) -> TableSpec:
        there = {column.name: column for column in found.columns}
        for name in (*self.columns, *self.key, *self.order):
            if name not in there:
                raise ConfigurationError(
                    f"the table {self.name} has no column {name!r}, it has {', '.join(there)}: "
                    "change what declares it, or the table"
                )
        key = self.key or tuple(found.key)
        if not key:
            raise ConfigurationError(
                f"the table {self.name} has no primary key: name the columns that tell its rows apart with key="
            )
        order = self.order or key
        numbered = there[key[0]]
        return TableSpec(
            name=self.name,
            columns=self.columns,
            key=key,
            order=(*order, *(name for name in key if name not in order)),
            is_ascending=len(key) == 1
            and order == key
            and numbered.type.lower() in _WHOLE_NUMBERS
            and numbered.has_default,
            keeps_data=self.keeps_data,
        )


def table_of_class(cls: type, name: str | None, *, is_ours: bool, notify: bool, **rest: Any) -> QueueTable:
    """A table whose columns are the annotations of a class, which becomes a dataclass unless it is one.

    Raises:
        ConfigurationError: the name, or a column, can be none.
    """
    chosen = check_table_name(_WORD.sub("_", cls.__name__).lower() if name is None else name)
    declared = columns_of(cls)
    if not declared:
        raise ConfigurationError(f"{cls.__qualname__} declares no columns: annotate some, as in `quantity: Decimal`")
    row = cls if dataclasses.is_dataclass(cls) else dataclass(cls)
    given = {column.name for column in declared}
    if is_ours and (taken := sorted(given & set(OWN_COLUMNS))):
        raise ConfigurationError(
            f"{cls.__qualname__}.{taken[0]}: Packhorse makes {', '.join(OWN_COLUMNS)} itself; "
            "give it another name, or say exists=True for a table that the application makes"
        )
    columns = (*(_OWN if is_ours else ()), *declared)
    return QueueTable(
        name=chosen,
        row=row,
        columns=tuple(column.name for column in columns),
        make=_maker(row, columns, given),
        new=NewTable(name=chosen, columns=declared, notify=notify) if is_ours else None,
        notify=notify,
        **rest,
    )


def table_of_mapped(mapped: MappedRows, *, notify: bool = False, **rest: Any) -> QueueTable:
    """A table that a framework's class stands for."""
    name = check_table_name(mapped.name)
    return QueueTable(name=name, row=mapped.row, columns=mapped.columns, make=mapped.make, notify=notify, **rest)


def names_in(what: str, names: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names of columns that were given as one or as several.

    Raises:
        ConfigurationError: one of them can be no column's.
    """
    given = (names,) if isinstance(names, str) else tuple(names or ())
    return tuple(check_name(name, f"{what}: a column") for name in given)


def _maker(row: type, columns: Sequence[Column], given: set[str]) -> Callable[[Sequence[Any]], Any]:
    decoders = [(column.name, decoder(column)) for column in columns]
    takes_more = row.__dictoffset__ != 0  # a class with slots takes no more than it names

    def make(values: Sequence[Any]) -> Any:
        decoded = {}
        for (name, decode), value in zip(decoders, values, strict=True):
            try:
                decoded[name] = decode(value)
            except (ValueError, TypeError) as error:
                raise ValueError(f"column {name}: {error}") from error
        made = row(**{name: decoded.pop(name) for name in given})
        for name, value in decoded.items() if takes_more else ():
            object.__setattr__(made, name, value)
        return made

    return make
