"""The deferred calls of one class: the tasks of its methods, and how a call of one becomes jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec.structs import replace

from packhorse.deferred.arguments import checker
from packhorse.deferred.choices import Choice, chosen, slices
from packhorse.deferred.home import Home
from packhorse.deferred.methods import Method, as_handler, method_of, methods_of
from packhorse.deferred.pending import PendingHandle
from packhorse.deferred.running import runner
from packhorse.domain.package import NewPackage, Reference
from packhorse.errors import UsageError
from packhorse.handle import JobHandle
from packhorse.records import RecordType
from packhorse.task import Call, Task

Handles = JobHandle[Any] | list[JobHandle[Any]]


class Storing(Protocol):
    """Stores calls; what this needs of the application."""

    def enqueue_many(self, calls: Iterable[Call[Any]], *, conn: object | None = None) -> list[JobHandle[Any]]:
        """Store calls, all or none."""
        ...

    async def aenqueue_many(self, calls: Iterable[Call[Any]], *, conn: object | None = None) -> list[JobHandle[Any]]:
        """The same for coroutines."""
        ...


@dataclass(frozen=True, slots=True)
class _Order:
    """A call that was made, and is not stored yet."""

    task: Task[..., Any]
    records: Sequence[Any]
    is_single: bool
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    choice: Choice

    def slices(self) -> list[Sequence[Any]]:
        """The records of each job."""
        return slices(self.records, None if self.is_single else self.choice.batch_size)

    def check(self) -> None:
        """Refuse now what could not be stored later.

        Raises:
            PayloadError: an argument would not survive, or does not fit.
        """
        self.task.signature.encode(("", *self.args), self.kwargs)


class ModelCalls:
    """The calls of one class, in one application.

    Args:
        model: the class.
        kind: how its records are known and read.
        home: finds what they belong to.
        storing: stores calls.
        register: makes a task of a function, by its name.
        name: by which its calls are stored, before the method's name.
        batch_size: what `batch_size=True` means.
    """

    def __init__(
        self,
        model: type,
        kind: RecordType,
        home: Home,
        storing: Storing,
        register: Callable[[Callable[..., Any], str], Task[..., Any]],
        *,
        name: str,
        batch_size: int,
    ) -> None:
        self.model = model
        self.name = name
        self._kind = kind
        self._home = home
        self._storing = storing
        self._batch_size = batch_size
        methods = list(methods_of(model))
        self._tasks = {one.name: register(as_handler(one, runner(one, kind)), f"{name}.{one.name}") for one in methods}
        self._checks = {
            one.name: checker(f"{model.__qualname__}.{one.name}", one.function, one.signature) for one in methods
        }

    def method(self, name: str) -> Method:
        """The method of that name.

        Raises:
            UnknownMethod: there is none that can be called later.
        """
        return method_of(self.model, name)

    def call(
        self, name: str, said: Mapping[str, Any], records: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Store a call; the job, for a list of records the list of jobs.

        Under a session for coroutines it is stored when that next writes, which its handles wait for.
        """
        order = self._order(name, said, records, args, kwargs)
        session = self._session(order)
        if session is not None and self._home.is_async(session):
            pending = [PendingHandle() for _ in order.slices()]
            order.check()
            here = copy_context()  # on whose behalf it is called
            self._home.at_flush(session, lambda conn: here.run(self._store_pending, order, conn, pending))
            return pending[0] if order.is_single else pending
        if session is not None:
            self._home.flush(session, order.records)
        return _told(order, self._storing.enqueue_many(self._calls(order), conn=session))

    async def acall(
        self, name: str, said: Mapping[str, Any], records: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """The same for coroutines, at once."""
        order = self._order(name, said, records, args, kwargs)
        session = self._session(order)
        if session is not None and self._home.is_async(session):
            await self._home.aflush(session, order.records)
        elif session is not None:
            self._home.flush(session, order.records)
        return _told(order, await self._storing.aenqueue_many(self._calls(order), conn=session))

    def _store_pending(self, order: _Order, conn: Any, pending: Sequence[PendingHandle]) -> None:
        for handle, stored in zip(pending, self._storing.enqueue_many(self._calls(order), conn=conn), strict=True):
            handle.stored = stored

    def _order(
        self, name: str, said: Mapping[str, Any], records: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> _Order:
        self.method(name)
        is_single = isinstance(records, self.model)
        given = [records] if is_single else list(records) if isinstance(records, Iterable) else [records]
        for record in given:
            if not isinstance(record, self.model):
                raise UsageError(
                    f"{self.model.__qualname__}.{name} is called later on {self.model.__qualname__} objects, or a list "
                    f"of them, not on {type(record).__qualname__}: they are its first argument"
                )
        self._checks[name](args, kwargs)
        each_once = list({id(record): record for record in given}.values())
        return _Order(self._tasks[name], each_once, is_single, args, kwargs, chosen(self._batch_size, said))

    def _session(self, order: _Order) -> Any | None:
        """The connection that was given, else the one session of all the records."""
        if order.choice.conn is not None:
            return order.choice.conn
        found = {id(session): session for one in order.records if (session := self._home.session_of(one)) is not None}
        if len(found) > 1:
            raise UsageError("the records belong to several sessions: give the one to store the call on, as conn=…")
        return next(iter(found.values()), None)

    def _calls(self, order: _Order) -> list[Call[Any]]:
        bound = order.task.using(**order.choice.options)
        calls = []
        for records in order.slices():
            keys = [self._kind.key_of(record) for record in records]
            call = bound.call(keys[0] if order.is_single else keys, *order.args, **order.kwargs)
            elements = tuple(Reference(self._kind.name, key) for key in keys)
            calls.append(replace(call, package=NewPackage(elements=elements)))
        return calls


def _told(order: _Order, handles: list[JobHandle[Any]]) -> Any:
    return handles[0] if order.is_single else handles
