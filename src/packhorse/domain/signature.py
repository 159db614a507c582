"""A task's signature: which calls fit it, and how their arguments travel."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from packhorse.domain.annotations import hints_of, is_context, result_of, signature_of
from packhorse.domain.payload import JSON, Codec, codec_for
from packhorse.domain.strictjson import (
    HARD_MAX_PAYLOAD_BYTES,
    LISTS,
    MAX_DEPTH,
    MAX_PAYLOAD_BYTES,
    MAX_RESULT_BYTES,
    Refusal,
    check_json,
    check_key,
    check_size,
    read_json,
    segment_of,
    write_json,
)
from packhorse.errors import SignatureError

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_KEYWORD: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

_T = TypeVar("_T")


class EncodedCall(NamedTuple):
    """The arguments of a call as they are stored: a JSON array; a JSON object, or None when there are no keywords."""

    args: str
    kwargs: str | None


def encode_plain_call(
    args: Sequence[Any], kwargs: Mapping[str, Any], *, max_bytes: int = MAX_PAYLOAD_BYTES
) -> EncodedCall:
    """The stored form of a call whose signature is not known here: JSON types only.

    Args:
        args: the positional arguments.
        kwargs: the arguments by keyword.
        max_bytes: the most that all arguments may take, in bytes of UTF-8; never more than 1 MiB.

    Raises:
        PayloadError: naming the path to an argument that is no JSON, such as `args[1].a`.
    """
    trees = list(args)
    try:
        check_json(trees, LISTS, MAX_DEPTH + 1)
    except Refusal as refusal:
        raise refusal.at("args") from refusal.__cause__
    if not kwargs:
        return _write_call(trees, {}, max_bytes)
    named = dict(kwargs)
    _within("kwargs", check_json, named, LISTS, MAX_DEPTH + 1)
    return _write_call(trees, named, max_bytes)


def _write_call(trees: list[Any], named: dict[str, Any], max_bytes: int) -> EncodedCall:
    kwargs, more = _within("kwargs", write_json, named) if named else (None, 0)
    try:
        args, size = write_json(trees)
        check_size(size + more, min(max_bytes, HARD_MAX_PAYLOAD_BYTES))
    except Refusal as refusal:
        raise refusal.at("args") from refusal.__cause__
    return EncodedCall(args, kwargs)


def _within(path: str, step: Callable[..., _T], *values: Any) -> _T:
    try:
        return step(*values)
    except Refusal as refusal:
        raise refusal.at(path) from refusal.__cause__


def _inside(path: str, key: object, step: Callable[..., _T], *values: Any) -> _T:
    try:
        return step(*values)
    except Refusal as refusal:
        raise refusal.under(segment_of(key)).at(path) from refusal.__cause__


class CallSignature:
    """What a handler function may be called with, and how the arguments and the result travel.

    Annotations are resolved at the first use, so that they may name what is defined later; one that cannot be
    resolved, or that JSON cannot carry, leaves its parameter to JSON types.
    """

    def __init__(self, function: Callable[..., Any], context_type: type | None = None) -> None:
        self._function = function
        self._context_type = context_type
        self._signature = signature_of(function)

    @classmethod
    def of(cls, function: Callable[..., Any], *, context_type: type | None = None) -> CallSignature:
        """The signature of a handler function.

        Args:
            function: any callable with a signature.
            context_type: the class that annotates a leading context parameter; by default any named `Context`.

        Raises:
            SignatureError: the callable does not tell its parameters.
        """
        return cls(function, context_type)

    def __str__(self) -> str:
        return self._plan.text

    @property
    def takes_context(self) -> bool:
        """True when the first parameter is the context, which is no part of the call.

        It is when it is annotated with the context's class, or not annotated and named `ctx`.
        """
        return self._plan.takes_context

    def encode(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, max_bytes: int = MAX_PAYLOAD_BYTES
    ) -> EncodedCall:
        """The stored form of a call, proven to come back as it is.

        Args:
            args: the positional arguments, without the context.
            kwargs: the arguments by keyword.
            max_bytes: the most that all arguments may take, in bytes of UTF-8; never more than 1 MiB.

        Raises:
            SignatureError: the function cannot be called with these arguments.
            PayloadError: naming the path to what would not come back, such as `args[1].a`.
        """
        plan = self._plan
        plan.require_fit(args, kwargs)
        if plan.is_plain:
            return encode_plain_call(args, kwargs, max_bytes=max_bytes)
        call = _write_call(plan.lower_args(args), plan.lower_kwargs(kwargs), max_bytes)
        plan.verify(call, args, kwargs)
        return call

    def decode(self, args: str, kwargs: str | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a stored call, without the context.

        Raises:
            SignatureError: the function cannot be called with these arguments (any more).
            PayloadError: naming the path to what cannot be read.
        """
        plan = self._plan
        trees = _within("args", _read_array, args)
        named = {} if kwargs is None else _within("kwargs", _read_object, kwargs)
        plan.require_fit(trees, named)
        if plan.is_plain:
            return tuple(trees), named
        return plan.lift_args(trees), plan.lift_kwargs(named)

    def encode_result(self, value: Any) -> str:
        """The stored form of what the function returned, at most 64 KiB, proven to come back as it is.

        Raises:
            PayloadError: naming the path to what would not come back, such as `result.total`.
        """
        return self._plan.result.encode(value, path="result", max_bytes=MAX_RESULT_BYTES)

    def decode_result(self, text: str) -> Any:
        """What the function returned.

        Raises:
            PayloadError: the text is no JSON, or does not fit the return annotation.
        """
        return self._plan.result.decode(text, path="result")

    @functools.cached_property
    def _plan(self) -> _Plan:
        return _plan_for(self._function, self._signature, self._context_type)


def _read_array(text: str) -> list[Any]:
    tree = read_json(text)
    if type(tree) is not list:
        raise Refusal(f"is stored as {type(tree).__name__}, not as a JSON array")
    return tree


def _read_object(text: str) -> dict[str, Any]:
    tree = read_json(text)
    if type(tree) is not dict:
        raise Refusal(f"is stored as {type(tree).__name__}, not as a JSON object")
    return tree


@dataclass(frozen=True, slots=True)
class _Plan:
    """A signature with its annotations resolved."""

    text: str
    signature: inspect.Signature  # with the context, so that nobody passes it by keyword
    takes_context: bool
    positional: tuple[Codec, ...]
    rest: Codec  # *args
    named: dict[str, Codec]
    others: Codec  # **kwargs
    result: Codec
    fewest: int  # positional arguments of a call without keywords
    most: float
    is_plain: bool

    def require_fit(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if not kwargs and self.fewest <= len(args) <= self.most:
            return
        context = (None,) if self.takes_context else ()
        try:
            self.signature.bind(*context, *args, **kwargs)
        except TypeError as error:
            raise SignatureError(f"{self.text}: {error}") from None

    def lower_args(self, args: Sequence[Any]) -> list[Any]:
        return [_inside("args", i, self._at(i).lower, value) for i, value in enumerate(args)]

    def lower_kwargs(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        for name in kwargs:
            _within("kwargs", check_key, name)
        return {name: _inside("kwargs", name, self._named(name).lower, value) for name, value in kwargs.items()}

    def lift_args(self, trees: list[Any]) -> tuple[Any, ...]:
        return tuple([_inside("args", i, self._at(i).lift, tree) for i, tree in enumerate(trees)])

    def lift_kwargs(self, trees: dict[str, Any]) -> dict[str, Any]:
        return {name: _inside("kwargs", name, self._named(name).lift, tree) for name, tree in trees.items()}

    def verify(self, call: EncodedCall, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        for i, tree in enumerate(_within("args", read_json, call.args)):
            _inside("args", i, self._at(i).verify, args[i], tree)
        if call.kwargs is not None:
            for name, tree in _within("kwargs", read_json, call.kwargs).items():
                _inside("kwargs", name, self._named(name).verify, kwargs[name], tree)

    def _at(self, index: int) -> Codec:
        return self.positional[index] if index < len(self.positional) else self.rest

    def _named(self, name: str) -> Codec:
        return self.named.get(name, self.others)


def _plan_for(function: Callable[..., Any], signature: inspect.Signature, context_type: type | None) -> _Plan:
    hints = hints_of(function, signature)
    parameters = list(signature.parameters.values())
    takes_context = bool(parameters) and _is_leading_context(parameters[0], hints, context_type)
    called = parameters[1:] if takes_context else parameters
    text = _text_of(function, called)
    if any(is_context(hints.get(parameter.name), context_type) for parameter in called):
        raise SignatureError(f"{text}: the context must be the first parameter, and no keyword")
    codecs = {parameter.name: codec_for(hints.get(parameter.name, Any)) for parameter in called}
    by_place = [parameter for parameter in called if parameter.kind in _POSITIONAL]
    kinds = {parameter.kind: codecs[parameter.name] for parameter in called}
    return _Plan(
        text=text,
        signature=signature,
        takes_context=takes_context,
        positional=tuple(codecs[parameter.name] for parameter in by_place),
        rest=kinds.get(inspect.Parameter.VAR_POSITIONAL, JSON),
        named={parameter.name: codecs[parameter.name] for parameter in called if parameter.kind in _KEYWORD},
        others=kinds.get(inspect.Parameter.VAR_KEYWORD, JSON),
        result=codec_for(result_of(hints)),
        fewest=sum(parameter.default is parameter.empty for parameter in by_place),
        most=_most_positional(called, len(by_place)),
        is_plain=all(codec.is_plain for codec in codecs.values()),
    )


def _is_leading_context(parameter: inspect.Parameter, hints: dict[str, Any], context_type: type | None) -> bool:
    if parameter.kind not in _POSITIONAL:
        return False
    if parameter.annotation is parameter.empty:
        return parameter.name == "ctx"
    return is_context(hints.get(parameter.name), context_type)


def _most_positional(called: list[inspect.Parameter], count: int) -> float:
    if any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in called):
        return -1  # no call without keywords fits
    return float("inf") if any(p.kind is p.VAR_POSITIONAL for p in called) else count


def _text_of(function: Callable[..., Any], called: list[inspect.Parameter]) -> str:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{name}{inspect.Signature(called)}"
