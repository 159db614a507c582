"""The task of a work package: what its handler is called with, and what is kept of it."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar

from packhorse.context import Context
from packhorse.domain.annotations import hints_of
from packhorse.domain.frames import calls_handlers
from packhorse.domain.outcome import UserError, Verdict
from packhorse.domain.signature import CallSignature
from packhorse.domain.sizing import SizeSteps
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError
from packhorse.habits import AS_VALUE, LATER, LATER_ASYNC, WITH_OPTIONS, Advising, spoken_of, written
from packhorse.inheriting import passing_on
from packhorse.records import RecordTypes
from packhorse.task import Enqueuer, Task
from packhorse.tasktransaction import AsyncTaskTransaction, TaskTransaction
from packhorse.workpackages.builder import PackageBuilder, check_package_options
from packhorse.workpackages.calling import InCoroutine, InThread, at_once
from packhorse.workpackages.each import Call, Each, EachRecord
from packhorse.workpackages.package import WorkPackage

R = TypeVar("R")
Handler = Callable[..., Any]
log: logging.Logger = logging.getLogger("packhorse.worker")
_NO_STEPS: Final = SizeSteps()
_UNDOING: Final = (Verdict, UserError)
"""What a handler may return to have its transaction undone."""
_BY_POSITION: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class PackageTask(Advising, Generic[R]):
    """A registered handler of work packages. Calling it calls the handler, here and now.

    Args:
        handler: the function.
        task: its task.
        enqueuer: stores packages.
        records: what kinds of records there are.
        steps: how urgent the packages of a series are, by how many come in a row.
    """

    instead: ClassVar[Mapping[str, str]] = written(
        (f"enqueue {LATER}", ".package().add(order).enqueue()"),
        (f"aenqueue {LATER_ASYNC}", ".package().add(order).aenqueue()"),
        (f"using {WITH_OPTIONS}", ".package(delay=…, queue=…).add(order).enqueue()"),
        (f"call {AS_VALUE}", ".package().add(order).call()"),
        ("add param params", ".package().params(…).add(order).enqueue()"),
    )

    def __init__(
        self,
        handler: Callable[..., R],
        task: Task[[], R],
        enqueuer: Enqueuer,
        records: RecordTypes,
        steps: SizeSteps = _NO_STEPS,
    ) -> None:
        self.handler: Callable[..., R] = handler
        self.task: Task[[], R] = task
        self._enqueuer = enqueuer
        self._records = records
        self._steps = steps

    @property
    def name(self) -> str:
        """The name of its task."""
        return self.task.name

    def package(self, conn: object | None = None, **options: Any) -> PackageBuilder[R]:
        """A package to be put together and enqueued: `bill.package(conn=session).add(*orders).enqueue()`.

        Args:
            conn: the caller's connection, session or transaction: the package exists if and only if that commits.
            options: of the enqueue, as `task.using` takes them.

        Raises:
            ConfigurationError: an option is wrong.
        """
        check_package_options(self.task, options)
        return PackageBuilder(self.task, self._enqueuer, self._records, conn, options)

    def series(self, conn: object | None = None, **options: Any) -> PackageSeries[R]:
        """Packages that one producer enqueues in a row, the later ones less urgent where `priority_by_size` says so.

        Args:
            conn: the caller's connection, for all of them.
            options: of each enqueue, as `task.using` takes them; a priority that is given here or later wins.

        Raises:
            ConfigurationError: an option is wrong.
        """
        check_package_options(self.task, options)
        return PackageSeries(self, self._steps, conn, options)

    def spoken(self) -> str:
        """The last part of its name."""
        return spoken_of(self.name)

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Call the handler here and now, without a job."""
        return self.handler(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<PackageTask {self.name}>"


class PackageSeries(Generic[R]):
    """Packages that one producer enqueues in a row; see `PackageTask.series`."""

    def __init__(self, task: PackageTask[R], steps: SizeSteps, conn: object | None, options: Mapping[str, Any]) -> None:
        self._task = task
        self._steps = steps
        self._conn = conn
        self._options = options
        self.count: int = 0

    def package(self, **options: Any) -> PackageBuilder[R]:
        """The next package of the row; see `PackageTask.package`."""
        self.count += 1
        priority = {"priority": self._steps.priority_of(self.count)} if self._steps.steps else {}
        return self._task.package(self._conn, **{**priority, **self._options, **options})


def each_runner(handler: Handler, each: Each, engine: Callable[[], Engine], records: RecordTypes) -> Handler:
    """What the worker calls for a handler that is called once for each record.

    Raises:
        ConfigurationError: the handler takes something else than a record.
    """
    for_each = EachRecord(Call.of(handler), each, engine)
    if inspect.iscoroutinefunction(handler):

        async def arun(ctx: Context) -> Any:
            package = WorkPackage(ctx, engine, records)
            await asyncio.to_thread(package.note_lost_locks)
            try:
                with passing_on():
                    await for_each.run(InCoroutine(ctx, ctx.tx, records), ctx, package)
            except BaseException:
                await _akeep_elsewhere(ctx, package, engine)
                raise
            return await _akept(ctx, package, engine, None)

        return _called_as(arun, handler)

    def run(ctx: Context) -> Any:
        package = WorkPackage(ctx, engine, records)
        package.note_lost_locks()
        try:
            with passing_on():
                at_once(for_each.run(InThread(ctx.tx, records), ctx, package))
        except BaseException:
            _keep_elsewhere(ctx, package, engine)
            raise
        return _kept(ctx, package, engine, None)

    return _called_as(run, handler)


def runner(handler: Handler, engine: Callable[[], Engine], records: RecordTypes) -> Handler:
    """What the worker calls with the context: it makes the package, calls the handler, and keeps changed parameters.

    Raises:
        ConfigurationError: the handler takes something else than a package.
    """
    leads = _takes_context(handler)
    if inspect.iscoroutinefunction(handler):

        @calls_handlers
        async def arun(ctx: Context) -> Any:
            package = WorkPackage(ctx, engine, records)
            await asyncio.to_thread(package.note_lost_locks)
            try:
                with passing_on():
                    value = await handler(*_arguments(leads, ctx, package))
            except BaseException:
                await _akeep_elsewhere(ctx, package, engine)
                raise
            return await _akept(ctx, package, engine, value)

        return _called_as(arun, handler)

    @calls_handlers
    def run(ctx: Context) -> Any:
        package = WorkPackage(ctx, engine, records)
        package.note_lost_locks()
        try:
            with passing_on():
                value = handler(*_arguments(leads, ctx, package))
        except BaseException:
            _keep_elsewhere(ctx, package, engine)
            raise
        return _kept(ctx, package, engine, value)

    return _called_as(run, handler)


def _kept(ctx: Context, package: WorkPackage, engine: Callable[[], Engine], value: Any) -> Any:
    if package.is_changed:
        if ctx.transaction is None or isinstance(value, _UNDOING):
            _keep_elsewhere(ctx, package, engine)
        else:
            ctx.tx.run(engine().put_statement(package.id, package.parameters_text))
    return value


async def _akept(ctx: Context, package: WorkPackage, engine: Callable[[], Engine], value: Any) -> Any:
    if package.is_changed:
        if ctx.transaction is None or isinstance(value, _UNDOING):
            await _akeep_elsewhere(ctx, package, engine)
        else:
            await ctx.tx.run(engine().put_statement(package.id, package.parameters_text))
    return value


def _keep_elsewhere(ctx: Context, package: WorkPackage, engine: Callable[[], Engine]) -> None:
    """Put changed parameters in a transaction of our own: the handler's is undone, and lets go of its locks first."""
    if package.is_changed:
        if isinstance(ctx.transaction, TaskTransaction):
            ctx.transaction.rollback()
        _put(ctx, package, engine)


async def _akeep_elsewhere(ctx: Context, package: WorkPackage, engine: Callable[[], Engine]) -> None:
    if package.is_changed:
        if isinstance(ctx.transaction, AsyncTaskTransaction):
            await ctx.transaction.rollback()
        await asyncio.to_thread(_put, ctx, package, engine)


def _put(ctx: Context, package: WorkPackage, engine: Callable[[], Engine]) -> None:
    """What the run comes to must not be lost behind an error of ours."""
    try:
        engine().put_parameters(ctx.job, package.parameters_text)
    except Exception:
        log.exception("the parameters that package %d has changed could not be kept", package.id)


def _arguments(takes_context: bool, ctx: Context, package: WorkPackage) -> tuple[Any, ...]:
    return (ctx, package) if takes_context else (package,)


def _takes_context(handler: Handler) -> bool:
    """Whether the handler takes the context before the package.

    Raises:
        ConfigurationError: it takes something else than a package.
    """
    parameters = list(inspect.signature(handler).parameters.values())
    leads = CallSignature.of(handler, context_type=Context).takes_context
    if len(parameters) != 1 + leads or parameters[-1].kind not in _BY_POSITION:
        raise ConfigurationError(
            f"{handler.__qualname__} can't handle work packages: it must take (package) or (ctx, package)"
        )
    return leads


def _called_as(run: Handler, handler: Handler) -> Handler:
    run.__name__, run.__qualname__ = handler.__name__, handler.__qualname__
    run.__module__, run.__doc__ = handler.__module__, handler.__doc__
    run.__annotations__ = {"ctx": Context, "return": hints_of(handler, inspect.signature(handler)).get("return", Any)}
    return run
