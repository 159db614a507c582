"""Typed parameters as text: what goes in comes out, the same value of the same type, or is refused by its name.

They are a JSON object. None, texts, whole numbers and booleans stand in it as they are, all else under what it is:

    {"count": 3, "rate": {"decimal": "1.10"}, "day": {"date": "2026-11-23"},
     "mode": {"enum": "fast", "of": "Mode"}, "order": {"id": 42, "of": "OrderId"}}

An enum is stored as its `code`, where the class has such a property or attribute, else as its value; an id (a subclass
of int or str, or a frozen dataclass or Struct of one field) as the value that it wraps. `of` is for people: no class is
looked up by it, so `read` is told the class, and classes may be renamed. A datetime keeps its offset, not its zone.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import msgspec

from packhorse.domain.payload import codec_for
from packhorse.domain.plainvalue import Form, Plain, check_value, fit, guarded, lower, short
from packhorse.domain.strictjson import (
    MAX_PAYLOAD_BYTES,
    Refusal,
    check_size,
    check_texts,
    read_json,
    write_json,
)
from packhorse.errors import PayloadError, UsageError

V = TypeVar("V")

LONGEST_NAME: Final = 200
"""How many characters the name of a parameter may have."""
RESERVED: Final = "packhorse."
"""How names begin that the application may not give."""
MISSING: Final[Any] = object()
"""In place of a default where there is none."""

_SCALARS: Final = (types.NoneType, bool, int, str)
_TAGGED: Final[Mapping[str, type]] = {
    "float": float,
    "decimal": Decimal,
    "date": date,
    "datetime": datetime,
    "timedelta": timedelta,
    "uuid": UUID,
}
_TAGS: Final[Mapping[type, str]] = {kind: tag for tag, kind in _TAGGED.items()}


class Parameter(msgspec.Struct, frozen=True):
    """A parameter as it is stored.

    Attributes:
        name: what it is called.
        value: its value; of an enum its code, of an id what it wraps.
        form: `plain`, or what was made a plain value of: an `enum`, an `id`.
        of: the name of the class of an enum or an id; for people.
    """

    name: str
    value: Plain
    form: Form = "plain"
    of: str | None = None


def encode_parameters(parameters: Mapping[str, object], *, max_bytes: int = MAX_PAYLOAD_BYTES) -> str:
    """The JSON text of parameters, each a value of the application's or a `Parameter`.

    Args:
        parameters: the values by name.
        max_bytes: the most that the text may take, in bytes of UTF-8; 256 KiB by default.

    Raises:
        PayloadError: naming the parameter that would not come back exactly as it is, and its type.
    """
    trees = {name: _tree_of(parameter_of(name, value)) for name, value in parameters.items()}
    try:
        text, size = write_json(trees)
        check_size(size, max_bytes)
    except Refusal as refusal:
        raise refusal.at("parameters") from refusal.__cause__
    return text


def decode_parameters(text: str) -> dict[str, Parameter]:
    """The parameters that a job has stored, by name.

    Raises:
        PayloadError: the text holds none, or one of them can't be read; naming it.
    """
    try:
        trees = read_json(text)
        if not isinstance(trees, dict):
            raise Refusal(f"are stored as {_said_of(trees)}, not as an object")
    except Refusal as refusal:
        raise refusal.at("the job's parameters") from refusal.__cause__
    return {name: _parameter_in(name, tree) for name, tree in trees.items()}


def read(parameter: Parameter, wanted: Any = Any) -> Any:
    """The value of a parameter, as the type that the reader wants: the enum, the id.

    Args:
        parameter: as `decode_parameters` gives it.
        wanted: a plain type, an enum, an id's class, a NewType, or a union of them; by default whatever is stored.

    Raises:
        PayloadError: the parameter holds no such value.
        UsageError: no parameter can be of that type.
    """
    try:
        return guarded(lambda: fit(parameter.value, wanted))
    except Refusal as refusal:
        raise refusal.at(_called(parameter.name)) from refusal.__cause__


def read_from(parameters: Mapping[str, Parameter], name: str, wanted: Any, default: Any, package_id: int) -> Any:
    """The value of one of a package's parameters, as the type that the reader wants; `default` where there is none.

    Raises:
        PayloadError: it holds no such value.
        UsageError: the package has none of that name, and the default is `MISSING`.
    """
    parameter = parameters.get(name)
    if parameter is not None:
        return read(parameter, wanted)
    if default is MISSING:
        known = ", ".join(sorted(parameters)) or "none"
        raise UsageError(f"package {package_id} has no parameter {name!r} (it has: {known})")
    return default


def parameter_of(name: str, value: object) -> Parameter:
    """The parameter that holds a value, which is proven to come back.

    Raises:
        PayloadError: the name is none for a parameter, or the value is of a type that none can hold, which is named.
    """
    check_name(name)
    try:
        parameter = guarded(lambda: _lowered(name, value))
        check_texts(_tree_of(parameter))
    except Refusal as refusal:
        raise refusal.at(_called(name)) from refusal.__cause__
    return parameter


def merged(own: Mapping[str, V], inherited: Mapping[str, V]) -> dict[str, V]:
    """All parameters of both; its own one overrides the inherited one of the same name."""
    return {**inherited, **own}


def merged_equal(first: Mapping[str, object], second: Mapping[str, object]) -> dict[str, Parameter]:
    """All parameters of both, where those of one name must be stored alike: 1, 1.0 and Decimal("1.00") are not.

    Raises:
        PayloadError: naming a parameter that has two values, and both of them; or as `parameter_of`.
    """
    both = {name: parameter_of(name, value) for name, value in first.items()}
    for name, value in second.items():
        other = parameter_of(name, value)
        known = both.setdefault(name, other)
        if _text_of(known) != _text_of(other):
            raise PayloadError(f"{_called(name)} has two values: {_shown(known)} and {_shown(other)}")
    return both


def check_name(name: object) -> None:
    """Refuse what can be no parameter's name.

    Raises:
        PayloadError: it is no text of 1 to 200 printable characters, or begins with `packhorse.`, which is reserved.
    """
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable() or name.isspace():
        raise PayloadError(
            f"a parameter must be called by a text of 1 to {LONGEST_NAME} printable characters, not {short(name)}"
        )
    if name.startswith(RESERVED):
        raise PayloadError(f"parameter {name!r}: names that begin with {RESERVED!r} are reserved")


def _lowered(name: str, value: object) -> Parameter:
    if isinstance(value, Parameter):
        plain, _, _ = lower(value.value)
        return msgspec.structs.replace(value, name=name, value=plain)
    return Parameter(name, *lower(value))


def _tree_of(parameter: Parameter) -> Any:
    tree = _plain_tree(parameter.value)
    return tree if parameter.form == "plain" else {parameter.form: tree, "of": parameter.of}


def _plain_tree(value: Plain) -> Any:
    tag = _TAGS.get(type(value))
    return value if tag is None else {tag: codec_for(type(value)).lower(value)}


def _text_of(parameter: Parameter) -> str:
    return write_json(_tree_of(parameter))[0]


def _parameter_in(name: str, tree: Any) -> Parameter:
    try:
        if isinstance(tree, dict):
            for form in ("enum", "id"):
                if form in tree:
                    return _wrapped_in(name, form, tree)
        return Parameter(name, _plain_in(tree))
    except Refusal as refusal:
        raise refusal.at(_called(name)) from refusal.__cause__


def _wrapped_in(name: str, form: Literal["enum", "id"], tree: dict[str, Any]) -> Parameter:
    of = tree.get("of")
    if not isinstance(of, str | None) or tree.keys() - {form, "of"}:
        raise Refusal(f"is stored as an object that is no {form}")
    return Parameter(name, _plain_in(tree[form]), form, of)


def _plain_in(tree: Any) -> Plain:
    if isinstance(tree, _SCALARS) or type(tree) is float:
        return tree
    if not isinstance(tree, dict) or len(tree) != 1:
        raise Refusal(f"is stored as {_said_of(tree)}, which is no parameter")
    [(tag, written)] = tree.items()
    if tag not in _TAGGED:
        raise Refusal(f"is stored as {short(tag)}, which is unknown here: was it written by a newer version?")
    value: Plain = _float_of(written) if tag == "float" else codec_for(_TAGGED[tag]).lift(written)
    check_value(value)
    return value


def _float_of(written: Any) -> float:
    if type(written) not in (int, float):
        raise Refusal(f"is stored as a float that is {_said_of(written)}")
    try:
        return float(written)
    except OverflowError as error:
        raise Refusal("is stored as a float that is out of range") from error


def _called(name: str) -> str:
    return f"parameter {short(name)}"


def _shown(parameter: Parameter) -> str:
    return short(parameter.value) if parameter.of is None else f"{parameter.of} {short(parameter.value)}"


def _said_of(tree: object) -> str:
    names = {type(None): "null", list: "a list", dict: "an object", str: "a text", bool: "a boolean"}
    return names.get(type(tree), "a number")
