"""The options of a task and of one enqueue, checked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, Protocol, Self, TypeVar, cast, get_args

from packhorse.domain.batch import SomeBatch
from packhorse.domain.job import DEFAULT_QUEUE, Keys, OnDuplicate
from packhorse.domain.order import DEFAULT_PRIORITY, priority_number
from packhorse.domain.outcome import Verdict
from packhorse.domain.retry import MAX_DELAY, Backoff, RetryPolicy, check_limit
from packhorse.errors import ConfigurationError
from packhorse.presets import PRESETS, PolicyName

T = TypeVar("T", bound=str)

Isolation = Literal["inline", "process"]
"""Where a handler runs: in the worker's own process, or in a child that a time limit can kill."""

QUEUE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}")
KEY = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
MOST_TARGETS = 1000
TASK_NAME = re.compile(r"[^\s\x00-\x1f]{1,200}")


class HasId(Protocol):
    """A job's handle."""

    @property
    def id(self) -> int:
        """Its number."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one enqueue; None leaves the choice to the task, then to the defaults.

    Attributes:
        queue: the named lane that the job goes into.
        priority: a number, small is urgent, or one of the names in `packhorse.domain.order.PRIORITIES`.
        delay: not before this long from now, at most ten years; in place of `scheduled_at`.
        scheduled_at: not before this moment, an aware datetime.
        expected_in: wanted this long from now, at most ten years; in place of `expected_at`.
        expected_at: wanted by this moment, an aware datetime; orders the queue inside a priority.
        max_attempts: how many counted failures make the job fail for good, 1 to 10,000.
        unique_key: no two waiting jobs of the task have the same, 1 to 200 characters.
        unique_until: `start` (the default) lets another one come when the job has started; `end` when it has ended.
        on_duplicate: what becomes of a job whose unique key another one has: `refuse` (the default) is an error, `keep`
            gives that one in its place, `replace` gives that one the new arguments and times, `earliest` lets that one
            be due at the earlier of both times, `merge` adds the records of this work package to that one.
        serial_key: jobs with the same one run one at a time, in the order in which they became visible.
        group: whose job it is, such as a tenant: what a queue's limits per group and its fair share go by.
        after: the jobs (handles or ids) that must have ended before this one starts, at most 1,000.
        after_needs: `success` (the default), or `end`: any end of theirs will do.
        responsible: who is told when it fails.
        batch: the batch that it is in.
        keys: the same as the engine takes them; None when there are none.

    Raises:
        ConfigurationError: an option is wrong, or two of them contradict each other.
    """

    queue: str | None = None
    priority: int | str | None = None
    delay: timedelta | None = None
    scheduled_at: datetime | None = None
    expected_in: timedelta | None = None
    expected_at: datetime | None = None
    max_attempts: int | None = None
    unique_key: str | None = None
    unique_until: Literal["start", "end"] | None = None
    on_duplicate: OnDuplicate | None = None
    serial_key: str | None = None
    group: str | None = None
    after: Sequence[HasId | int] | None = None
    after_needs: Literal["success", "end"] | None = None
    responsible: str | None = None
    batch: SomeBatch | int | None = None
    keys: Keys | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.queue is not None:
            check_queue(self.queue)
        if self.priority is not None:
            priority_number(self.priority)
        if self.max_attempts is not None:
            check_limit("max_attempts", self.max_attempts)
        _check_time("delay", self.delay, "scheduled_at", self.scheduled_at)
        _check_time("expected_in", self.expected_in, "expected_at", self.expected_at)
        ties = (self.unique_key, self.unique_until, self.on_duplicate, self.serial_key, self.group, self.after)
        if ties != (None,) * 6 or (self.after_needs, self.responsible, self.batch) != (None, None, None):
            object.__setattr__(self, "keys", _keys(self))

    def changed(self, **changes: Any) -> Self:
        """The same options with those that are given, and not None, in place of the old ones."""
        given = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **given) if given else self


ENQUEUE_OPTIONS = tuple(option.name for option in fields(Options) if option.init)
"""What they are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """The options of a task, checked and complete.

    Attributes:
        name: what the jobs of the task are called in the database.
        aliases: former names; jobs stored under them are run, too.
        queue: where its jobs go; `default`.
        priority: of its jobs; 5, medium.
        policy: what follows when a run does not succeed.
        timeout: how long a run may take; None, the default, is no limit.
        atomic: whether the handler's writes through `ctx.tx` commit with the acknowledgement.
        isolation: `inline` in the worker's process, or `process`, in a child that a time limit can kill.
        ack_each: whether a run is acknowledged at once, not together with others.
        keep_result: whether the returned value is kept.
    """

    name: str
    aliases: tuple[str, ...] = ()
    queue: str = DEFAULT_QUEUE
    priority: int = DEFAULT_PRIORITY
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: timedelta | None = None
    atomic: bool = False
    isolation: Isolation = "inline"
    ack_each: bool = False
    keep_result: bool = True


def task_options(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    aliases: Sequence[str] = (),
    queue: str | None = None,
    priority: int | str | None = None,
    max_attempts: int | None = None,
    backoff: Backoff | None = None,
    on_error: Mapping[type[BaseException], Verdict | type[Verdict]] | None = None,
    max_skips: int | None = None,
    max_crashes: int | None = None,
    reruns: int | None = None,
    policy: PolicyName = "task",
    timeout: timedelta | None = None,
    atomic: bool | None = None,
    isolation: Isolation = "inline",
    ack: Literal["batched", "each"] = "batched",
    keep_result: bool = True,
    responsible: str | None = None,
    allow_retry: bool = True,
) -> TaskOptions:
    """The options of `app.task`, checked; see there.

    Raises:
        ConfigurationError: one is wrong.
    """
    if isinstance(aliases, str):
        raise ConfigurationError(f"aliases must be a sequence of names, not {aliases!r}")
    _check_handler(function)
    chosen: PolicyName = _choice("policy", policy, *get_args(PolicyName))
    preset = PRESETS[chosen]
    return TaskOptions(
        name=_default_name(function) if name is None else _name(name),
        aliases=tuple(_name(alias) for alias in aliases),
        queue=DEFAULT_QUEUE if queue is None else check_queue(queue),
        priority=DEFAULT_PRIORITY if priority is None else priority_number(priority),
        policy=replace(
            preset.policy,
            max_attempts=preset.policy.max_attempts if max_attempts is None else max_attempts,
            backoff=preset.policy.backoff if backoff is None else backoff,
            reruns=preset.policy.reruns if reruns is None else reruns,
            on_error=_on_error(on_error),
            max_skips=None if max_skips is None else _most_skips(max_skips),
            max_crashes=preset.policy.max_crashes if max_crashes is None else max_crashes,
            responsible=_key("responsible", responsible),
            allow_retry=_flag("allow_retry", allow_retry),
        ),
        timeout=None if timeout is None else _limit(timeout),
        atomic=preset.atomic if atomic is None else _flag("atomic", atomic),
        isolation=_choice("isolation", isolation, "inline", "process"),
        ack_each=_choice("ack", ack, "batched", "each") == "each",
        keep_result=_flag("keep_result", keep_result),
    )


def _keys(options: Options) -> Keys:
    if options.unique_key is None and (options.unique_until, options.on_duplicate) != (None, None):
        raise ConfigurationError("unique_until and on_duplicate say something of a unique_key: give one")
    if options.after_needs is not None and options.after is None:
        raise ConfigurationError("after_needs says something of the jobs in after: give some")
    on_duplicate: OnDuplicate = _choice("on_duplicate", options.on_duplicate or "refuse", *get_args(OnDuplicate))
    if options.after and on_duplicate != "refuse":
        raise ConfigurationError(
            f"after can't be combined with on_duplicate={on_duplicate!r}: the job that is found may have run already"
        )
    if options.batch is not None and on_duplicate != "refuse":
        raise ConfigurationError(
            f"batch can't be combined with on_duplicate={on_duplicate!r}: the job that is found may be in another one"
        )
    return Keys(
        unique_key=_key("unique_key", options.unique_key),
        unique_until=_choice("unique_until", options.unique_until or "start", "start", "end"),
        on_duplicate=on_duplicate,
        serial_key=_key("serial_key", options.serial_key),
        group_key=_key("group", options.group),
        after=_ids(options.after),
        after_needs=_choice("after_needs", options.after_needs or "success", "success", "end"),
        responsible=_key("responsible", options.responsible),
        batch_id=None if options.batch is None else batch_id(options.batch),
    )


def _key(name: str, key: object) -> str | None:
    if key is not None and (not isinstance(key, str) or not KEY.fullmatch(key)):
        raise ConfigurationError(f"{name} must be a text of 1 to 200 characters, none of them a control, not {key!r}")
    return key


def _ids(after: object) -> tuple[int, ...]:
    if isinstance(after, str) or not isinstance(after, Sequence | None):
        raise ConfigurationError(f"after takes a list of jobs, not {after!r}")
    ids = {_id(job) for job in (() if after is None else after)}
    if len(ids) > MOST_TARGETS:
        raise ConfigurationError(f"a job can wait for {MOST_TARGETS} others at most, not {len(ids)}")
    return tuple(sorted(ids))


def _id(job: object) -> int:
    id = None if isinstance(job, SomeBatch) else getattr(job, "id", job)
    if isinstance(id, bool) or not isinstance(id, int) or id < 1:
        raise ConfigurationError(f"after takes jobs, by their handles or ids, not {job!r}")
    return id


def _check_handler(function: Callable[..., Any]) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(f"{function.__qualname__} has a `yield` in it: a call of it would run nothing")


def batch_id(batch: object) -> int:
    """The id of a batch, given by itself or by its handle.

    Raises:
        ConfigurationError: it is neither; a job's handle is none.
    """
    id = batch.id if isinstance(batch, SomeBatch) else batch
    if isinstance(id, bool) or not isinstance(id, int) or id < 1:
        raise ConfigurationError(f"a batch is named by what app.batch returns, or by its id, not {batch!r}")
    return id


def check_names(owner: str, given: Iterable[str], known: Collection[str], hint: str = "") -> None:
    """Refuse options that `owner` does not have.

    Raises:
        ConfigurationError: naming one of them, those that there are, and the hint.
    """
    unknown = [name for name in given if name not in known]
    if unknown:
        more = f"; {hint}" if hint else ""
        raise ConfigurationError(f"{owner} has no option {unknown[0]!r}; it has {', '.join(known)}{more}")


def check_queue(name: object) -> str:
    """The name, when a queue may be called so.

    Raises:
        ConfigurationError: it may not.
    """
    if not isinstance(name, str) or not QUEUE_NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no name for a queue: it must be 1 to 63 letters, digits or _ . : - "
            "and begin with a letter or a digit"
        )
    return name


def check_duration(name: str, duration: object) -> timedelta:
    """The duration, when it is a `timedelta` from zero to ten years.

    Raises:
        ConfigurationError: it is not.
    """
    if not isinstance(duration, timedelta):
        raise ConfigurationError(f"{name} must be a timedelta, such as timedelta(seconds=30), not {duration!r}")
    if not timedelta(0) <= duration <= MAX_DELAY:
        raise ConfigurationError(f"{name} must be between zero and ten years, not {duration}")
    return duration


def check_moment(name: str, moment: object) -> datetime:
    """The moment, when it is an aware datetime that every database can keep.

    Raises:
        ConfigurationError: it is not.
    """
    if not isinstance(moment, datetime):
        raise ConfigurationError(f"{name} must be a datetime, not {moment!r}")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ConfigurationError(
            f"{name} must be an aware datetime, such as datetime.now(UTC); {moment.isoformat()} names no time zone"
        )
    try:
        year = moment.astimezone(UTC).year
    except OverflowError:
        year = 0
    if not 1970 <= year <= 9998:  # noqa: PLR2004 - the years that both databases and Python can hold in every zone
        raise ConfigurationError(f"{name} must lie between the years 1970 and 9998, not {moment.isoformat()}")
    return moment


def _check_time(duration_name: str, duration: object, moment_name: str, moment: object) -> None:
    if duration is not None and moment is not None:
        raise ConfigurationError(f"give {duration_name} or {moment_name}, not both")
    if duration is not None:
        check_duration(duration_name, duration)
    if moment is not None:
        check_moment(moment_name, moment)


def _default_name(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", None)
    qualname = getattr(function, "__qualname__", None)
    if module is None or qualname is None:
        raise ConfigurationError(f"{function!r} has no name of its own: give the task one with @app.task(name=…)")
    if module == "__main__":
        raise ConfigurationError(
            f"{qualname} is defined in __main__, which is another module in a worker: "
            f'give the task a name, as in @app.task(name="shop.{qualname}"), or define it in a module'
        )
    return f"{module}.{qualname}"


def _name(name: object) -> str:
    if not isinstance(name, str) or not TASK_NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no name for a task: it must be 1 to 200 characters without spaces")
    return name


def _on_error(
    on_error: Mapping[type[BaseException], Verdict | type[Verdict]] | None,
) -> Mapping[type[BaseException], Verdict]:
    return MappingProxyType({kind: _verdict(kind, verdict) for kind, verdict in (on_error or {}).items()})


def _verdict(kind: object, verdict: object) -> Verdict:
    made = verdict() if isinstance(verdict, type) and issubclass(verdict, Verdict) else verdict
    if not isinstance(kind, type) or not issubclass(kind, BaseException) or not isinstance(made, Verdict):
        raise ConfigurationError(
            f"on_error maps exception classes to Skip, Retry, Fail or Cancel, not {kind!r} to {verdict!r}"
        )
    return made


def _most_skips(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ConfigurationError(f"max_skips must be a whole number, zero or more, not {number!r}")
    return number


def _limit(timeout: object) -> timedelta:
    if check_duration("timeout", timeout) == timedelta(0):
        raise ConfigurationError("timeout must be above zero; leave it out for no limit")
    return cast("timedelta", timeout)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {value!r}")
    return value


def _choice(name: str, value: T, *choices: str) -> T:
    if value not in choices:
        raise ConfigurationError(f"{name} must be {' or '.join(map(repr, choices))}, not {value!r}")
    return value


NO_OPTIONS = Options()
"""Everything left to the task and the defaults."""
