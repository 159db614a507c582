"""What an application has for work packages: record types, their handlers, and which packages touch a record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, TypeVar, Unpack, overload
from uuid import uuid4

from packhorse.domain.outcome import Verdict
from packhorse.domain.package import OUTCOMES, Element, LockRecord, OnLocked, Outcome, PackageRecord, Reference
from packhorse.domain.retry import Backoff
from packhorse.domain.sizing import SizeSteps
from packhorse.errors import ConfigurationError, JobNotFound, UsageError
from packhorse.options import Isolation, task_options
from packhorse.records import KeyOf, Load, Loading, Named, RecordType, RecordTypes
from packhorse.task import Task
from packhorse.workpackages.collector import BatchOf, Collecting, Collector, Mode, Parameters
from packhorse.workpackages.each import Each
from packhorse.workpackages.locks import RecordLock, check_on_locked, check_owner
from packhorse.workpackages.task import PackageTask, each_runner, runner

if TYPE_CHECKING:
    from packhorse.engine import Engine
    from packhorse.enqueuer import Enqueuer, Prepare, Writing
    from packhorse.handle import JobHandle
    from packhorse.task import Call

log: logging.Logger = logging.getLogger("packhorse")

R = TypeVar("R")
DEFAULT_CHUNK = 50
MOST_CHUNK = 1000


class PackageOptions(TypedDict, total=False):
    """The options of `app.work_package`; those of `app.task`, and a few more."""

    name: str
    aliases: Sequence[str]
    queue: str
    priority: int | str
    max_attempts: int
    backoff: Backoff
    on_error: Mapping[type[BaseException], Verdict | type[Verdict]]
    max_skips: int
    max_crashes: int
    timeout: timedelta
    atomic: bool
    isolation: Isolation
    ack: Literal["batched", "each"]
    keep_result: bool
    responsible: str
    allow_retry: bool
    priority_by_size: Mapping[str, str]
    each: bool
    chunk: int
    skip_scheduled: bool


class PackageDecorator(Protocol):
    """What `app.work_package(…)` with options returns: it turns a function into the task of a work package."""

    def __call__(self, function: Callable[..., R], /) -> PackageTask[R]:
        """The task of that function."""
        ...


def _steps(configured: Mapping[str, str]) -> SizeSteps:
    steps = SizeSteps.parse(configured)
    for warning in steps.warnings:
        log.warning("priority_by_size: %s", warning)
    return steps


def _each(options: Mapping[str, Any]) -> tuple[Each | None, dict[str, Any]]:
    """How the handler is called for each record, if it is, and the task's options.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    rest = dict(options)
    each, chunk, skip_scheduled = rest.pop("each", False), rest.pop("chunk", None), rest.pop("skip_scheduled", False)
    if not isinstance(each, bool) or ((chunk is not None or skip_scheduled) and not each):
        raise ConfigurationError("each must be True or False; chunk and skip_scheduled say something of each=True")
    if not isinstance(skip_scheduled, bool):
        raise ConfigurationError(f"skip_scheduled must be True or False, not {skip_scheduled!r}")
    if chunk is not None and (isinstance(chunk, bool) or not isinstance(chunk, int) or not 1 <= chunk <= MOST_CHUNK):
        raise ConfigurationError(f"chunk must be a whole number from 1 to {MOST_CHUNK}, not {chunk!r}")
    return Each(DEFAULT_CHUNK if chunk is None else chunk, skip_scheduled) if each else None, rest


def _any(item: object) -> bool:
    """All items are eligible."""
    return True


class Packaging:
    """The part of an application that is about work packages."""

    def __init__(self) -> None:
        self.record_types: RecordTypes = RecordTypes()

    def record_type(
        self,
        name: str,
        model: type,
        *,
        key: KeyOf | None = None,
        load: Load | None = None,
        tenant: Named | None = None,
    ) -> None:
        """Say how records of a class become references, and references records.

        For a class mapped by SQLAlchemy, and for a model of Django, nothing but the class is needed.

        Args:
            name: what its records are called, as `order` in `order:42`; it is stored, so it should not change.
            model: the class of the records.
            key: gives a record's key as text.
            load: reads the records of some keys in a handler's transaction: `load(ctx.tx, keys)` returns them by key.
            tenant: gives whose a record is; a package loads no record of another tenant than its own.

        Raises:
            ConfigurationError: the name or the class is registered already, or it is not known how to load the class.
        """
        lock = None
        if key is None or load is None:
            own = self._loading(model)
            key, load, lock = key or own.key_of, load or own.load, own.lock
        self.record_types.register(
            RecordType(name=name, model=model, key_of=key, load=load, tenant_of=tenant, lock=lock)
        )

    @overload
    def work_package(self, function: Callable[..., R], /) -> PackageTask[R]: ...
    @overload
    def work_package(self, **options: Unpack[PackageOptions]) -> PackageDecorator: ...
    def work_package(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Make a function handle work packages: `@app.work_package(queue="billing")`.

        It takes the package, and before it, if it wants, the context. Its writes through `ctx.tx` commit together with
        the acknowledgement. Options are those of `app.task`, with other defaults: `atomic` is True,
        `max_attempts` is 1, since a package in error waits for a person, and the `backoff` begins with 5 seconds, which
        is how long one waits that a deadlock has undone; and a few more:

        `each`: call it once for each record, as `(record)`, `(ctx, record)` or `(ctx, package, record)`. What one has
        written is undone when it fails or is skipped; a retry calls it for those that are not done.
        `chunk`: how many records are committed together, with what became of them; 50.
        `skip_scheduled`: with `each`, whether a record waits that an older package of the same task is about and is not
        done with: it is skipped, and comes with the package's next run.
        `priority_by_size`: from which package in a row on which priority holds, for the packages of a `series`.

        Raises:
            ConfigurationError: an option is wrong, or the function takes something else.
            DuplicateTask: another task has the name.
        """
        if function is None:
            return lambda function: self._work_package(function, options)
        return self._work_package(function, {})

    def find_package(self, job_id: int) -> PackageRecord | None:
        """What is known of a package, as `get_package` tells it; None of a job that is none, or not there."""
        return self._caught_up().find_package(job_id)

    def get_package(self, job_id: int) -> PackageRecord:
        """What is known of a package: its parameters, and how many of its records have come to what.

            app.get_package(7).param("day", date)
            app.get_package(7).counts["failed"]

        Raises:
            JobNotFound: no job of that number is a package.
        """
        found = self.find_package(job_id)
        if found is None:
            raise JobNotFound(f"no job {job_id} is a work package")
        return found

    def list_records(
        self, job_id: int, *outcomes: Outcome | None, after: Element | None = None, limit: int = 1000
    ) -> Sequence[Element]:
        """The records of a package in order, each with what has become of it, and why.

            for one in app.list_records(7, "failed", "skipped"):
                print(one.record, one.outcome, one.reason)

        Args:
            job_id: the package's.
            outcomes: only those that have come to one of these: `done`, `failed`, `skipped`, or None for those that are
                still to be attempted; by default all.
            after: the last one seen, for those behind it.
            limit: at most this many.

        Raises:
            UsageError: there is no such outcome, or the limit is not above zero.
        """
        for outcome in outcomes:
            if outcome not in OUTCOMES:
                raise UsageError(f"a record comes to 'done', 'failed' or 'skipped', or to None yet, not to {outcome!r}")
        if limit < 1:
            raise UsageError(f"limit must be 1 or more, not {limit}")
        position = -1 if after is None else after.position
        return self._caught_up().list_elements(job_id, position, limit, outcomes=outcomes)

    def reference(self, record: object) -> Reference:
        """The reference to a record of a registered type: `app.list_jobs(record=app.reference(order))`.

        Raises:
            UsageError: its type is not registered, or it has no key yet.
        """
        return self.record_types.reference(record)

    def collector(
        self,
        task: PackageTask[R],
        mode: Mode = "one",
        *,
        name: str | None = None,
        parameters: Parameters | None = None,
        eligible: Callable[[Any], bool] | None = None,
        batch_of: BatchOf | None = None,
        lock: OnLocked | None = None,
        **options: Any,
    ) -> Collector[R]:
        """What gathers records in a transaction: when that commits there is exactly one package of them.

            billing = app.collector(bill)
            billing.schedule(order, conn=session)

        Args:
            task: what handles the packages.
            mode: `one` package for all that a transaction schedules; one for `each` record; one for each `batch`; or
                one without records, `bare`.
            name: of the collector, by default the mode. Two collectors of a task whose packages differ in more than
                their parameters need two names, lest what both schedule comes into one package.
            parameters: of its packages: values, or what gives them for an item.
            eligible: whether an item is gathered; it is ignored otherwise.
            batch_of: in mode `batch`: gives the batch (what `app.batch` returned, or its id) that an item's package is
                in; None for none.
            lock: have the packages lock their records: `refuse` or `ignore`, as `PackageBuilder.lock` takes them.
            options: of the enqueue, as `task.using` takes them.

        Raises:
            ConfigurationError: one of them is wrong.
        """
        how = Collecting(
            name=mode if name is None else name,
            mode=mode,
            parameters={} if parameters is None else parameters,
            eligible=eligible or _any,
            batch_of=batch_of,
            lock=lock,
            options=options,
        )
        return Collector(task, how, self, self.record_types)

    def lock_records(
        self,
        *records: object,
        conn: object | None = None,
        owner: str | None = None,
        on_locked: OnLocked = "refuse",
        auto_cleanup: bool = False,
    ) -> RecordLock:
        """Lock records under a name, here and now: `with app.lock_records(*orders, conn=session) as lock:`.

        Args:
            records: of registered types, or `Reference`s.
            conn: the caller's connection: they are locked if and only if its transaction commits. Without one they are
                locked at once, unless a block of `app.transaction` is open here.
            owner: the name, by which they can be released or taken over elsewhere; by default one of its own.
            on_locked: what becomes of a record that somebody else has locked: `refuse` raises RecordLocked, and none is
                locked; `ignore` leaves it out.
            auto_cleanup: whether the next start of a worker releases them, should nobody have done so.

        Raises:
            RecordLocked: a record is locked by a live job, or under another name.
            UsageError: the type of one is not registered, or `owner` or `on_locked` is wrong.
            DatabaseBusy: an open transaction has just locked one, or handed it over, and does not end.
        """
        owner, prepare = self._locking(records, owner, on_locked, auto_cleanup=auto_cleanup)
        return RecordLock(owner, self._enqueuer.write(prepare, conn), self._enqueuer, conn)

    async def alock_records(
        self,
        *records: object,
        conn: object | None = None,
        owner: str | None = None,
        on_locked: OnLocked = "refuse",
        auto_cleanup: bool = False,
    ) -> RecordLock:
        """Do what `lock_records` does, for coroutines: `async with await app.alock_records(…) as lock:`."""
        owner, prepare = self._locking(records, owner, on_locked, auto_cleanup=auto_cleanup)
        return RecordLock(owner, await self._enqueuer.awrite(prepare, conn), self._enqueuer, conn)

    def release_records(self, owner: str, *, conn: object | None = None) -> int:
        """Release all that is locked under a name; how many records."""
        return RecordLock(owner, (), self._enqueuer, conn).release()

    async def arelease_records(self, owner: str, *, conn: object | None = None) -> int:
        """Do what `release_records` does, for coroutines."""
        return await RecordLock(owner, (), self._enqueuer, conn).arelease()

    def find_locks(self, *records: object) -> list[LockRecord]:
        """Those of these records that are locked, and by whom."""
        return self.engine.find_locks(self._references(records))

    def _locking(
        self, records: Sequence[object], owner: str | None, on_locked: OnLocked, *, auto_cleanup: bool
    ) -> tuple[str, Prepare[list[Reference]]]:
        references = self._references(records)
        name = f"lock-{uuid4()}" if owner is None else check_owner(owner)
        check_on_locked(on_locked)

        def prepare(engine: Engine, installation: str | None = None) -> Writing[list[Reference] | None]:
            return engine.locking(
                references, name, is_temporary=auto_cleanup, on_locked=on_locked, installation=installation
            )

        return name, prepare

    def _references(self, records: Iterable[object]) -> list[Reference]:
        return [self.record_types.check(self.record_types.reference(record)) for record in records]

    def _work_package(self, function: Callable[..., R], options: Mapping[str, Any]) -> PackageTask[R]:
        rest = dict(options)
        steps = _steps(rest.pop("priority_by_size", {}))
        each, options = _each(rest)
        complete = {"policy": "work_package", **options}
        checked = task_options(function, **complete)
        if each is not None and not checked.atomic:
            raise ConfigurationError("each=True commits what was done with the record's outcome: it needs atomic=True")
        run = (
            each_runner(function, each._replace(policy=checked.policy), lambda: self.engine, self.record_types)
            if each is not None
            else runner(function, lambda: self.engine, self.record_types)
        )
        task: Task[[], R] = self._register(run, {**complete, "name": checked.name})
        return PackageTask(function, task, self, self.record_types, steps)

    if TYPE_CHECKING:  # what the application has besides
        _enqueuer: Enqueuer

        @property
        def engine(self) -> Engine:
            """Where the packages are."""
            ...

        def _caught_up(self) -> Engine:
            """The same, after what other transactions have committed was taken notice of."""
            ...

        def _register(self, function: Callable[..., Any], options: Mapping[str, Any]) -> Task[..., Any]:
            """Make a task of a function."""
            ...

        def _loading(self, model: type) -> Loading:
            """How a framework's records are known and loaded."""
            ...

        def enqueue_call(self, call: Any, conn: object | None) -> Any:
            """Store one call."""
            ...

        def enqueue_many(self, calls: Iterable[Call[R]], *, conn: object | None = None) -> list[JobHandle[R]]:
            """Store calls."""
            ...

        async def aenqueue_many(self, calls: Iterable[Call[R]], *, conn: object | None = None) -> list[JobHandle[R]]:
            """The same for coroutines."""
            ...

        async def aenqueue_call(self, call: Any, conn: object | None) -> Any:
            """The same for coroutines."""
            ...
