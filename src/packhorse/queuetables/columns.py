"""What a row class's annotations say of columns, and how what a driver gives becomes what they promise."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin
from uuid import UUID

from packhorse.domain.queuetable import Column, ColumnKind, check_name
from packhorse.errors import ConfigurationError

KIND_OF: Mapping[Any, ColumnKind] = MappingProxyType(
    {
        int: "int",
        float: "float",
        Decimal: "decimal",
        bool: "bool",
        str: "text",
        bytes: "bytes",
        date: "date",
        datetime: "datetime",
        UUID: "uuid",
        dict: "json",
        list: "json",
        Any: "json",
    }
)
"""What each annotation is stored as."""


def columns_of(cls: type) -> tuple[Column, ...]:
    """The columns that a class's annotations declare, in order.

    Raises:
        ConfigurationError: an annotation, or a name, can be no column's.
    """
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except Exception as error:
        raise ConfigurationError(f"the annotations of {cls.__qualname__} can't be read: {error}") from error
    own = [name for base in reversed(cls.__mro__) for name in vars(base).get("__annotations__", {})]
    names = [name for name in dict.fromkeys(own) if get_origin(hints[name]) is not ClassVar]
    return tuple(_column(cls, name, hints[name]) for name in names)


def decoder(column: Column) -> Callable[[Any], Any]:
    """What makes a column's value of what a driver gives; it raises `ValueError` for what is none."""
    plain = _DECODERS[column.kind]
    return lambda value: None if value is None else plain(value)


def decoder_of(annotation: Any) -> Callable[[Any], Any] | None:
    """The same for what is annotated so, but for None; None where it can be no column's type."""
    kind = KIND_OF.get(annotation)
    return None if kind is None else _DECODERS[kind]


def _column(cls: type, name: str, hint: Any) -> Column:
    check_name(name, f"a column of {cls.__qualname__}")
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    is_optional = False
    if get_origin(hint) in (Union, types.UnionType):
        parts = [part for part in get_args(hint) if part is not types.NoneType]
        is_optional = len(parts) < len(get_args(hint))
        hint = parts[0] if len(parts) == 1 else hint
    kind = KIND_OF.get(get_origin(hint) or hint)
    if kind is None:
        known = ", ".join(getattr(one, "__name__", str(one)) for one in KIND_OF)
        raise ConfigurationError(
            f"{cls.__qualname__}.{name}: {hint} can be no column's type; there are {known}, each also with | None"
        )
    return Column(name, kind, is_optional)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    try:
        return Decimal(str(value))
    except ArithmeticError as error:
        raise ValueError(f"{value!r:.80} is no decimal number") from error


def _bool(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError(f"{value!r:.80} is neither true nor false")


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _datetime(value: Any) -> datetime:
    """Text without a zone, as SQLite's own functions write it, is in UTC."""
    if isinstance(value, datetime):
        return value
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    return UUID(bytes=value) if isinstance(value, bytes) else UUID(str(value))


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{value!r:.80} is no whole number")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r:.80} is no text")


_DECODERS: Mapping[ColumnKind, Callable[[Any], Any]] = MappingProxyType(
    {
        "int": _number,
        "float": float,
        "decimal": _decimal,
        "bool": _bool,
        "text": _text,
        "bytes": bytes,
        "date": _date,
        "datetime": _datetime,
        "uuid": _uuid,
        "json": _json,
    }
)
