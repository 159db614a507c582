"""What an application has for work packages: record types, their handlers, and which packages touch a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from packhorse.domain.package import PackageRecord
from packhorse.errors import JobNotFound
from packhorse.options import task_options
from packhorse.task import Task
from packhorse.workpackages.records import KeyOf, Load, Named, RecordType, RecordTypes
from packhorse.workpackages.task import PackageTask, runner

if TYPE_CHECKING:
    from packhorse.domain.job import JobRecord
    from packhorse.engine import Engine

R = TypeVar("R")


class PackageDecorator(Protocol):
    """What `app.work_package(…)` with options returns: it turns a function into the task of a work package."""

    def __call__(self, function: Callable[..., R], /) -> PackageTask[R]:
        """The task of that function."""
        ...


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

    def work_package(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Make a function handle work packages: `@app.work_package(queue="billing")`.

        It takes the package, and before it, if it wants, the context. Its writes through `ctx.tx` commit together with
        the acknowledgement. Options are those of `app.task`, with two other defaults: `atomic` is True, and
        `max_attempts` is 1, since a package in error waits for a person.

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

    def list_record_jobs(self, record: object, *, before_id: int | None = None, limit: int = 50) -> list[JobRecord]:
        """The packages that touched, touch or will touch a record, the newest first.

        Args:
            record: one of a registered type, or a `Reference`.
            before_id: only jobs with smaller numbers: the next page.
            limit: at most this many.
        """
        ids = self.engine.list_record_jobs(self.record_types.reference(record), before_id, limit)
        return [job for id in ids if (job := self.engine.find_job(id)) is not None]

    def _work_package(self, function: Callable[..., R], options: Mapping[str, Any]) -> PackageTask[R]:
        complete = {"atomic": True, "max_attempts": 1, **options}
        name = task_options(function, **complete).name
        run = runner(function, lambda: self.engine, self.record_types)
        task: Task[[], R] = self._register(run, {**complete, "name": name})
        return PackageTask(function, task, self, self.record_types)

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
