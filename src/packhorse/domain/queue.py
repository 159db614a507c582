"""A queue's settings: what code declares, what somebody changed at run time, and what follows from both.

Both are kept as JSON objects that hold only what was said, so that a later change of the code reaches what nobody has
changed. What was changed at run time wins until it is reset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, TypedDict, get_args

from packhorse.domain.moments import MICROSECOND, micros_in
from packhorse.domain.order import priority_number
from packhorse.errors import ConfigurationError

OrderPolicy = Literal["deadline", "aging"]
"""How priority and time make the order: the priority first, or the priority as a shift of the time."""

Stored = int | str | bool | list[int] | None
"""A setting as it is kept in JSON."""

LARGEST_COUNT = 1_000_000_000
LONGEST = timedelta(days=3650)
UNITS: Mapping[str, timedelta] = MappingProxyType(
    {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
)
_RATE = re.compile(r"(\d{1,9})/(\d{1,6})?([smhd])", re.ASCII)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` starts in any `period`."""

    count: int
    period: timedelta

    def __str__(self) -> str:
        """As it is written: `100/m`, `5/30s`."""
        for name, unit in reversed(list(UNITS.items())):
            if not self.period % unit:
                many = self.period // unit
                return f"{self.count}/{'' if many == 1 else many}{name}"
        return f"{self.count}/{self.period}"


class QueueOptions(TypedDict, total=False):
    """What can be said of a queue, in code and at run time; see `QueueSettings`."""

    slots: int | None
    batch_size: int | None
    load_balanced: bool | None
    processor: str | None
    priority_floor: int | str | None
    order: OrderPolicy
    max_running: int | None
    rate: RateLimit | tuple[int, timedelta] | str | None
    group_max_running: int | None
    group_rate: RateLimit | tuple[int, timedelta] | str | None
    fair: bool
    keep_succeeded: timedelta | None
    keep_cancelled: timedelta | None
    keep_failed: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """The settings of a queue that are in force."""

    slots: int | None = None
    """How many of its jobs a worker process runs at once; None is as many as the process has slots."""
    batch_size: int | None = None
    """Of a queue table: how many rows a lane reads in a run, and `slots` are its lanes; None is what the code says."""
    load_balanced: bool | None = None
    """Of a queue table: whether both are set from the backlog; None is what the processor says."""
    processor: str | None = None
    """Of a queue table: which of its processors works on it; None is the only one."""
    priority_floor: int | None = None
    """Only jobs of this priority, or more urgent ones, are claimed; None is all."""
    order: OrderPolicy = "deadline"
    """`deadline`: by priority, then by when a job is wanted. `aging`: by when it is wanted, shifted by its priority."""
    max_running: int | None = None
    """How many of its jobs run at once on all workers together; None is no limit."""
    rate: RateLimit | None = None
    """How many of its jobs start in a period, on all workers together."""
    group_max_running: int | None = None
    """How many jobs of one group run at once, on all workers together."""
    group_rate: RateLimit | None = None
    """How many jobs of one group start in a period."""
    fair: bool = False
    """Whether the groups take turns."""
    keep_succeeded: timedelta | None = None
    """How long succeeded jobs are kept; None is 7 days, zero not at all."""
    keep_cancelled: timedelta | None = None
    """How long cancelled jobs are kept; None is 7 days, zero not at all."""
    keep_failed: timedelta | None = None
    """How long failed jobs are kept after somebody solved or dismissed them; None is 30 days, zero not at all."""


NAMES = tuple(one.name for one in fields(QueueSettings))
"""The names of all settings, in the order in which they are shown."""
DEFAULTS = QueueSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue's record. A queue without one has the defaults and is not paused."""

    name: str
    declared: Mapping[str, Stored] = field(default_factory=dict)
    """What code says of it."""
    changed: Mapping[str, Stored] = field(default_factory=dict)
    """What was set at run time, in place of that."""
    settings: QueueSettings = DEFAULTS
    """What is in force."""
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None

    @property
    def is_paused(self) -> bool:
        """Whether none of its jobs is claimed."""
        return self.paused_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A rule made at run time: where the jobs of some tasks go."""

    pattern: str
    """Fits a task's name; `*` stands for any characters, `?` for one."""
    queue: str
    created_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailure:
    """A module of tasks that a machine could not import, so that it does not know them."""

    module: str
    host: str
    hits: int
    """How often it was tried."""
    first_at: datetime
    last_at: datetime
    error: str


def stored_settings(given: Mapping[str, object]) -> dict[str, Stored]:
    """Settings as they are kept in JSON, checked.

    Raises:
        ConfigurationError: there is no such setting, or its value is wrong.
    """
    for name in given:
        if name not in _CHECKS:
            raise ConfigurationError(f"a queue has no setting {name!r}; there are {', '.join(NAMES)}")
    return {name: _CHECKS[name](name, given[name]) for name in NAMES if name in given}


def settings_in_force(declared: Mapping[str, Stored], changed: Mapping[str, Stored]) -> QueueSettings:
    """What follows from both; settings that this version does not know are left out."""
    stored = {**declared, **changed}
    return QueueSettings(**{name: _value(name, stored[name]) for name in NAMES if name in stored})


def encode_settings(stored: Mapping[str, Stored]) -> str:
    """The JSON text; the same settings always give the same text."""
    return json.dumps(stored, sort_keys=True)


def decode_settings(text: str) -> dict[str, Stored]:
    """The settings in a JSON text; nothing in one that holds something else."""
    try:
        stored = json.loads(text)
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}


def shown_setting(name: str, stored: Stored) -> str:
    """A setting as people write it: `100/m`, `7 days, 0:00:00`, `none`."""
    value = _value(name, stored)
    return "none" if value is None else str(value)


def _value(name: str, stored: Any) -> Any:
    if name in ("rate", "group_rate"):
        return None if stored is None else RateLimit(stored[0], timedelta(microseconds=stored[1]))
    if name.startswith("keep_"):
        return None if stored is None else timedelta(microseconds=stored)
    return stored


def _count(name: str, value: object) -> Stored:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_COUNT:
        raise ConfigurationError(f"{name} must be a whole number, 1 or more, or None for no limit, not {value!r}")
    return value


def _floor(name: str, value: object) -> Stored:
    if value is None:
        return None
    try:
        return priority_number(value)  # type: ignore[arg-type]
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from None


def _order(name: str, value: object) -> Stored:
    if value not in get_args(OrderPolicy):
        raise ConfigurationError(f"{name} must be {' or '.join(map(repr, get_args(OrderPolicy)))}, not {value!r}")
    return str(value)


def _fair(name: str, value: object) -> Stored:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {value!r}")
    return value


def _flag(name: str, value: object) -> Stored:
    return None if value is None else _fair(name, value)


def _name(name: str, value: object) -> Stored:
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a name, or None, not {value!r}")
    return value


def _keep(name: str, value: object) -> Stored:
    if value is None:
        return None
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= LONGEST:
        raise ConfigurationError(
            f"{name} must be a timedelta from zero (keep none) to ten years, or None for the default, not {value!r}"
        )
    return micros_in(value)


def _rate(name: str, value: object) -> Stored:
    if value is None:
        return None
    match _rate_parts(value):
        case (int() as count, timedelta() as period) if (
            1 <= count <= LARGEST_COUNT and MICROSECOND <= period <= LONGEST
        ):
            return [int(count), micros_in(period)]
        case _:
            raise ConfigurationError(
                f"{name} must be written as '100/m' or '5/30s' (s, m, h, d), as (100, timedelta(minutes=1)), or None, "
                f"not {value!r}"
            )


def _rate_parts(value: object) -> object:
    if isinstance(value, RateLimit):
        return value.count, value.period
    if not isinstance(value, str):
        return value
    match = _RATE.fullmatch(value.replace(" ", ""))
    return None if match is None else (int(match[1]), int(match[2] or 1) * UNITS[match[3]])


_CHECKS: Mapping[str, Callable[[str, object], Stored]] = MappingProxyType(
    {
        "slots": _count,
        "batch_size": _count,
        "load_balanced": _flag,
        "processor": _name,
        "priority_floor": _floor,
        "order": _order,
        "max_running": _count,
        "rate": _rate,
        "group_max_running": _count,
        "group_rate": _rate,
        "fair": _fair,
        "keep_succeeded": _keep,
        "keep_cancelled": _keep,
        "keep_failed": _keep,
    }
)
