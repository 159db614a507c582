"""The methods of a class that can be called later: which ones they are, how they are called, and how that is stored."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from packhorse.context import Context
from packhorse.domain.annotations import signature_of
from packhorse.errors import ConfigurationError, UnknownMethod

Kind = Literal["instance", "class"]
"""`instance`: called on each record; `class`: called once, with a record or a list of them as its first argument."""

FRAMEWORKS: Final = ("sqlalchemy", "django", "packhorse")
"""Packages whose own methods are nobody's business methods."""
_BY_POSITION: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method that can be called later.

    Attributes:
        model: the class that it was found on.
        name: what it is called.
        kind: on what it is called.
        function: the function behind it.
        signature: what it is called with: the records, then its own arguments.
    """

    model: type
    name: str
    kind: Kind
    function: Callable[..., Any]
    signature: inspect.Signature

    @property
    def is_async(self) -> bool:
        """Whether it is a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    def called_on(self, record: Any) -> Callable[..., Any]:
        """The method of this record, which may be of a class below the model; or of the model, that takes records."""
        if self.kind == "instance":
            method: Callable[..., Any] = getattr(record, self.name)
            return method
        bound: Callable[..., Any] = getattr(self.model, self.name)
        return lambda *args, **kwargs: bound(record, *args, **kwargs)


def methods_of(model: type) -> Iterator[Method]:
    """All methods of a class that can be called later: its own and inherited ones, but for a framework's."""
    names = dict.fromkeys(name for cls in model.__mro__ if not _is_framework(cls) for name in vars(cls))
    for name in names:
        if not _is_special(name) and (method := _find(model, name)) is not None:
            yield method


def method_of(model: type, name: str) -> Method:
    """A class's method of that name.

    Raises:
        UnknownMethod: there is none that can be called later; the message says why, or names those that there are.
    """
    method = None if _is_special(name) else _find(model, name)
    if method is not None:
        return method
    if hasattr(model, name):
        raise UnknownMethod(f"{model.__qualname__}.{name} can't be called later: {_why_not(model, name)}")
    known = ", ".join(one.name for one in methods_of(model)) or "none"
    raise UnknownMethod(f"{model.__qualname__} has no method {name!r}; those that can be called later: {known}")


def name_in(model: type, function: object) -> str | None:
    """Under which name a class has this function, or this bound method of its; None where it has it not."""
    wanted = getattr(function, "__func__", function)
    name = getattr(wanted, "__name__", "")
    found = inspect.getattr_static(model, name, None) if name else None
    return name if found is not None and getattr(found, "__func__", found) is wanted else None


def as_handler(method: Method, run: Callable[..., Any]) -> Callable[..., Any]:
    """The function `run(ctx, records, *args, **kwargs)` with the signature of the method, to be made a task of."""
    if method.is_async:

        async def arun(ctx: Context, records: Any, /, *args: Any, **kwargs: Any) -> Any:
            return await run(ctx, records, *args, **kwargs)

        handler: Any = arun
    else:

        def call(ctx: Context, records: Any, /, *args: Any, **kwargs: Any) -> Any:
            return run(ctx, records, *args, **kwargs)

        handler = call
    handler.__name__, handler.__doc__ = method.name, method.function.__doc__
    handler.__module__, handler.__qualname__ = method.model.__module__, f"{method.model.__qualname__}.{method.name}"
    handler.__wrapped__ = method.function  # whose module says what its annotations mean
    handler.__signature__ = _with_context(method.signature)
    return handler  # type: ignore[no-any-return]


def _find(model: type, name: str) -> Method | None:
    owner = next((cls for cls in model.__mro__ if name in vars(cls)), object)
    found = vars(owner).get(name)
    if _is_framework(owner) or found is None:
        return None
    if isinstance(found, classmethod | staticmethod):
        function, kind, skipped = found.__func__, "class", 1 if isinstance(found, classmethod) else 0
    elif inspect.isfunction(found):
        function, kind, skipped = found, "instance", 1
    else:
        return None
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return None
    signature = _without(signature_of(function), skipped, takes_records=kind == "class")
    if signature is None:
        return None
    return Method(model=model, name=name, kind=kind, function=function, signature=signature)  # type: ignore[arg-type]


def _without(signature: inspect.Signature, skipped: int, *, takes_records: bool) -> inspect.Signature | None:
    """The records, and what is left of a signature's parameters; None where it takes no records."""
    parameters = list(signature.parameters.values())
    own = parameters[skipped + takes_records :]
    needed = parameters[: skipped + takes_records]
    if len(needed) < skipped + takes_records or any(one.kind not in _BY_POSITION for one in needed):
        return None
    name = "records"
    while name in signature.parameters:
        name = f"{name}_"
    records = inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY, annotation=str | list[str])
    return signature.replace(parameters=[records, *own])


def _with_context(signature: inspect.Signature) -> inspect.Signature:
    name = "ctx"
    while name in signature.parameters:
        name = f"{name}_"
    context = inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY, annotation=Context)
    return signature.replace(parameters=[context, *signature.parameters.values()])


def _why_not(model: type, name: str) -> str:
    owner = next((cls for cls in model.__mro__ if name in vars(cls)), object)
    found = vars(owner).get(name)
    function = getattr(found, "__func__", found)
    if _is_special(name):
        return "its name begins with an underscore"
    if not callable(function):
        return "it is no method"
    if _is_framework(owner):
        return f"it is {owner.__module__.partition('.')[0]}'s own; call it in a method of yours"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "it has a `yield` in it, so a call of it would run nothing"
    return "it must be a method of a record, or take records as its first argument"


def _is_special(name: str) -> bool:
    return name.startswith("_")


def _is_framework(cls: type) -> bool:
    return cls is object or cls.__module__.partition(".")[0] in FRAMEWORKS


def default_name(model: type) -> str:
    """By which name the calls of a class are stored: `module.qualname`.

    Raises:
        ConfigurationError: it is defined in `__main__`, which is another module in a worker.
    """
    if model.__module__ == "__main__":
        raise ConfigurationError(
            f"{model.__qualname__} is defined in __main__, which is another module in a worker: "
            f'give it a name, as in app.deferrable({model.__qualname__}, name="shop.{model.__qualname__}"), '
            "or define it in a module"
        )
    return f"{model.__module__}.{model.__qualname__}"
