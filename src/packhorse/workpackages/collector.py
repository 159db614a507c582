"""`app.collector(…)`: gathers what one transaction has for a handler into one work package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, Protocol, TypeVar, get_args

import msgspec.structs

from packhorse.domain.package import NewPackage, OnLocked
from packhorse.domain.parameters import Parameter, merged_equal
from packhorse.errors import ConfigurationError
from packhorse.handle import JobHandle
from packhorse.options import ENQUEUE_OPTIONS, HasId, batch_id, check_names
from packhorse.records import RecordTypes
from packhorse.task import Call
from packhorse.workpackages.task import PackageTask

R = TypeVar("R")
Mode = Literal["one", "each", "batch", "bare"]
"""One package for all that a transaction schedules; one for each record; one for each batch; or one without records."""
Parameters = Mapping[str, object] | Callable[[Any], Mapping[str, object]]
"""The parameters of a package, or what gives those that an item asks for."""
BatchOf = Callable[[Any], HasId | int | None]
"""Gives the batch that an item's package is in."""
LONGEST_NAME = 200


class Stores(Protocol):
    """What stores packages."""

    def enqueue_many(self, calls: Iterable[Call[R]], *, conn: object | None = None) -> list[JobHandle[R]]:
        """Store all of them or none."""
        ...

    async def aenqueue_many(self, calls: Iterable[Call[R]], *, conn: object | None = None) -> list[JobHandle[R]]:
        """The same for coroutines."""
        ...


@dataclass(frozen=True, kw_only=True)
class Collecting:
    """How a collector gathers.

    Attributes:
        name: of the collector; what is scheduled under another one goes into other packages.
        mode: what a package is made for.
        parameters: what its packages are told.
        eligible: whether an item is gathered at all; all are by default.
        batch_of: gives the batch that an item's package is in, in mode `batch`.
        lock: whether its packages lock their records, and what becomes of those that others have locked.
        options: of the enqueue, as `task.using` takes them.
    """

    name: str
    mode: Mode = "one"
    parameters: Parameters = field(default_factory=dict[str, object])
    eligible: Callable[[Any], bool]
    batch_of: BatchOf | None = None
    lock: OnLocked | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ConfigurationError(f"mode must be one of {', '.join(get_args(Mode))}, not {self.mode!r}")
        if (self.batch_of is None) == (self.mode == "batch"):
            raise ConfigurationError("mode='batch', and no other one, takes batch_of=…: the batch of an item's package")
        if not self.options.keys().isdisjoint(("conn", "unique_key", "after")):
            raise ConfigurationError("a collector takes no unique_key and no after; and conn belongs to schedule(…)")
        if self.mode == "batch" and "batch" in self.options:
            raise ConfigurationError("in mode 'batch' it is batch_of that says which batch a package is in")
        if not self.name.isprintable() or not 0 < len(self.name) <= LONGEST_NAME:
            raise ConfigurationError(
                f"a collector is called by a text of 1 to {LONGEST_NAME} printable characters, not {self.name!r}"
            )
        check_names("a collector", self.options, ENQUEUE_OPTIONS)
        if self.lock is not None and self.lock not in get_args(OnLocked):
            raise ConfigurationError(f"lock must be 'refuse' or 'ignore', not {self.lock!r}")


class Collector(Generic[R]):
    """Gathers items, and when their transaction commits there is a package of them.

    The first item stores the package in the caller's open transaction, and later ones add to it, so that it commits,
    and is rolled back, with what the caller has written, whatever the connection; after the rollback of a savepoint
    what was scheduled inside is gone, and what comes then is gathered anew. Nothing is kept in memory.

    Args:
        task: what handles the packages.
        collecting: how it gathers.
        stores: stores them.
        records: what kinds of records there are.
    """

    def __init__(self, task: PackageTask[R], collecting: Collecting, stores: Stores, records: RecordTypes) -> None:
        self._task = task
        self._how = collecting
        self._stores = stores
        self._records = records
        task.package(**collecting.options).discard()

    def schedule(self, item: object, *, conn: object | None = None, **params: object) -> JobHandle[R] | None:
        """Add an item to the package of this transaction; outside a transaction it has one of its own.

        Args:
            item: a record of a registered type; in mode `bare` anything.
            conn: the caller's connection; without one as for `BoundTask.enqueue`.
            params: further parameters of the package.

        Returns:
            The package; None for an item that is not eligible.

        Raises:
            PayloadError: the package has another value for a parameter; nothing is added.
            RecordLocked: the record is locked by somebody else, and the collector was told to refuse that.
        """
        return next(iter(self.schedule_many([item], conn=conn, **params)), None)

    async def aschedule(self, item: object, *, conn: object | None = None, **params: object) -> JobHandle[R] | None:
        """Do what `schedule` does, for coroutines; takes asynchronous connections as well."""
        return next(iter(await self.aschedule_many([item], conn=conn, **params)), None)

    def schedule_many(
        self, items: Iterable[object], *, conn: object | None = None, **params: object
    ) -> list[JobHandle[R]]:
        """Add many items at once, by as few statements as one takes; the packages, each once."""
        calls = self._calls(items, params)
        return _each_once(self._stores.enqueue_many(calls, conn=conn)) if calls else []

    async def aschedule_many(
        self, items: Iterable[object], *, conn: object | None = None, **params: object
    ) -> list[JobHandle[R]]:
        """Do what `schedule_many` does, for coroutines."""
        calls = self._calls(items, params)
        return _each_once(await self._stores.aenqueue_many(calls, conn=conn)) if calls else []

    def _calls(self, items: Iterable[object], params: Mapping[str, object]) -> Sequence[Call[R]]:
        gathered: dict[tuple[str, int | None], list[object]] = {}
        for item in items:
            if self._how.eligible(item):
                gathered.setdefault(self._place_of(item), []).append(item)
        return [self._call(place, batch, together, params) for (place, batch), together in gathered.items()]

    def _place_of(self, item: object) -> tuple[str, int | None]:
        """What tells the package that an item goes into from others of this collector, and the batch that it is in."""
        if self._how.mode == "each":
            return str(self._records.reference(item)), None
        batch = None if self._how.batch_of is None else self._how.batch_of(item)
        id = None if batch is None else batch_id(batch)
        return f"batch {id}", id

    def _call(self, place: str, batch: int | None, items: Sequence[object], params: Mapping[str, object]) -> Call[R]:
        values: dict[str, Parameter] = merged_equal({}, params)
        for item in items:
            values = merged_equal(values, self._parameters_of(item))
        options = self._how.options if batch is None else {**self._how.options, "batch": batch}
        package = self._task.package(**options).params(**values)
        if self._how.lock is not None:
            package.lock(self._how.lock)
        call = (package if self._how.mode == "bare" else package.add(*items)).call()
        name = f"{self._task.name}\n{self._how.name}\n{place}"
        return msgspec.structs.replace(call, package=replace(call.package or NewPackage(), collector=name))

    def _parameters_of(self, item: object) -> Mapping[str, object]:
        return self._how.parameters(item) if callable(self._how.parameters) else self._how.parameters


def _each_once(handles: Sequence[JobHandle[R]]) -> list[JobHandle[R]]:
    return list({handle.id: handle for handle in handles}.values())
