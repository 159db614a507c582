"""`bill.package(…)`: a work package that is being put together, for one use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar

from msgspec.structs import replace

from packhorse.domain.package import Locking, NewPackage, OnLocked, Reference, check_correlation
from packhorse.domain.parameters import Parameter, encode_parameters, merged, parameter_of
from packhorse.errors import ConfigurationError, UsageError
from packhorse.handle import JobHandle
from packhorse.inheriting import inherited_priority
from packhorse.options import ENQUEUE_OPTIONS, check_names
from packhorse.records import RecordTypes
from packhorse.task import BoundTask, Call, Enqueuer
from packhorse.workpackages.locks import RecordLock, check_on_locked
from packhorse.workpackages.package import WorkPackage

R = TypeVar("R")


def check_package_options(bound: BoundTask[[], Any], options: Mapping[str, Any]) -> None:
    """Refuse what can be no option of a package's enqueue.

    Raises:
        ConfigurationError: one is unknown or wrong, or two contradict each other.
    """
    check_names("a package", options, ("conn", *ENQUEUE_OPTIONS), "its parameters are given with .params(…)")
    bound.using(**options)


class PackageBuilder(Generic[R]):
    """A work package before it is enqueued: records, parameters, options. After that it can't be used any more.

        bill.package(conn=session).param("date", today).add(*orders).enqueue()

    Args:
        bound: the task with the options and the connection.
        enqueuer: stores it.
        records: what kinds of records there are.
        conn: the caller's connection.
        options: of the enqueue, as `using` takes them.
    """

    def __init__(
        self,
        bound: BoundTask[[], R],
        enqueuer: Enqueuer,
        records: RecordTypes,
        conn: object | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._bound = bound
        self._enqueuer = enqueuer
        self._records = records
        self._conn = conn
        self._options: dict[str, Any] = dict(options or {})
        self._own: dict[str, Parameter] = {}
        self._inherited: dict[str, Parameter] = {}
        self._elements: dict[Reference, None] = {}
        self._correlation: str | None = None
        self._locking: Locking | None = None
        self._used: str | None = None

    def __len__(self) -> int:
        """How many records it has."""
        return len(self._elements)

    def param(self, name: str, value: object) -> Self:
        """Give it a parameter, in place of one of that name that it has or inherits.

        Raises:
            PayloadError: the value is of a type that no parameter can have, or the name is none.
            UsageError: the package was enqueued or discarded.
        """
        self._check()
        self._own[name] = parameter_of(name, value)
        return self

    def params(self, **values: object) -> Self:
        """Give it parameters by keyword; see `param`."""
        for name, value in values.items():
            self.param(name, value)
        return self

    def inherit(self, values: Mapping[str, object]) -> Self:
        """Let it have the parameters of the process that enqueues it, unless it has one of that name itself.

        Raises:
            PayloadError: one of them can't be a parameter.
            UsageError: the package was enqueued or discarded.
        """
        self._check()
        self._inherited.update({name: parameter_of(name, value) for name, value in values.items()})
        return self

    def add(self, *records: object) -> Self:
        """Add records, of registered types, or `Reference`s to some; one that it has already is not added again.

        Raises:
            UsageError: one is of no registered type, has no key yet, or the package was enqueued or discarded.
        """
        self._check()
        self._elements.update(dict.fromkeys(self._records.check(self._records.reference(record)) for record in records))
        return self

    def using(self, **options: Any) -> Self:
        """Set options of the enqueue, as `task.using` takes them: `priority`, `delay`, `serial_key` and so on.

        Raises:
            ConfigurationError: an option is wrong.
            UsageError: the package was enqueued or discarded, or a connection is given: that belongs to `package`.
        """
        self._check()
        if "conn" in options:
            raise UsageError("give the connection to package(conn=…)")
        check_package_options(self._bound, {**self._options, **options})
        self._options.update(options)
        return self

    def lock(self, on_locked: OnLocked = "refuse", *, over: RecordLock | WorkPackage | str | None = None) -> Self:
        """Have it lock its records, for as long as its job lives; nobody has to release them.

        Args:
            on_locked: what becomes of a record that somebody else has locked: `refuse` raises RecordLocked at the
                enqueue, and nothing is stored; `ignore` leaves it out of the lock, and the package is about it still.
            over: whose locks it takes over: those of `app.lock_records`, by what that returned or by the owner's name,
                or of the package whose handler this is.

        Raises:
            UsageError: `on_locked` or `over` is none of these, or the package was enqueued or discarded.
        """
        self._check()
        owner = over.owner if isinstance(over, RecordLock) else over if isinstance(over, str) else None
        job_id = over.id if isinstance(over, WorkPackage) else None
        if over is not None and owner is None and job_id is None:
            raise UsageError(f"over must be what lock_records returned, an owner's name, or a package, not {over!r}")
        self._locking = Locking(on_locked=check_on_locked(on_locked), over_owner=owner, over_job=job_id)
        return self

    def correlation(self, id: object) -> Self:
        """Give it an id by which others know it again, of 1 to 200 characters.

        Raises:
            UsageError: it is none, or the package was enqueued or discarded.
        """
        self._check()
        self._correlation = check_correlation(id)
        return self

    def enqueue(self) -> JobHandle[R]:
        """Store it with all that belongs to it, or not at all: as `BoundTask.enqueue`, which says where."""
        handle = self._enqueuer.enqueue_call(self._built(), self._conn)
        self._used = "enqueued"
        return handle

    async def aenqueue(self) -> JobHandle[R]:
        """Do what `enqueue` does, for coroutines; takes asynchronous connections as well."""
        handle = await self._enqueuer.aenqueue_call(self._built(), self._conn)
        self._used = "enqueued"
        return handle

    def call(self) -> Call[R]:
        """The package as a value, for `app.enqueue_many`, which is then given the connection.

        Raises:
            UsageError: it was enqueued or discarded, or has a connection of its own.
        """
        if self._conn is not None:
            raise UsageError("a package for enqueue_many carries no connection: give conn to that")
        call = self._built()
        self._used = "made a call of"
        return call

    def discard(self) -> None:
        """Give it up: it can't be used any more."""
        self._check()
        self._used = "discarded"

    def _check(self) -> None:
        if self._used is not None:
            raise UsageError(f"this package was {self._used} already: make another one with package()")

    def _built(self) -> Call[R]:
        self._check()
        if self._options.get("on_duplicate") in ("replace", "earliest"):
            raise ConfigurationError(
                "a package can't take over another one: with a unique_key, on_duplicate must be 'refuse', "
                "'keep', which leaves the package that is found as it is, or 'merge', which adds the records to it"
            )
        inherited = inherited_priority()
        options = self._options if inherited is None else {**self._options, "priority": inherited}
        call: Call[R] = self._bound.using(**options).call()
        package = NewPackage(
            parameters=encode_parameters(merged(self._own, self._inherited)),
            correlation=self._correlation,
            elements=tuple(self._elements),
            locking=self._locking,
        )
        return replace(call, package=package)
