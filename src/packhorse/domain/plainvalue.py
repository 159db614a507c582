"""The application's own values as plain ones and back: an enum as its code, an id as what it wraps.

Nothing is looked up by a stored name: whoever reads says which class it wants.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from packhorse.domain.payload import codec_for
from packhorse.domain.sameness import check_same
from packhorse.domain.strictjson import Refusal
from packhorse.errors import UsageError

V = TypeVar("V")

Plain = None | str | int | float | bool | Decimal | date | datetime | timedelta | UUID
"""What a parameter holds, once it is stored."""
Form = Literal["plain", "enum", "id"]
"""What a plain value was made of: of itself, of an enum, of an id."""

PLAIN: Final = frozenset({types.NoneType, str, int, float, bool, Decimal, date, datetime, timedelta, UUID})
_ANYTHING: Final = (Any, object)
_SHOWN: Final = 60

CAN_HOLD: Final = (
    "parameters are None, text, numbers, Decimal, bool, date, aware datetime, timedelta, UUID, enums, and ids "
    "(a subclass of int or str, or a frozen dataclass or Struct with one field)"
)


def _why_not(kind: type) -> str:
    for base in (datetime, date, float, Decimal, timedelta, UUID):
        if issubclass(kind, base):
            return f"is of type {kind.__qualname__}, which would come back as {base.__name__}: pass a plain one"
    return f"is of type {kind.__qualname__}, which can't be stored: {CAN_HOLD}"


def lower(value: object) -> tuple[Plain, Form, str | None]:
    """The plain value of one of the application's, what it was, and the name of its class.

    Raises:
        Refusal: it would not come back exactly as it is.
    """
    plain = _plain_of(value)
    kind = type(value)
    if kind in PLAIN:
        return plain, "plain", None
    received = fit(plain, kind)
    check_same(value, received)
    if isinstance(value, Enum):
        return plain, "enum", kind.__qualname__
    if isinstance(value, (int, str)) and value.__getstate__() != received.__getstate__():
        raise Refusal(f"is of type {kind.__qualname__} and has attributes that would be lost")
    return plain, "id", kind.__qualname__


def _plain_of(value: Any) -> Plain:
    """The plain value that stands for one of the application's; Refusal where there is none that comes back."""
    kind: Any = type(value)
    if kind in PLAIN:
        return _checked(value)
    if isinstance(value, Enum):
        return _plain_of(_code_of(value))
    if isinstance(value, int):
        return _checked(int.__int__(value))
    if isinstance(value, str):
        return _checked(str.__str__(value))
    if (field := _only_field(kind)) is not None:
        return _plain_of(getattr(value, field))
    raise Refusal(_why_not(kind))


def _checked(value: Plain) -> Plain:
    """The value, if its text gives it back."""
    check_value(value)
    codec = codec_for(type(value))
    codec.verify(value, codec.lower(value))
    return value


def check_value(value: object) -> None:
    """Refuse what its type can hold and a text can not: times without a zone, Decimals that are no finite numbers."""
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise Refusal("is of type datetime without a time zone: give it one, such as datetime.now(UTC)")
    if isinstance(value, Decimal) and not value.is_finite():
        raise Refusal("is of type Decimal and no finite number")


def _code_of(member: Enum) -> Any:
    """Its `code`, where the class gives its members one; a member that is called so is none."""
    own: Any = member
    has_code = "code" in vars(member) or isinstance(getattr(type(member), "code", None), property)
    return own.code if has_code else member.value


@lru_cache(maxsize=256)
def _only_field(kind: Any) -> str | None:
    """The field of a class of values that consist of one; None for any other class."""
    if dataclasses.is_dataclass(kind):
        params: Any = getattr(kind, "__dataclass_params__")  # noqa: B009 - no type checker knows it
        names, is_frozen = tuple(field.name for field in dataclasses.fields(kind)), params.frozen
    elif issubclass(kind, msgspec.Struct):
        names, is_frozen = kind.__struct_fields__, kind.__struct_config__.frozen
    else:
        return None
    return names[0] if len(names) == 1 and is_frozen else None


@lru_cache(maxsize=256)
def _type_of(kind: Any, field: str) -> Any:
    try:
        return get_type_hints(kind).get(field, Any)
    except Exception:  # noqa: BLE001 - an annotation is any expression
        return Any


def fit(value: Plain, wanted: Any) -> Any:
    """The value as the wanted type.

    Raises:
        Refusal: it is none.
        UsageError: no parameter can be of that type.
    """
    if wanted is None or wanted in _ANYTHING or isinstance(wanted, TypeVar):
        return _exactly(value, types.NoneType) if wanted is None else value
    if isinstance(wanted, NewType):
        return fit(value, wanted.__supertype__)
    origin = get_origin(wanted)
    if origin is Annotated:
        return fit(value, get_args(wanted)[0])
    if origin in (Union, types.UnionType):
        return _fit_one(value, wanted)
    if not isinstance(wanted, type):
        raise UsageError(f"no parameter can be read as {wanted!r}: {CAN_HOLD}")
    return _made(value, wanted)


def _fit_one(value: Plain, union: Any) -> Any:
    for wanted in get_args(union):
        try:
            return fit(value, wanted)
        except Refusal:
            continue
    raise _misfit(value, union)


def _made(value: Plain, wanted: Any) -> Any:
    if wanted in PLAIN:
        return _exactly(value, wanted)
    if issubclass(wanted, Enum):
        return _member(value, wanted)
    for base in (int, str):
        if issubclass(wanted, base):
            return wanted(_exactly(value, base))
    if (field := _only_field(wanted)) is not None:
        return wanted(**{field: fit(value, _type_of(wanted, field))})
    raise UsageError(f"no parameter can be read as {wanted.__qualname__}: {CAN_HOLD}")


def _exactly(value: Plain, wanted: type[Any]) -> Any:
    if type(value) is not wanted:
        raise _misfit(value, wanted)
    return value


def _member(value: Plain, wanted: type[Enum]) -> Enum:
    """The member of this code; what the class makes of others (combined flags, former values) counts as well."""
    for member in wanted:
        if _is_alike(_code_of(member), value):
            return member
    try:
        made = wanted(value)
    except ValueError as error:
        raise _misfit(value, wanted) from error
    if _code_of(made) == value and not _is_alike(_code_of(made), value):
        raise _misfit(value, wanted)
    return made


def _is_alike(code: object, value: Plain) -> bool:
    """Whether a code is stored as this value: 1, 1.0 and True are equal, and not alike."""
    return code == value and isinstance(code, type(value)) and isinstance(code, bool) is isinstance(value, bool)


def _misfit(value: Plain, wanted: Any) -> Refusal:
    name = getattr(wanted, "__qualname__", None) or str(wanted)
    return Refusal(f"holds {short(value)}, which is no {name}")


def guarded(work: Callable[[], V]) -> V:
    """What this gives; what the application's own classes raise in it is a refusal, too."""
    try:
        return work()
    except (Refusal, UsageError):
        raise
    except Exception as error:
        raise Refusal(f"can't be handled by its class: {type(error).__name__}: {error}") from error


def short(value: object) -> str:
    """How a value is shown in an error."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
