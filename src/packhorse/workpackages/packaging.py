"""What an application has for work packages: record types, their handlers, and which packages touch a record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, TypeVar, Unpack, overload

from packhorse.domain.outcome import Verdict
from packhorse.domain.package import PackageRecord, Reference
from packhorse.domain.retry import Backoff
from packhorse.domain.sizing import SizeSteps
from packhorse.errors import ConfigurationError, JobNotFound
from packhorse.options import Isolation, task_options
from packhorse.task import Task
from packhorse.workpackages.each import Each
from packhorse.workpackages.records import KeyOf, Load, Named, RecordType, RecordTypes
from packhorse.workpackages.task import PackageTask, each_runner, runner

if TYPE_CHECKING:
    from packhorse.engine import Engine

log: logging.Logger = logging.getLogger("packhorse")

R = TypeVar("R")
DEFAULT_CHUNK = 50
FIRST_AGAIN = Backoff(first=timedelta(seconds=5), jitter=0)
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
    timeout: timedelta
    atomic: bool
    isolation: Isolation
    ack: Literal["batched", "each"]
    keep_result: bool
    responsible: str
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
        if key is None or load is None:
            own_key, own_load = self._loading(model)
            key, load = key or own_key, load or own_load
        self.record_types.register(RecordType(name=name, model=model, key_of=key, load=load, tenant_of=tenant))

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

    def get_package(self, job_id: int) -> PackageRecord:
        """What is known of a package: its parameters, and how many of its records have come to what.

        Raises:
            JobNotFound: no job of that number is a package.
        """
        found = self.engine.find_package(job_id)
        if found is None:
            raise JobNotFound(f"no job {job_id} is a work package")
        return found

    def reference(self, record: object) -> Reference:
        """The reference to a record of a registered type: `app.list_jobs(record=app.reference(order))`.

        Raises:
            UsageError: its type is not registered, or it has no key yet.
        """
        return self.record_types.reference(record)

    def _work_package(self, function: Callable[..., R], options: Mapping[str, Any]) -> PackageTask[R]:
        rest = dict(options)
        steps = _steps(rest.pop("priority_by_size", {}))
        each, options = _each(rest)
        complete = {"atomic": True, "max_attempts": 1, "backoff": FIRST_AGAIN, **options}
        checked = task_options(function, **complete)
        if each is not None and not checked.atomic:
            raise ConfigurationError("each=True commits what was done with the record's outcome: it needs atomic=True")
        run = (
            each_runner(function, each, lambda: self.engine, self.record_types)
            if each is not None
            else runner(function, lambda: self.engine, self.record_types)
        )
        task: Task[[], R] = self._register(run, {**complete, "name": checked.name})
        return PackageTask(function, task, self, self.record_types, steps)

    if TYPE_CHECKING:  # what the application has besides

        @property
        def engine(self) -> Engine:
            """Where the packages are."""
            ...

        def _register(self, function: Callable[..., Any], options: Mapping[str, Any]) -> Task[..., Any]:
            """Make a task of a function."""
            ...

        def _loading(self, model: type) -> tuple[KeyOf, Load]:
            """How a framework's records are known and loaded."""
            ...

        def enqueue_call(self, call: Any, conn: object | None) -> Any:
            """Store one call."""
            ...

        async def aenqueue_call(self, call: Any, conn: object | None) -> Any:
            """The same for coroutines."""
            ...
