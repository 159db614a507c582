"""Mapped classes and tables of SQLAlchemy as queue tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import make_dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Enum, Table, inspect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import TypeDecorator, TypeEngine

from packhorse.errors import ConfigurationError
from packhorse.queuetables.columns import decoder_of
from packhorse.queuetables.table import MappedRows

Decode = Callable[[Any], Any]
_ANY_DIALECT = DefaultDialect()
"""Whose drivers give what Python has for a value, or text."""


def rows_of(thing: Any, url: str) -> MappedRows | None:
    """What a mapped class, or a `Table`, says of a queue table, wherever that is; None for anything else.

    Raises:
        ConfigurationError: its rows are in more than one table.
    """
    if isinstance(thing, Table):
        return _of_table(thing)
    mapper: Any = inspect(thing, raiseerr=False) if isinstance(thing, type) else None
    return _of_mapper(mapper) if isinstance(mapper, Mapper) else None


def _of_table(table: Table) -> MappedRows:
    """Rows are of a class that is made here, with an attribute for each column."""
    row = make_dataclass(table.name, [(column.key, Any) for column in table.columns])
    decoders = [_decoder(column) for column in table.columns]

    def make(values: Sequence[Any]) -> Any:
        return row(*(decode(value) for decode, value in zip(decoders, values, strict=True)))

    return MappedRows(table.fullname, row, tuple(column.name for column in table.columns), make)


def _of_mapper(mapper: Mapper[Any]) -> MappedRows:
    """Rows are objects of the class, in no session: what they stand for is about to be gone."""
    table = mapper.local_table
    if not isinstance(table, Table) or len(mapper.tables) > 1:
        raise ConfigurationError(
            f"{mapper.class_.__qualname__} is not mapped to one table, so it can't be a queue table"
        )
    mapped = [(attribute.key, attribute.columns[0]) for attribute in mapper.column_attrs]
    read = [(key, column, _decoder(column)) for key, column in mapped if isinstance(column, Column)]

    def make(values: Sequence[Any]) -> Any:
        made = mapper.class_manager.new_instance()
        for (key, _, decode), value in zip(read, values, strict=True):
            set_committed_value(made, key, decode(value))
        return made

    return MappedRows(table.fullname, mapper.class_, tuple(column.name for _, column, _ in read), make)


def _decoder(column: Column[Any]) -> Decode:
    """What makes a column's value of what the driver gives; its error names the column."""
    decode = _decoder_of_type(column.type)

    def named(value: Any) -> Any:
        try:
            return None if value is None and not isinstance(column.type, TypeDecorator) else decode(value)
        except (ValueError, TypeError, LookupError) as error:
            raise ValueError(f"column {column.name}: {error}") from error

    return named


def _decoder_of_type(kind: TypeEngine[Any]) -> Decode:
    if isinstance(kind, TypeDecorator):
        inner = _decoder_of_type(kind.impl_instance)
        return lambda value: kind.process_result_value(None if value is None else inner(value), _ANY_DIALECT)
    if isinstance(kind, Enum):
        processor: Decode | None = kind.result_processor(_ANY_DIALECT, None)  # type: ignore[no-untyped-call]
        return processor or _as_it_is
    if isinstance(kind, JSON):
        return decoder_of(dict) or _as_it_is
    if isinstance(kind, DateTime) and not kind.timezone:
        return _naive
    try:
        python_type = kind.python_type
    except NotImplementedError:
        return _as_it_is
    return decoder_of(python_type) or _of_type(python_type)


def _as_it_is(value: Any) -> Any:
    return value


def _naive(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=None)


def _of_type(python_type: type) -> Decode:
    def decode(value: Any) -> Any:
        if not isinstance(value, python_type):
            raise ValueError(f"{value!r:.80} is no {python_type.__name__}")  # noqa: TRY004 - as of any value
        return value

    return decode
