"""JSON text that every database keeps and every reader reads back unchanged.

The standard encoder writes what is then read differently (NaN, tuples, keys that are numbers, enum members) or what
PostgreSQL refuses (NUL, lone surrogates). Here such a value is refused before it is written, with the path to it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from types import NoneType
from typing import Any, Final
from uuid import UUID

import msgspec

from packhorse.errors import PayloadError

MAX_DEPTH: Final = 64
"""How many lists and dicts may lie inside each other in one value."""

MAX_PAYLOAD_BYTES: Final = 256 * 1024
"""The default limit of one call's arguments, in bytes of UTF-8."""

HARD_MAX_PAYLOAD_BYTES: Final = 1024 * 1024
"""The highest limit that may be set for a call's arguments, in bytes of UTF-8."""

MAX_RESULT_BYTES: Final = 64 * 1024
"""The limit of one result, in bytes of UTF-8."""

# The reader takes numbers of up to 4300 characters, and a minus sign is one of them.
_LEAST_INT: Final = -(10**4299)
_MOST_INT: Final = 10**4300

TOO_DEEP: Final = f"is nested more than {MAX_DEPTH} levels deep, or contains itself"
"""The reason of a refusal."""

_TOO_LONG_INT: Final = "is an integer of more than 4300 digits, which no reader takes: pass it as text"
_SHOWN_SEGMENTS: Final = 8
_SHOWN_KEY: Final = 40

_LEAVES: Final = frozenset({NoneType, bool, str})
_CARRIED: Final = (tuple, set, frozenset, bytes, bytearray, Decimal, date, time, timedelta, UUID, Enum, msgspec.Struct)

LISTS: Final = frozenset({list})
"""The sequences that JSON gives back as they were."""

LISTS_AND_TUPLES: Final = frozenset({list, tuple})
"""The sequences that JSON can write; a tuple comes back as a list."""

# Cycles end at the depth limit before the encoder sees them, so it need not look for them again.
_write_slowly = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode
_write_fast = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder().decode


class Refusal(Exception):
    """Why a value is refused, while its path is still being put together; callers see a PayloadError."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self._segments: list[str] = []

    def under(self, segment: str) -> Refusal:
        """The same refusal, seen from one level further out."""
        self._segments.append(segment)
        return self

    def at(self, root: str) -> PayloadError:
        """The error for the caller, `root` being the name of the whole value."""
        segments = self._segments[::-1]
        more = "…" if len(segments) > _SHOWN_SEGMENTS else ""
        return PayloadError(f"{root}{''.join(segments[:_SHOWN_SEGMENTS])}{more}: {self.reason}")


def segment_of(key: object) -> str:
    """One step of a path: `[3]`, `.name`, `["any other key"]`."""
    if not isinstance(key, str):
        return f"[{key}]" if type(key) is int else f"[{type(key).__qualname__}]"
    if key.isidentifier() and len(key) <= _SHOWN_KEY:
        return f".{key}"
    shown = key if len(key) <= _SHOWN_KEY else f"{key[:_SHOWN_KEY]}…"
    return f"[{json.dumps(shown)}]"


def check_json(value: Any, sequences: Collection[type] = LISTS, room: int = MAX_DEPTH) -> None:
    """Refuse what JSON would not give back as it was.

    Subclasses are refused too: the member of an IntEnum would come back as a mere int.

    Args:
        value: the value to look through.
        sequences: the types that may stand for a JSON array.
        room: how many levels of lists and dicts are still allowed.

    Raises:
        Refusal: naming the path to the first such value.
    """
    kind = type(value)
    if kind in _LEAVES:
        return
    if kind is int:
        _check_int(value)
    elif kind is float:
        _check_float(value)
    elif kind is dict:
        _check_entries(value, sequences, _room_inside(room))
    elif kind in sequences:
        _check_items(value, sequences, _room_inside(room))
    else:
        raise Refusal(why_not_json(value))


def _check_int(value: int) -> None:
    if not _LEAST_INT < value < _MOST_INT:
        raise Refusal(_TOO_LONG_INT)


def _check_float(value: float) -> None:
    if not isfinite(value):
        raise Refusal("is a NaN or an infinity, which JSON does not have")


def _room_inside(room: int) -> int:
    if room <= 0:
        raise Refusal(TOO_DEEP)
    return room - 1


def _check_items(items: Collection[Any], sequences: Collection[type], room: int) -> None:
    for index, item in enumerate(items):
        kind = type(item)
        if kind in _LEAVES or (kind is int and _LEAST_INT < item < _MOST_INT):  # saves a call for each of many
            continue
        try:
            check_json(item, sequences, room)
        except Refusal as refusal:
            refusal.under(segment_of(index))
            raise


def _check_entries(entries: dict[Any, Any], sequences: Collection[type], room: int) -> None:
    for key, value in entries.items():
        check_key(key)
        if type(value) in _LEAVES:
            continue
        try:
            check_json(value, sequences, room)
        except Refusal as refusal:
            refusal.under(segment_of(key))
            raise


def check_key(key: object) -> None:
    """Refuse a dict's key that is not plain text.

    Raises:
        Refusal: always naming the key's type.
    """
    if type(key) is not str:
        name = type(key).__qualname__
        raise Refusal(f"has a key of type {name}, which JSON would turn into text: use str keys or annotate the dict")


def why_not_json(value: object) -> str:
    """Why this value is no JSON, and what to do about it; never shows the value, which may be secret."""
    name = type(value).__qualname__
    is_ours = type(value).__module__.partition(".")[0] == "packhorse"
    if not is_ours and (isinstance(value, _CARRIED) or dataclasses.is_dataclass(type(value))):
        return f"is of type {name}, which JSON does not have: annotate the task's parameter with its type"
    for base in (int, float, str, list, dict):
        if isinstance(value, base):
            return f"is of type {name}, which JSON would turn into {base.__name__}: pass a plain {base.__name__}"
    return f"is of type {name}, which cannot be stored: pass plain values instead, for example its id"


def write_json(tree: Any) -> tuple[str, int]:
    """The text of a tree that `check_json` accepted, and its size in bytes of UTF-8.

    Raises:
        Refusal: for a NUL or a lone surrogate anywhere.
    """
    try:
        text = _write(tree)
    except ValueError as error:  # an interpreter that is set to even shorter integers than the reader's 4300 digits
        raise Refusal(_TOO_LONG_INT) from error
    return text, _measure(text, tree)


def check_size(size: int, most: int) -> None:
    """Refuse a text of more than `most` bytes.

    Raises:
        Refusal: saying both figures.
    """
    if size > most:
        raise Refusal(f"takes {size:,} bytes as JSON, more than the {most:,} allowed: pass a reference instead")


def _write(tree: Any) -> str:
    """The quick encoder takes no integers beyond 64 bits, and no lone surrogates (which are refused later, by path)."""
    try:
        return _write_fast(tree).decode()
    except (OverflowError, UnicodeEncodeError, RecursionError):
        return _write_slowly(tree)


def _measure(text: str, tree: Any) -> int:
    if "\\u0000" in text:  # a NUL, or a backslash in front of the letters "u0000"
        check_texts(tree)
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        check_texts(tree)
        raise


def check_texts(tree: Any) -> None:
    """Refuse text that a database would not keep: NUL characters and lone surrogates, in keys too.

    Raises:
        Refusal: naming the path to the first such text.
    """
    if isinstance(tree, str):
        _check_text(tree, "")
    elif isinstance(tree, dict):
        for key, value in tree.items():
            _check_text(key, "has a key that ")
            _check_texts_under(key, value)
    elif isinstance(tree, (list, tuple)):
        for index, item in enumerate(tree):
            _check_texts_under(index, item)


def _check_texts_under(key: object, value: Any) -> None:
    try:
        check_texts(value)
    except Refusal as refusal:
        refusal.under(segment_of(key))
        raise


def _check_text(text: str, where: str) -> None:
    if "\0" in text:
        raise Refusal(f"{where}contains a NUL character, which databases do not keep in text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Refusal(f"{where}contains a lone surrogate, which is not valid Unicode text") from error


def read_json(text: str) -> Any:
    """The tree that a stored text holds.

    Raises:
        Refusal: for anything that `write_json` would not have written: no JSON, a number out of range, NUL,
            a lone surrogate, too deep a nesting.
    """
    try:
        tree = _read(text)
        if _is_suspect(text):
            check_json(tree, room=MAX_DEPTH + 1)  # the list of a call's arguments is one level of its own
            check_texts(tree)
    except RecursionError as error:
        raise Refusal(TOO_DEEP) from error
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise Refusal(f"is stored as something that is not JSON: {error}") from error
    return tree


def _is_suspect(text: str) -> bool:
    if "\\u0000" in text:
        return True
    return len(text) > 2 * MAX_DEPTH and text.count("[") + text.count("{") > MAX_DEPTH
