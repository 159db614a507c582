"""Whether a value that travelled is the value that was sent: the same types and values at every level.

Equality is not enough: 1 == True == 1.0, and Decimal("1.0") == Decimal("1.00").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from functools import cached_property
from math import copysign
from typing import Any, Final

import msgspec

from packhorse.domain.strictjson import Refusal, segment_of

_ABSENT: Final = object()


def check_same(sent: Any, received: Any) -> None:
    """Refuse unless both are the same.

    The entries of a dict must be in the same order too. Of an aware datetime the instant and the offset count, not
    the object that gives the offset. A dataclass, a Struct or an attrs class is its fields.

    Raises:
        Refusal: naming the path to the first difference.
    """
    if type(sent) is not type(received):
        raise Refusal(f"is of type {type(sent).__qualname__} and would arrive as {type(received).__qualname__}")
    if isinstance(sent, (set, frozenset)):
        _check_sets(sent, received)
    elif has_parts(sent):
        _check_parts(sent, received)
    elif not _is_same_leaf(sent, received):
        raise Refusal(f"is of type {type(sent).__qualname__} and would arrive changed{_why_changed(sent)}")


def has_parts(value: object) -> bool:
    """True when the value consists of others."""
    return isinstance(value, (dict, list, tuple, set, frozenset)) or _has_fields(type(value))


def _has_fields(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct) or hasattr(kind, "__attrs_attrs__")


def parts_of(value: object) -> Iterator[tuple[str, Any]]:
    """What a value consists of, each with the step of the path that leads there; nothing for a leaf."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield f"{segment_of(key)} (key)", key
            yield segment_of(key), entry
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield segment_of(index), item
    elif isinstance(value, (set, frozenset)):
        for item in value:
            yield "[…]", item
    else:
        for name in _field_names(type(value)):
            yield f".{name}", getattr(value, name, _ABSENT)


def _field_names(kind: type) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    return tuple(field.name for field in getattr(kind, "__attrs_attrs__", ()))


def _check_sets(sent: Any, received: Any) -> None:
    twins = {item: item for item in received}
    if len(sent) != len(twins) or not all(item in twins for item in sent):
        raise Refusal("is a set that would arrive with other items")
    for item in sent:
        _check_part("[…]", item, twins[item])


def _check_parts(sent: Any, received: Any) -> None:
    parts, arrived = list(parts_of(sent)), list(parts_of(received))
    if len(parts) != len(arrived):
        raise Refusal("would arrive with more or fewer items")
    for (segment, part), (_, arrived_part) in zip(parts, arrived, strict=True):
        _check_part(segment, part, arrived_part)
    if _has_fields(type(sent)):
        _check_nothing_lost(sent, received)


def _check_part(segment: str, sent: Any, received: Any) -> None:
    try:
        check_same(sent, received)
    except Refusal as refusal:
        refusal.under(segment)
        raise


def _check_nothing_lost(sent: Any, received: Any) -> None:
    """Refuse attributes that are set beside the fields, except those that the class computes again."""
    for name in getattr(sent, "__dict__", {}).keys() - getattr(received, "__dict__", {}).keys():
        if not isinstance(getattr(type(sent), name, None), cached_property):
            raise Refusal(f"has an attribute {name!r} that is no field and would be lost")


def _is_same_leaf(sent: Any, received: Any) -> bool:
    if isinstance(sent, float):
        return sent == received and copysign(1, sent) == copysign(1, received)
    if isinstance(sent, Decimal):
        return sent.is_finite() and sent.as_tuple() == received.as_tuple()
    if isinstance(sent, (datetime, time)):
        return _reading(sent) == _reading(received)
    return sent is received or bool(sent == received)


def _reading(moment: datetime | time) -> tuple[object, ...]:
    """What must survive of a time: what the clock shows, whether it is aware, its offset, its fold if it is naive."""
    fold = moment.fold if moment.tzinfo is None else 0
    return moment.replace(tzinfo=None, fold=0), moment.tzinfo is None, moment.utcoffset(), fold


def _why_changed(sent: object) -> str:
    if isinstance(sent, Decimal):
        return ": it is no finite number"
    if isinstance(sent, (datetime, time)):
        return ": its text holds no fold, no seconds of an offset, no zone that gives a mere time no offset"
    return ""
