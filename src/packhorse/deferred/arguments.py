"""Whether the arguments of a deferred call are what its method's annotations say; no type checker sees a proxy's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from packhorse.domain.annotations import hints_of
from packhorse.domain.payload import is_plain
from packhorse.errors import SignatureError

Check = Callable[[tuple[Any, ...], Mapping[str, Any]], None]
_SEVERAL: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def checker(name: str, function: Callable[..., Any], signature: inspect.Signature) -> Check:
    """What refuses arguments that JSON would carry and the annotations do not allow; the rest the payload's codecs see.

    Args:
        name: the method's, for the message.
        function: the method.
        signature: what it is called with, the records first.
    """
    plain: dict[str, Any] = {}

    def check(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if not plain:
            plain.update(_plain_hints(function, signature))
        for parameter, value in _given(signature, args, kwargs):
            if parameter in plain:
                _check(name, parameter, value, plain[parameter])

    return check


def _plain_hints(function: Callable[..., Any], signature: inspect.Signature) -> dict[str, Any]:
    """The annotations whose values JSON carries as they stand, so that no codec looks at them."""
    hints = {"": Any, **hints_of(function, signature)}
    return {name: hint for name, hint in hints.items() if name in signature.parameters and is_plain(hint)}


def _given(signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError:
        return  # the payload's own check says what is missing or too much
    _, *given = bound.arguments.items()
    for name, value in given:
        kind = signature.parameters[name].kind
        values = value if kind is kind.VAR_POSITIONAL else value.values() if kind in _SEVERAL else [value]
        yield from ((name, one) for one in values)


def _check(method: str, parameter: str, value: Any, hint: Any) -> None:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        raise SignatureError(f"{method}: {parameter} is not as annotated: {error}") from None
    except TypeError:
        return  # an annotation that msgspec does not know
