"""Values as text: what goes in comes out, the same value of the same type, or it is refused with its path.

JSON types pass as they are: None, bool, int, float, str, list and dict with str keys. Everything else passes only
where an annotation says what it is, and only if decoding by that annotation really gives it back.

An annotation says how a value travels; it is no validation: a plain `int` parameter takes what JSON takes.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import re
import types
from functools import lru_cache
from typing import Annotated, Any, Final, NewType, TypeVar, Union, get_args, get_origin

import msgspec

from packhorse.domain.sameness import check_same, has_parts, parts_of
from packhorse.domain.strictjson import (
    LISTS_AND_TUPLES,
    MAX_DEPTH,
    MAX_PAYLOAD_BYTES,
    TOO_DEEP,
    Refusal,
    check_json,
    check_size,
    read_json,
    why_not_json,
    write_json,
)

# Tuples: an annotation need not be hashable.
_ARRAYS: Final = (
    list,
    collections.abc.Collection,
    collections.abc.Iterable,
    collections.abc.MutableSequence,
    collections.abc.Sequence,
)
_OBJECTS: Final = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_ANYTHING: Final = (Any, object)
_PLAIN: Final = (None, types.NoneType, bool, int, float, str, *_ANYTHING, *_ARRAYS, *_OBJECTS)
_PLACE: Final = re.compile(r" - at (`key` in )?`\$(.*)`$")


def encode_value(
    value: object, annotation: Any = Any, *, path: str = "value", max_bytes: int = MAX_PAYLOAD_BYTES
) -> str:
    """The JSON text of a value.

    Args:
        value: a JSON value, or one of the annotated type.
        annotation: what `decode_value` will be told; by default JSON types only.
        path: what the value is called in an error, such as `params.date`.
        max_bytes: the most that the text may take, in bytes of UTF-8; 256 KiB by default.

    Raises:
        PayloadError: naming the path to whatever would not come back exactly as it is.
    """
    return codec_for(annotation).encode(value, path=path, max_bytes=max_bytes)


def decode_value(text: str, annotation: Any = Any, *, path: str = "value") -> Any:
    """The value that `encode_value` wrote under the same annotation.

    Raises:
        PayloadError: the text is no JSON, or holds no such value.
    """
    return codec_for(annotation).decode(text, path=path)


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """How the values of an annotation travel: here JSON types only, as they are.

    Args:
        note: what to add to a refusal, where the annotation asked for more and cannot be used.
    """

    note: str = ""

    @property
    def is_plain(self) -> bool:
        """True where a value is its own JSON tree, so that no round trip needs to be tried."""
        return True

    def lower(self, value: Any) -> Any:
        """The JSON tree of a value; Refusal when it has none."""
        try:
            check_json(value)
        except Refusal as refusal:
            refusal.reason += self.note
            raise
        return value

    def lift(self, tree: Any) -> Any:
        """The value of a JSON tree; Refusal when it does not fit the annotation."""
        return tree

    def verify(self, value: Any, tree: Any) -> None:
        """Refusal unless `tree`, read back from the text, gives exactly `value`."""

    def encode(self, value: Any, *, path: str, max_bytes: int) -> str:
        """The JSON text of a value; PayloadError when it would not come back."""
        try:
            text, size = write_json(self.lower(value))
            check_size(size, max_bytes)
            if not self.is_plain:
                self.verify(value, read_json(text))
        except Refusal as refusal:
            raise refusal.at(path) from refusal.__cause__
        return text

    def decode(self, text: str, *, path: str) -> Any:
        """The value of a stored text; PayloadError when it holds none."""
        try:
            return self.lift(read_json(text))
        except Refusal as refusal:
            raise refusal.at(path) from refusal.__cause__


@dataclasses.dataclass(frozen=True, slots=True)
class TypedCodec(Codec):
    """Values of the annotated type, each proven by a round trip.

    Args:
        annotation: a resolved annotation that msgspec can decode.
    """

    annotation: Any = Any

    @property
    def is_plain(self) -> bool:
        """False: what arrives is made anew from the tree."""
        return False

    def lower(self, value: Any) -> Any:
        """The JSON tree of a value, for whatever type it is; `verify` finds out whether it is the annotated one."""
        try:
            tree = msgspec.to_builtins(value, str_keys=True)
        except Exception as error:
            raise _locate(value, error) from error
        check_json(tree, LISTS_AND_TUPLES)
        return tree

    def lift(self, tree: Any) -> Any:
        """The value of a JSON tree; Refusal when it does not fit the annotation."""
        try:
            return msgspec.convert(tree, self.annotation, str_keys=True)
        except msgspec.ValidationError as error:
            raise _misfit(error) from error
        except Exception as error:
            raise Refusal(f"does not fit its annotation: {type(error).__name__}: {error}") from error

    def verify(self, value: Any, tree: Any) -> None:
        """Refusal unless `tree`, read back from the text, gives exactly `value`."""
        check_same(value, self.lift(tree))


JSON: Final = Codec()
"""The codec of everything that is not annotated."""


def codec_for(annotation: Any) -> Codec:
    """The codec of a resolved annotation; one that cannot be used leaves JSON types only."""
    try:
        return _cached_codec(annotation)
    except TypeError:  # not hashable: Annotated with a list, say
        return _new_codec(annotation)


def _new_codec(annotation: Any) -> Codec:
    if is_plain(annotation):
        return JSON
    if isinstance(annotation, str):
        return Codec(f" (the annotation {annotation!r} cannot be resolved)")
    try:
        msgspec.json.Decoder(annotation)
    except Exception as error:  # noqa: BLE001 - forward references inside the application's classes are evaluated
        return Codec(f" (the annotation cannot be used: {error})")
    return TypedCodec(annotation=annotation)


_cached_codec = lru_cache(maxsize=1024)(_new_codec)


def is_plain(annotation: Any, inside: tuple[Any, ...] = ()) -> bool:
    """True when values of that type are JSON values as they stand, at every level.

    Args:
        annotation: a resolved annotation.
        inside: the type aliases that this annotation is a part of, for those that mention themselves.
    """
    if annotation in _PLAIN:
        return True
    if isinstance(annotation, TypeVar):
        return annotation.__bound__ is None and not annotation.__constraints__
    if isinstance(annotation, NewType):
        return is_plain(annotation.__supertype__, inside)
    if type(annotation).__name__ == "TypeAliasType":  # `type X = …`, from Python 3.12 on
        return annotation in inside or is_plain(annotation.__value__, (*inside, annotation))
    return _is_plain_generic(get_origin(annotation), get_args(annotation), inside)


def _is_plain_generic(origin: Any, arguments: tuple[Any, ...], inside: tuple[Any, ...]) -> bool:
    if origin is Annotated:
        kind, *metadata = arguments
        return is_plain(kind, inside) and not any(isinstance(item, msgspec.Meta) for item in metadata)
    if origin in _OBJECTS:
        key, value = arguments or (Any, Any)
        return (key is str or key in _ANYTHING) and is_plain(value, inside)
    if origin in _ARRAYS or origin in (Union, types.UnionType):
        return all(is_plain(argument, inside) for argument in arguments)
    return False


def _misfit(error: msgspec.ValidationError) -> Refusal:
    message = str(error)
    place = _PLACE.search(message)
    if place is None:
        return Refusal(f"does not fit its annotation: {message}")
    in_key = " in a key" if place[1] else ""
    return Refusal(f"does not fit its annotation{in_key}: {message[: place.start()]}").under(place[2])


def _locate(value: object, error: Exception, room: int = MAX_DEPTH) -> Refusal:
    """The refusal of a value that msgspec could not lower, with the path to the innermost part that it is about."""
    if isinstance(error, RecursionError) or room == 0:
        return Refusal(TOO_DEEP)
    for segment, part in parts_of(value):
        deeper = _lowering_error(part)
        if deeper is not None:
            return _locate(part, deeper, room - 1).under(segment)
    if has_parts(value):
        return Refusal(f"cannot be stored: {error}")
    return Refusal(why_not_json(value))


def _lowering_error(value: object) -> Exception | None:
    try:
        msgspec.to_builtins(value, str_keys=True)
    except Exception as error:  # noqa: BLE001 - looking for the part that raised before
        return error
    return None
