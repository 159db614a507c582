"""What an application has for deferred calls: `app.deferrable`, `app.deferred`, `app.adeferred`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, Unpack, overload

from packhorse.deferred.calls import ModelCalls
from packhorse.deferred.choices import DEFAULT_BATCH_SIZE, CallOptions, check_batch_size, checked
from packhorse.deferred.home import NOWHERE, Home
from packhorse.deferred.methods import default_name, name_in
from packhorse.deferred.models import deferrable_classes, give, know_application
from packhorse.deferred.proxy import (
    AsyncDeferredMethod,
    AsyncDeferredOnList,
    AsyncProxy,
    DeferredMethod,
    DeferredOnList,
    Proxy,
)
from packhorse.errors import ConfigurationError, UsageError
from packhorse.records import Loading, RecordType, RecordTypes

if TYPE_CHECKING:
    from packhorse.task import Task

M = TypeVar("M")
P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


class Deferring:
    """The part of an application that is about deferred calls."""

    record_types: RecordTypes

    def __init__(self) -> None:
        self._calls: dict[type, ModelCalls] = {}
        know_application(self)

    @overload
    def deferrable(self, model: C, /) -> C: ...
    @overload
    def deferrable(self, model: C, /, *, name: str | None = ..., batch_size: int = ..., **options: Any) -> C: ...
    @overload
    def deferrable(self, /, *, name: str | None = ..., batch_size: int = ..., **options: Any) -> Callable[[C], C]: ...
    def deferrable(
        self,
        model: type | None = None,
        /,
        *,
        name: str | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        **options: Any,
    ) -> Any:
        """Have the methods of a class be called later in this application: `app.deferrable(Order)`, or a decorator.

        Needed for a class that is not below `Deferrable`, for the options, and where a process has several
        applications. Workers must import what says so.

        Args:
            model: a class mapped by SQLAlchemy, a model of Django, or one that `app.record_type` knows.
            name: by which its calls are stored, before the method's name; by default `module.qualname`.
            batch_size: what `batch_size=True` means for its calls; 20.
            options: of the tasks of its methods, as `app.task` takes them: `queue`, `priority`, `max_attempts`, …

        Raises:
            ConfigurationError: the class is not mapped, it is in use already, or an option is wrong.
            DuplicateTask: another class's calls have the name.
        """
        if model is None:
            return lambda cls: self.deferrable(cls, name=name, batch_size=batch_size, **options)
        if model in self._calls:
            raise ConfigurationError(f"{model.__qualname__} is deferrable in this application already")
        check_batch_size(batch_size)
        self._take(model, name or default_name(model), batch_size, options)
        give(model, self.adopt)
        return model

    @overload
    def deferred(self, target: type, /, **options: Unpack[CallOptions]) -> Proxy: ...  # type: ignore[overload-overlap]
    @overload
    def deferred(  # type: ignore[overload-overlap]
        self, target: Callable[Concatenate[list[M], P], Coroutine[Any, Any, R]], /, **options: Unpack[CallOptions]
    ) -> DeferredOnList[M, P, R]: ...
    @overload
    def deferred(
        self, target: Callable[Concatenate[list[M], P], R], /, **options: Unpack[CallOptions]
    ) -> DeferredOnList[M, P, R]: ...
    @overload
    def deferred(
        self, target: Callable[Concatenate[M, P], Coroutine[Any, Any, R]], /, **options: Unpack[CallOptions]
    ) -> DeferredMethod[M, P, R]: ...
    @overload
    def deferred(
        self, target: Callable[Concatenate[M, P], R], /, **options: Unpack[CallOptions]
    ) -> DeferredMethod[M, P, R]: ...
    def deferred(self, target: Any, /, **options: Unpack[CallOptions]) -> Any:
        """Call a method later: `app.deferred(Order).process(orders, 42)`, or `app.deferred(Order.process)(orders, 42)`.

        The second is checked by the type checkers, its arguments and the result of its job.

        Args:
            target: the class, or a method of it; a subclass of `Deferrable`, or given to `app.deferrable` before.
            options: how the calls are enqueued; see `CallOptions`.

        Raises:
            ConfigurationError: the class is not known here, or an option is wrong.
            UnknownMethod: the class has no such method that can be called later.
        """
        model, name = self._target(target)
        proxy = Proxy(lambda: self.adopt(model), model, checked(options))
        return proxy if name is None else DeferredMethod[Any, Any, Any](getattr(proxy, name))

    @overload
    def adeferred(self, target: type, /, **options: Unpack[CallOptions]) -> AsyncProxy: ...  # type: ignore[overload-overlap]
    @overload
    def adeferred(  # type: ignore[overload-overlap]
        self, target: Callable[Concatenate[list[M], P], Coroutine[Any, Any, R]], /, **options: Unpack[CallOptions]
    ) -> AsyncDeferredOnList[M, P, R]: ...
    @overload
    def adeferred(
        self, target: Callable[Concatenate[list[M], P], R], /, **options: Unpack[CallOptions]
    ) -> AsyncDeferredOnList[M, P, R]: ...
    @overload
    def adeferred(
        self, target: Callable[Concatenate[M, P], Coroutine[Any, Any, R]], /, **options: Unpack[CallOptions]
    ) -> AsyncDeferredMethod[M, P, R]: ...
    @overload
    def adeferred(
        self, target: Callable[Concatenate[M, P], R], /, **options: Unpack[CallOptions]
    ) -> AsyncDeferredMethod[M, P, R]: ...
    def adeferred(self, target: Any, /, **options: Unpack[CallOptions]) -> Any:
        """Do what `deferred` does, for coroutines: `await app.adeferred(Order).process(orders, 42)`.

        Under an `AsyncSession` the call is stored when that returns, not only at the session's next flush.
        """
        model, name = self._target(target)
        proxy = AsyncProxy(lambda: self.adopt(model), model, checked(options))
        return proxy if name is None else AsyncDeferredMethod[Any, Any, Any](getattr(proxy, name))

    def adopt(self, model: type) -> ModelCalls:
        """The calls of a class; one below `Deferrable` is taken in when it is first asked for.

        Raises:
            ConfigurationError: it is neither, or is not mapped.
        """
        calls = self._calls.get(model)
        if calls is not None:
            return calls
        if model not in deferrable_classes():
            raise ConfigurationError(
                f"{model.__qualname__} is not known here: app.deferrable({model.__qualname__}) in a module "
                "that workers import, or make it a subclass of packhorse.Deferrable"
            )
        return self._take(model, default_name(model), DEFAULT_BATCH_SIZE, {})

    def adopt_all(self) -> None:
        """Take in every class below `Deferrable` that is mapped and nobody else's, as workers do at their start."""
        for model in deferrable_classes():
            if model not in self._calls and model.__module__ != "__main__" and self._find_home(model) is not None:
                self.adopt(model)

    def _take(self, model: type, name: str, batch_size: int, options: Mapping[str, Any]) -> ModelCalls:
        home = self._find_home(model)
        kind = self.record_types.find(model) or self._kind(model)
        register = _registering(self._register, options)
        calls = ModelCalls(model, kind, home or NOWHERE, self, register, name=name, batch_size=batch_size)
        self._calls[model] = calls
        return calls

    def _kind(self, model: type) -> RecordType:
        made = self._loading(model)
        return RecordType(name=model.__name__.lower(), model=model, key_of=made.key_of, load=made.load, lock=made.lock)

    def _target(self, target: Any) -> tuple[type, str | None]:
        """The class, and the name of the method if it is one."""
        if inspect.isclass(target):
            return target, None
        known = [*self._calls, *deferrable_classes()]
        owner = getattr(target, "__self__", None)
        if inspect.isclass(owner) and (name := name_in(owner, target)) is not None:
            return owner, name
        written = _written_owner(target)
        found = {model: name for model in known if (name := name_in(model, target)) is not None}
        if written in found:
            return written, found[written]
        if len(found) == 1:
            return next(iter(found.items()))
        said = getattr(target, "__qualname__", repr(target))
        if found:
            several = ", ".join(model.__qualname__ for model in found)
            raise UsageError(f"{said} is a method of {several}: say which by app.deferred(Model).{target.__name__}")
        raise ConfigurationError(f"{said} is no method of a class that is known here: app.deferrable(Model)")

    if TYPE_CHECKING:

        def _register(self, function: Callable[..., Any], options: Mapping[str, Any]) -> Task[..., Any]:
            """Make a task of a function."""
            ...

        def _loading(self, model: type) -> Loading:
            """How a framework's records are known and loaded."""
            ...

        def _find_home(self, model: type) -> Home | None:
            """What finds the sessions of a framework's records; None where no framework has mapped the class."""
            ...

        enqueue_many: Any
        aenqueue_many: Any


def _registering(
    register: Callable[[Callable[..., Any], Mapping[str, Any]], Task[..., Any]], options: Mapping[str, Any]
) -> Callable[[Callable[..., Any], str], Task[..., Any]]:
    return lambda function, name: register(function, {"policy": "deferred", **options, "name": name})


def _written_owner(target: Any) -> type | None:
    """The class in whose body a function stands, where its name leads there."""
    found: Any = sys.modules.get(getattr(target, "__module__", ""))
    for part in getattr(target, "__qualname__", "").split(".")[:-1]:
        found = getattr(found, part, None)
    return found if inspect.isclass(found) else None
