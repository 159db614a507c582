"""What a model's methods are called later through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, Unpack, overload

from packhorse.deferred.choices import CallOptions, checked, joined
from packhorse.deferred.methods import method_of, methods_of

if TYPE_CHECKING:
    from packhorse.deferred.calls import ModelCalls
    from packhorse.handle import JobHandle

M = TypeVar("M")
P = ParamSpec("P")
R = TypeVar("R")
Calls = Callable[[], "ModelCalls"]


class Proxy:
    """`Order.__queue__`: has the methods of `Order`; calling one stores the call. `Order.__queue__(…)` takes options.

    Args:
        calls: gives the calls of the class.
        model: the class.
        said: checked options.
    """

    def __init__(self, calls: Calls, model: type, said: Mapping[str, Any] = {}) -> None:
        self._calls = calls
        self._model = model
        self._said = said

    def __call__(self, **options: Unpack[CallOptions]) -> Proxy:
        """The proxy with options for its calls; see `CallOptions`.

        Raises:
            ConfigurationError: an option is wrong.
        """
        return Proxy(self._calls, self._model, joined(self._said, checked(options)))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The method of that name, called later: with a record, or a list of them, and then its own arguments.

        Raises:
            UnknownMethod: there is none.
        """
        method_of(self._model, name)

        def later(records: Any, /, *args: Any, **kwargs: Any) -> Any:
            return self._calls().call(name, self._said, records, args, kwargs)

        return later

    def __dir__(self) -> list[str]:
        """The model's own names, for an editor to complete."""
        return sorted(method.name for method in methods_of(self._model))

    def __repr__(self) -> str:
        return f"<{self._model.__qualname__}.__queue__>"


class AsyncProxy:
    """The same for coroutines: each call is awaited, and stored when it returns."""

    def __init__(self, calls: Calls, model: type, said: Mapping[str, Any] = {}) -> None:
        self._calls = calls
        self._model = model
        self._said = said

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The method of that name.

        Raises:
            UnknownMethod: there is none.
        """
        method_of(self._model, name)

        async def later(records: Any, /, *args: Any, **kwargs: Any) -> Any:
            return await self._calls().acall(name, self._said, records, args, kwargs)

        return later

    def __dir__(self) -> list[str]:
        """The model's own names, for an editor to complete."""
        return sorted(method.name for method in methods_of(self._model))

    def __repr__(self) -> str:
        return f"<async {self._model.__qualname__}.__queue__>"


class DeferredMethod(Generic[M, P, R]):
    """`app.deferred(Order.process)`: one method, called later, with its types: `…(order, 42)` or `…(orders, 42)`."""

    def __init__(self, later: Callable[..., Any]) -> None:
        self._later = later

    @overload
    def __call__(self, records: M, /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]: ...
    @overload
    def __call__(self, records: Iterable[M], /, *args: P.args, **kwargs: P.kwargs) -> list[JobHandle[None]]: ...
    def __call__(self, records: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Store the call: of one record a job, of several a list of jobs."""
        return self._later(records, *args, **kwargs)


class AsyncDeferredMethod(Generic[M, P, R]):
    """The same for coroutines: `await app.adeferred(Order.process)(order, 42)`."""

    def __init__(self, later: Callable[..., Awaitable[Any]]) -> None:
        self._later = later

    @overload
    async def __call__(self, records: M, /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]: ...
    @overload
    async def __call__(self, records: Iterable[M], /, *args: P.args, **kwargs: P.kwargs) -> list[JobHandle[None]]: ...
    async def __call__(self, records: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Store the call: of one record a job, of several a list of jobs."""
        return await self._later(records, *args, **kwargs)


class DeferredOnList(Generic[M, P, R]):
    """`app.deferred(Order.close_all)`, where that is a class method which takes a list of records."""

    def __init__(self, later: Callable[..., Any]) -> None:
        self._later = later

    def __call__(self, records: Iterable[M], /, *args: P.args, **kwargs: P.kwargs) -> list[JobHandle[R]]:
        """Store the call: as many jobs as there are batches of records."""
        made: list[JobHandle[R]] = self._later(list(records), *args, **kwargs)
        return made


class AsyncDeferredOnList(Generic[M, P, R]):
    """The same for coroutines."""

    def __init__(self, later: Callable[..., Awaitable[Any]]) -> None:
        self._later = later

    async def __call__(self, records: Iterable[M], /, *args: P.args, **kwargs: P.kwargs) -> list[JobHandle[R]]:
        """Store the call: as many jobs as there are batches of records."""
        made: list[JobHandle[R]] = await self._later(list(records), *args, **kwargs)
        return made


Instance = Callable[Concatenate[M, P], R]
OnList = Callable[Concatenate[list[M], P], R]
