"""Schedules in the code of an application: `app.cron`, `app.every`, `app.weekly`, `app.schedule`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, overload

from packhorse.context import Context
from packhorse.domain.acting import NOBODY, Acting
from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.definition import Schedule
from packhorse.domain.schedule.every import Every, Unit
from packhorse.domain.schedule.rule import Rule
from packhorse.domain.schedule.weekdays import Weekday
from packhorse.domain.schedule.weekly import Weekly
from packhorse.errors import ConfigurationError
from packhorse.keeper import ScheduleBook
from packhorse.preparing import plain_job
from packhorse.scheduled import PolicyOptions, Schedules, policy_of
from packhorse.schedules import Alarm
from packhorse.sqltask import NAME, statement_runner
from packhorse.task import Call, Task, TaskRegistry

if TYPE_CHECKING:
    from packhorse.connection import AsyncConnection, Connection
    from packhorse.domain.outcome import Verdict
    from packhorse.domain.retry import Backoff
    from packhorse.engine import Engine
    from packhorse.handle import JobHandle
    from packhorse.options import Isolation

P = ParamSpec("P")
R = TypeVar("R")
Listener = TypeVar("Listener", bound=Callable[[Alarm], object])

_UNITS: tuple[Unit, ...] = ("weeks", "days", "hours", "minutes", "seconds")


class TaskOptions(TypedDict, total=False):
    """The options of a task besides its name; see `app.task`."""

    aliases: Sequence[str]
    queue: str
    priority: int | str
    max_attempts: int
    backoff: Backoff
    on_error: Mapping[type[BaseException], Verdict | type[Verdict]]
    max_skips: int
    max_crashes: int
    timeout: timedelta
    isolation: Isolation
    ack: Literal["batched", "each"]
    keep_result: bool


class ScheduleOptions(PolicyOptions, TaskOptions, total=False):
    """The options of `app.cron`, `app.every` and `app.weekly`: of the rule, of the schedule, and of the task."""

    tz: str
    first_day: date | None
    last_day: date | None
    name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    acting: Acting
    atomic: bool


class ScheduleDecorator(Protocol):
    """What `app.cron(…)` and the like return: it gives a task, or a function that becomes one, a schedule."""

    @overload
    def __call__(self, function: Task[P, R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Context, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


class Scheduling:
    """The part of an application that declares schedules.

    Attributes:
        book: what its code declares so far.
        registry: its tasks.
    """

    book: ScheduleBook
    registry: TaskRegistry

    @property
    def schedules(self) -> Schedules:
        """The schedules of the database: look at them, pause, resume and run them, make some at run time."""
        return Schedules(lambda: self.engine, self.book, lambda: self._after_enqueue(None), self.job)

    def cron(self, expression: str, /, **options: Unpack[ScheduleOptions]) -> ScheduleDecorator:
        """Run a function, or a task, when a cron expression fits: `@app.cron("0 9 * * mon-fri", tz="Europe/Berlin")`.

        Args:
            expression: five fields: minute, hour, day of the month, month, day of the week; or `@daily` and the like.
            options: tz: the time zone whose clocks are meant; UTC.
                first_day, last_day: no tick comes before, or after, this day there.
                name: of the schedule, and of the task that is made; by default the task's name.
                args, kwargs: what the function is called with; nothing.
                acting: on whose behalf; nobody's.
                missed, most, grace, overlap, alarm_after, pause_on_failure: as of `app.schedule`.
                All others are those of `app.task`, for a function that is no task yet.

        Raises:
            ConfigurationError: an option is wrong, the expression never fits, or the name is taken.
            PayloadError: the arguments do not fit the function.
        """
        return self._scheduled(Cron(expression=expression, **_of_rule(options)), options)

    def every(
        self,
        interval: timedelta,
        /,
        *,
        starts_at: datetime | None = None,
        weekdays: Collection[Weekday] = (),
        **options: Unpack[ScheduleOptions],
    ) -> ScheduleDecorator:
        """Run a function, or a task, at intervals: `@app.every(timedelta(minutes=5))`.

        Args:
            interval: in whole seconds. Whole days and weeks keep the time of day when clocks change; for 24 hours that
                pass use `app.schedule` with `Every(number=24, unit="hours")`.
            starts_at: the first tick, an aware datetime; by default ticks count from a Monday's midnight, so that all
                processes agree.
            weekdays: days to which ticks are limited, such as `("mon", "fri")`.
            options: as of `app.cron`.

        Raises:
            ConfigurationError: an option is wrong, or the name is taken.
            PayloadError: the arguments do not fit the function.
        """
        rule = every_rule(interval, starts_at=starts_at, weekdays=weekdays, **_of_rule(options))
        return self._scheduled(rule, options)

    def weekly(
        self, weekdays: Collection[Weekday], *times: time, weeks: int = 1, **options: Unpack[ScheduleOptions]
    ) -> ScheduleDecorator:
        """Run a function, or a task, on some weekdays at some times: `@app.weekly(("mon", "thu"), time(9), time(15))`.

        Args:
            weekdays: of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
            times: times of day.
            weeks: 2 for every second week, counted from that of `first_day`, which then must be given.
            options: as of `app.cron`.

        Raises:
            ConfigurationError: an option is wrong, or the name is taken.
            PayloadError: the arguments do not fit the function.
        """
        rule = Weekly(weekdays=tuple(weekdays), times=times, weeks=weeks, **_of_rule(options))
        return self._scheduled(rule, options)

    def schedule(
        self, name: str, rule: Rule, call: Call[Any], *, acting: Acting = NOBODY, **policy: Unpack[PolicyOptions]
    ) -> None:
        """Declare a schedule: `app.schedule("report", Cron(expression="@daily"), report.call("shop"))`.

        Args:
            name: what it is called.
            rule: when it comes due: `Cron(…)`, `Every(…)` or `Weekly(…)`.
            call: what is enqueued at each tick, `task.call(…)`; with `task.using(…)` it has options.
            acting: on whose behalf its jobs run, whatever surrounds the declaration; nobody's.
            policy: missed: what becomes of ticks that are found later than `grace` (1 minute): `one` (the default) runs
                one for all, `skip` none, `all` each of them, the latest `most` (100).
                overlap: what becomes of a tick while a run has not ended: `skip` (the default), `queue`, where it waits
                for that, or `allow`.
                alarm_after: a run that has not ended so long after its start raises an alarm; never.
                pause_on_failure: whether a run that has failed for good pauses the schedule; False.

        Raises:
            ConfigurationError: an option is wrong, or the name is taken.
        """
        task = self.registry.find(call.task)
        self.book.add(
            Schedule(name=name, rule=rule, job=plain_job(call, acting), policy=policy_of(**policy)),
            call.task if task is None else task.function.__module__,
        )

    def sql_task(self, *, name: str = NAME, **options: Unpack[TaskOptions]) -> Task[..., int]:
        """Register the task that runs SQL: `purge = app.sql_task()`, then `purge.enqueue("delete from …", then="…")`.

        It runs the first statement again and again, each time in a transaction of its own, until it changes no row;
        then the second one, if there is one, exactly once. It returns how many rows were changed.

        Whoever may enqueue jobs for workers of this application can then run any SQL with their rights in the database:
        that is why nobody can before the application asks for it here.

        Args:
            name: of the task; `packhorse.sql`.
            options: as of `app.task`.

        Raises:
            ConfigurationError: an option is wrong.
            DuplicateTask: another task has the name.
        """
        handler = statement_runner(lambda: self.engine)
        return self._register(handler, {**options, "name": name, "atomic": True})

    def on_alarm(self, listener: Listener) -> Listener:
        """Have a function called with each `Alarm`: `@app.on_alarm`. In the worker that leads, once at most.

        Every alarm is logged as an error, too. What the function raises is logged and left out.
        """
        self.book.listeners.append(listener)
        return listener

    if TYPE_CHECKING:  # what the application has besides

        @property
        def engine(self) -> Engine:
            """Where the schedules are."""
            ...

        def job(self, id: int) -> JobHandle[Any]:
            """A handle for a job."""
            ...

        def _after_enqueue(self, connection: Connection | AsyncConnection | None) -> None:
            """Jobs were written."""
            ...

        def _register(self, function: Callable[..., Any], options: Mapping[str, Any]) -> Task[..., Any]:
            """Make a task of a function."""
            ...

    def _scheduled(self, rule: Rule, options: ScheduleOptions) -> ScheduleDecorator:
        def decorate(function: Any) -> Any:
            of_task = {key: value for key, value in options.items() if key not in _NOT_OF_TASKS}
            if not isinstance(function, Task):
                named = {"name": options["name"]} if "name" in options else {}
                task: Task[..., Any] = self._register(function, {**named, **of_task})
            elif of_task:
                raise ConfigurationError(f"{function.name} is a task already: give {', '.join(of_task)} to @app.task")
            else:
                task = function
            call: Call[Any] = task.call(*options.get("args", ()), **options.get("kwargs", {}))
            name, acting = options.get("name", task.name), options.get("acting", NOBODY)
            self.schedule(name, rule, call, acting=acting, **_of_policy(options))
            return task

        return decorate


_OF_RULES = frozenset({"tz", "first_day", "last_day"})
_OF_POLICIES = frozenset(PolicyOptions.__annotations__)
_NOT_OF_TASKS = _OF_RULES | _OF_POLICIES | {"name", "args", "kwargs", "acting"}


def _of_rule(options: ScheduleOptions) -> Any:
    return {key: value for key, value in options.items() if key in _OF_RULES}


def _of_policy(options: ScheduleOptions) -> Any:
    return {key: value for key, value in options.items() if key in _OF_POLICIES}


def every_rule(interval: timedelta | None, **rest: Any) -> Every:
    """The rule of an interval; see `app.every`.

    Raises:
        ConfigurationError: it is no interval, or something else is wrong.
    """
    number, unit = _counted(interval)
    return Every(number=number, unit=unit, **rest)


def _counted(interval: object) -> tuple[int, Unit]:
    """The interval in the largest unit of which it has a whole number."""
    if not isinstance(interval, timedelta):
        raise ConfigurationError(f"an interval must be a timedelta, such as timedelta(minutes=5), not {interval!r}")
    if interval % timedelta(seconds=1) or interval <= timedelta(0):
        raise ConfigurationError(f"an interval must have whole seconds, at least one, not {interval}")
    unit: Unit = next(one for one in _UNITS if not interval % timedelta(**{one: 1}))
    return interval // timedelta(**{unit: 1}), unit
