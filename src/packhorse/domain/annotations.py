"""What the annotations of a handler function say, also where they name what is not defined yet or not imported."""

from __future__ import annotations

import functools
import inspect
import operator
import sys
import types
from collections.abc import Callable
from typing import Any, Final, ForwardRef, Union, get_args, get_origin, get_type_hints

from packhorse.domain.outcome import Verdict
from packhorse.errors import SignatureError

_NO_CODE: Final = (lambda: None).__code__


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The function's signature, its annotations as they are written.

    Raises:
        SignatureError: the callable does not tell its parameters.
    """
    try:
        if sys.version_info >= (3, 14):
            from annotationlib import Format  # annotations that name what does not exist yet would raise otherwise

            return inspect.signature(function, annotation_format=Format.FORWARDREF)
        return inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise SignatureError(f"{function!r} does not tell its parameters: {error}") from error


def hints_of(function: Callable[..., Any], signature: inspect.Signature) -> dict[str, Any]:
    """The resolved annotations; one that cannot be resolved stays the text that it is."""
    scope = getattr(_innermost(function), "__globals__", {})
    written = {p.name: p.annotation for p in signature.parameters.values() if p.annotation is not p.empty}
    if signature.return_annotation is not signature.empty:
        written["return"] = signature.return_annotation
    try:
        return _evaluate(written, scope)
    except Exception:  # noqa: BLE001 - an annotation is any expression
        return {name: _evaluate_one(annotation, scope) for name, annotation in written.items()}


def _evaluate_one(annotation: Any, scope: dict[str, Any]) -> Any:
    try:
        return _evaluate({"it": annotation}, scope)["it"]
    except Exception:  # noqa: BLE001 - an annotation is any expression
        return _written(annotation)


def _evaluate(annotations: dict[str, Any], scope: dict[str, Any]) -> dict[str, Any]:
    bearer = types.FunctionType(_NO_CODE, scope)
    bearer.__annotations__ = dict(annotations)
    return get_type_hints(bearer, include_extras=True)


def _written(annotation: Any) -> Any:
    return annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation


def _innermost(function: Any) -> Any:
    """The function under wrappers, partials, bound methods and callable objects: its module resolves the names."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return _innermost(function.func)
    if inspect.ismethod(function):
        return _innermost(function.__func__)
    return function if inspect.isfunction(function) else type(function).__call__


def is_context(hint: Any, context_type: type | None) -> bool:
    """True when the annotation names the context, alone or in a union such as `Context | None`.

    Args:
        hint: an annotation out of `hints_of`, or None.
        context_type: the context's class; without it, every class named `Context` will do.
    """
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return any(_names_context(member, context_type) for member in members)


def _names_context(annotation: Any, context_type: type | None) -> bool:
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and context_type is not None:
        return issubclass(kind, context_type)
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    wanted = "Context" if context_type is None else context_type.__name__
    return wanted in (part.strip().split("[")[0].rpartition(".")[2] for part in name.split("|"))


def result_of(hints: dict[str, Any]) -> Any:
    """The return annotation without Skip, Retry and the like, which may be returned but are no results."""
    annotation = hints.get("return", Any)
    members = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    results = [member for member in members if not _is_verdict(member)]
    return functools.reduce(operator.or_, results) if results else Any


def _is_verdict(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Verdict)
