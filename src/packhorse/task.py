"""A task: a registered function with its options, and every way to enqueue it."""

from __future__ import annotations

import difflib
import functools
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Literal, ParamSpec, Protocol, TypeVar, cast, overload

import msgspec

from packhorse.context import Context, find_current
from packhorse.domain.batch import SomeBatch
from packhorse.domain.job import OnDuplicate
from packhorse.domain.package import NewPackage
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.signature import CallSignature
from packhorse.errors import DuplicateTask, UnknownTask, UsageError
from packhorse.habits import AS_VALUE, LATER, LATER_ASYNC, WITH_OPTIONS, Advising, spoken_of, written
from packhorse.handle import JobHandle
from packhorse.options import NO_OPTIONS, HasId, Isolation, Options, TaskOptions

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class Call(msgspec.Struct, Generic[R_co], frozen=True):
    """One call of a task, with its options, that is not enqueued yet: for `enqueue_many`.

    Attributes:
        task: the name of the task.
        args: the positional arguments.
        kwargs: the keyword arguments.
        options: how it is to be enqueued.
        is_placed: whether its queue was said for this call, so that no rule leads it elsewhere.
        signature: how its arguments become text; None takes plain JSON values only.
        package: what makes a work package of its job.
    """

    task: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}
    options: Options = NO_OPTIONS
    signature: CallSignature | None = None
    is_placed: bool = False
    package: NewPackage | None = None

    @property
    def may_find(self) -> bool:
        """Whether its enqueue may find another job that has its unique key, and give the handle of that one."""
        return self.options.on_duplicate not in (None, "refuse")


class Enqueuer(Protocol):
    """Stores calls as jobs; what a task needs of the client."""

    def enqueue_call(self, call: Call[R], conn: object | None) -> JobHandle[R]:
        """Store one call, on the caller's connection or in a transaction of its own."""
        ...

    async def aenqueue_call(self, call: Call[R], conn: object | None) -> JobHandle[R]:
        """The same for coroutines."""
        ...


class BoundTask(Advising, Generic[P, R_co]):
    """A task together with options for its next enqueue; made by `using`.

    `P` is the signature of the call, without the leading context; `R_co` what the function returns (for an `async def`
    function, a coroutine).
    """

    instead: ClassVar[Mapping[str, str]] = written(
        (LATER, ".enqueue(…)"),
        (LATER_ASYNC, ".aenqueue(…)"),
        (WITH_OPTIONS, ".using(delay=…, queue=…).enqueue(…)"),
        (AS_VALUE, ".call(…)"),
        ("package add params", ".enqueue(…), or make it the task of a package with @app.work_package"),
    )

    def __init__(
        self,
        name: str,
        signature: CallSignature | None,
        enqueuer: Enqueuer,
        options: Options,
        conn: object | None = None,
        *,
        is_placed: bool = False,
    ) -> None:
        self.name: str = name
        self._signature = signature
        self._enqueuer = enqueuer
        self._options = options
        self._conn = conn
        self._is_placed = is_placed

    @overload
    def enqueue(self: BoundTask[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[T]: ...
    @overload
    def enqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R_co]: ...
    def enqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[Any]:
        """Store a job that calls the function with these arguments.

        It is written on the connection given to `using`, inside its open transaction. Without one it belongs to the
        block of `app.transaction` that is open in this asyncio task or thread; else to the transaction of the atomic
        task whose handler is running here; else, with `django://`, to the `atomic` block that is open; else it gets a
        transaction of its own.

        Raises:
            SignatureError: the arguments do not fit the function.
            PayloadError: one of them would not survive being stored; the message names its path.
            UnsupportedConnection: `conn` is nothing that Packhorse can write with, or is for coroutines.
            WrongDatabase: `conn` reaches another database than the application's.
            DatabaseError: the database can't store it.
        """
        return self._enqueuer.enqueue_call(self._call(args, kwargs), self._conn)

    @overload
    async def aenqueue(
        self: BoundTask[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> JobHandle[T]: ...
    @overload
    async def aenqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R_co]: ...
    async def aenqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[Any]:
        """Do what `enqueue` does, for coroutines; takes asynchronous connections as well."""
        return await self._enqueuer.aenqueue_call(self._call(args, kwargs), self._conn)

    @overload
    def call(self: BoundTask[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> Call[T]: ...
    @overload
    def call(self, /, *args: P.args, **kwargs: P.kwargs) -> Call[R_co]: ...
    def call(self, /, *args: P.args, **kwargs: P.kwargs) -> Call[Any]:
        """The call with its options as a value, for `app.enqueue_many`.

        Raises:
            UsageError: `using` was given a connection; `enqueue_many` takes one for all its calls.
        """
        if self._conn is not None:
            raise UsageError("a call carries no connection: give conn to enqueue_many")
        return self._call(args, kwargs)

    def using(
        self,
        *,
        conn: object | None = None,
        queue: str | None = None,
        priority: int | str | None = None,
        delay: timedelta | None = None,
        scheduled_at: datetime | None = None,
        expected_in: timedelta | None = None,
        expected_at: datetime | None = None,
        max_attempts: int | None = None,
        unique_key: str | None = None,
        unique_until: Literal["start", "end"] | None = None,
        on_duplicate: OnDuplicate | None = None,
        serial_key: str | None = None,
        group: str | None = None,
        after: Sequence[HasId | int] | None = None,
        after_needs: Literal["success", "end"] | None = None,
        responsible: str | None = None,
        batch: SomeBatch | int | None = None,
    ) -> BoundTask[P, R_co]:
        """The task with options for its next enqueue; what is None stays as it is.

        Args:
            conn: the caller's connection, session or transaction: the job exists if and only if that commits.
            queue: the named lane that the job goes into.
            priority: a number, small is urgent, or `urgent`, `high`, `medium`, `low`, `minor`.
            delay: not before this long from now, at most ten years.
            scheduled_at: not before this moment, an aware datetime.
            expected_in: wanted this long from now: orders the queue inside a priority.
            expected_at: wanted by this moment, an aware datetime.
            max_attempts: how many counted failures make the job fail for good.
            unique_key: no two waiting jobs of this task have the same; see `on_duplicate`.
            unique_until: another one may come when the job has started, `start` (the default), or ended, `end`.
            on_duplicate: if another job has the key: `refuse` (the default) raises DuplicateJob; `keep` returns that
                one; `replace` gives it these arguments and times; `earliest` makes it due at the earlier of both times;
                `merge` adds the records of this work package to that one.
            serial_key: jobs with the same one, of any task, run one at a time, in the order in which they came.
            group: whose job it is, such as a tenant: for the queue's limits per group and its fair share.
            after: the jobs (handles or ids) that must have ended before this one starts.
            after_needs: `success` (the default): all of them must have succeeded; `end`: any end will do.
            responsible: who is told when it fails.
            batch: the batch that it is in: what `app.batch` returned, or its id.

        Raises:
            ConfigurationError: an option is wrong, or two contradict each other.
        """
        options = self._options.changed(
            queue=queue,
            priority=priority,
            delay=delay,
            scheduled_at=scheduled_at,
            expected_in=expected_in,
            expected_at=expected_at,
            max_attempts=max_attempts,
            unique_key=unique_key,
            unique_until=unique_until,
            on_duplicate=on_duplicate,
            serial_key=serial_key,
            group=group,
            after=after,
            after_needs=after_needs,
            responsible=responsible,
            batch=batch,
        )
        chosen, is_placed = self._conn if conn is None else conn, self._is_placed or queue is not None
        return BoundTask(self.name, self._signature, self._enqueuer, options, chosen, is_placed=is_placed)

    def spoken(self) -> str:
        """The last part of its name."""
        return spoken_of(self.name)

    def _call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call[Any]:
        return Call(self.name, args, kwargs, self._options, self._signature, self._is_placed)


class Task(BoundTask[P, R_co]):
    """A registered function with its options. Calling it calls the function, here and now."""

    def __init__(self, function: Callable[..., R_co], options: TaskOptions, enqueuer: Enqueuer) -> None:
        defaults = Options(queue=options.queue, priority=options.priority)
        signature = CallSignature.of(function, context_type=Context)
        super().__init__(options.name, signature, enqueuer, defaults)
        self.signature: CallSignature = signature
        self.function: Callable[..., R_co] = function
        self.aliases: tuple[str, ...] = options.aliases
        self.queue: str = options.queue
        self.priority: int = options.priority
        self.policy: RetryPolicy = options.policy
        self.timeout: timedelta | None = options.timeout
        self.atomic: bool = options.atomic
        self.isolation: Isolation = options.isolation
        self.ack_each: bool = options.ack_each
        self.keep_result: bool = options.keep_result
        self.is_async: bool = inspect.iscoroutinefunction(function)
        functools.update_wrapper(cast("Callable[..., R_co]", self), function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function here and now, without a job.

        Raises:
            UsageError: it takes a context, and no job is running here.
        """
        if not self.signature.takes_context:
            return self.function(*args, **kwargs)
        context = find_current()
        if context is None:
            raise UsageError(
                f"task {self.name} takes a context, so it can be called only inside a job; "
                f"elsewhere call {self.function.__name__}.function(context, …)"
            )
        return self.function(context, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"


class TaskRegistry:
    """The tasks of an application by their names and aliases."""

    def __init__(self, tasks: Iterable[Task[..., Any]] = ()) -> None:
        self._tasks: dict[str, Task[..., Any]] = {}
        self._staged = threading.local()
        for task in tasks:
            self.register(task)

    def __len__(self) -> int:
        """How many names and aliases there are."""
        return len(self._tasks)

    def register(self, task: Task[..., Any]) -> None:
        """Add a task.

        Raises:
            DuplicateTask: another one has its name or one of its aliases.
        """
        for name in (task.name, *task.aliases):
            other = self.find(name)
            if other is not None:
                raise DuplicateTask(
                    f"task {name!r} is {_place(other)} already; "
                    f"give the one in {_place(task)} another name with @app.task(name=…)"
                )
        self._mine().update(dict.fromkeys((task.name, *task.aliases), task))

    def publish(self, load: Callable[[], object], stays: Callable[[Task[..., Any]], bool]) -> None:
        """Call `load`; others see what this thread registers meanwhile when it has ended, and then all at once.

        Args:
            load: registers tasks, as the import of a module does.
            stays: whether a task becomes known although `load` has raised, for instance one of a module that is whole.
        """
        staged = self._staged.tasks = {}
        try:
            load()
        except BaseException:
            self._tasks.update({name: task for name, task in staged.items() if stays(task)})
            raise
        else:
            self._tasks.update(staged)
        finally:
            del self._staged.tasks

    def find(self, name: str) -> Task[..., Any] | None:
        """The task of that name or alias, or None."""
        return self._tasks.get(name) or self._mine().get(name)

    def get(self, name: str) -> Task[..., Any]:
        """The task of that name or alias.

        Raises:
            UnknownTask: there is none; the message names the closest.
        """
        task = self.find(name)
        if task is None:
            close = difflib.get_close_matches(name, self._tasks, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise UnknownTask(f"no task {name!r} is registered here{hint}")
        return task

    def names(self) -> list[str]:
        """All names and aliases, sorted."""
        return sorted(self._tasks)

    def list_tasks(self) -> list[Task[..., Any]]:
        """All tasks, sorted by name."""
        return [task for name, task in sorted(self._tasks.items()) if name == task.name]

    def _mine(self) -> dict[str, Task[..., Any]]:
        """Where this thread registers."""
        found: dict[str, Task[..., Any]] | None = getattr(self._staged, "tasks", None)
        return self._tasks if found is None else found


def _place(task: Task[..., Any]) -> str:
    return f"{task.function.__module__}.{task.function.__qualname__}"
