"""Mapped classes as record types of work packages."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from inspect import isawaitable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, inspect, select, tuple_
from sqlalchemy.orm import Mapper

from packhorse.errors import ConfigurationError, UsageError
from packhorse.records import Loading

_READ: Mapping[type, Callable[[str], Any]] = {
    int: int,
    str: str,
    UUID: UUID,
    Decimal: Decimal,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
}
"""How the text of a key's column becomes its value again."""


def loading(model: type) -> Loading | None:
    """How records of a mapped class are known, loaded and locked; None for a class that is not mapped."""
    mapper: Mapper[Any] | None = inspect(model, raiseerr=False)
    if not isinstance(mapper, Mapper):
        return None
    _check_kinds(model, mapper)
    mapped = _Mapped(model, mapper)
    return Loading(mapped.key_of, mapped.load, mapped.lock)


class _Mapped:
    """A mapped class, on a session of either kind."""

    def __init__(self, model: type, mapper: Mapper[Any]) -> None:
        self._model = model
        self._mapper = mapper

    def key_of(self, record: Any) -> str:
        """The key as text."""
        values = self._mapper.primary_key_from_instance(record)
        if None in values:
            raise UsageError(f"{record!r} has no key yet: flush the session before it goes into a package")
        return _key(values)

    def load(self, transaction: Any, keys: Sequence[str]) -> Mapping[str, Any] | Awaitable[Mapping[str, Any]]:
        """Read records."""
        found = transaction.session.scalars(_query(self._model, self._mapper, keys))
        return self._awaited(found) if isawaitable(found) else self._by_key(found)

    def lock(self, transaction: Any, keys: Sequence[str]) -> Awaitable[None] | None:
        """Lock their rows."""
        locked = transaction.session.execute(_query(self._model, self._mapper, keys).with_for_update())
        return _ended(locked) if isawaitable(locked) else None

    async def _awaited(self, found: Awaitable[Iterable[Any]]) -> Mapping[str, Any]:
        return self._by_key(await found)

    def _by_key(self, records: Iterable[Any]) -> Mapping[str, Any]:
        return {self.key_of(record): record for record in records}


async def _ended(locking: Awaitable[Any]) -> None:
    await locking


def _query(model: type, mapper: Mapper[Any], keys: Sequence[str]) -> Select[Any]:
    columns = mapper.primary_key
    kinds = [column.type.python_type for column in columns]
    values = [value for key in keys if (value := _find_value(kinds, key)) is not None]
    if len(columns) == 1:
        return select(model).where(columns[0].in_([value for (value,) in values]))
    return select(model).where(tuple_(*columns).in_(values))


def _find_value(kinds: Sequence[type], key: str) -> tuple[Any, ...] | None:
    """The values of the key's columns; None for a text that is no key of these types, so that no record has it."""
    try:
        texts = [key] if len(kinds) == 1 else json.loads(key)
        return tuple(_READ[kind](text) for kind, text in zip(kinds, texts, strict=True))
    except (ValueError, TypeError, ArithmeticError):
        return None


def _check_kinds(model: type, mapper: Mapper[Any]) -> None:
    for column in mapper.primary_key:
        if column.type.python_type not in _READ:
            raise ConfigurationError(
                f"{model.__qualname__}.{column.name} is a key of type {column.type.python_type.__name__}, "
                "which does not come back from text by itself: give key= and load= to app.record_type"
            )


def _key(values: Sequence[Any]) -> str:
    """One column's value as text; of a composite key a JSON array of texts."""
    texts = [value.isoformat() if isinstance(value, date) else str(value) for value in values]
    return texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)
