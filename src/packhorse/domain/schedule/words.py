"""Rules in plain English, for lists that people read."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.cron_words import cron_in_words
from packhorse.domain.schedule.every import Every
from packhorse.domain.schedule.phrases import MOST_LISTED, clock_time, listed, on_weekdays, ordinal
from packhorse.domain.schedule.wallclock import zone_of
from packhorse.domain.schedule.weekdays import WEEKDAYS
from packhorse.domain.schedule.weekly import Weekly

if TYPE_CHECKING:
    from packhorse.domain.schedule.rule import Rule


def in_words(rule: Rule) -> str:
    """The rule in a line: "at 09:00 on Monday to Friday, Europe/Berlin"; an unusual cron expression as it is."""
    first = f", from {_start(rule)}" if _start(rule) else ""
    last = f", until {rule.last_day}" if rule.last_day else ""
    return f"{_told(rule)}, {rule.tz}{first}{last}"


def _start(rule: Rule) -> str:
    if isinstance(rule, Every) and rule.starts_at:
        wall = rule.start_wall(zone_of(rule.tz))
        if rule.first_day is None or rule.first_day <= wall.date():
            return f"{wall.date()} {clock_time(wall.time())}"
    return str(rule.first_day or "")


@singledispatch
def _told(rule: Rule) -> str:
    raise NotImplementedError(type(rule).__qualname__)


@_told.register
def _(rule: Cron) -> str:
    return cron_in_words(rule.expression) or f"cron {rule.expression}"


@_told.register
def _(rule: Every) -> str:
    interval = f"every {rule.unit.removesuffix('s')}" if rule.number == 1 else f"every {rule.number} {rule.unit}"
    wall = rule.start_wall(zone_of(rule.tz))
    at = f" at {clock_time(wall.time())}" if rule.on_calendar else ""
    in_weeks = rule.on_calendar and rule.step.days % len(WEEKDAYS) == 0  # then other weekdays never come
    days = [wall.weekday()] if in_weeks else [WEEKDAYS.index(day) for day in rule.weekdays]
    on = f" {on_weekdays(days)}" if days else ""
    return interval + at + on


@_told.register
def _(rule: Weekly) -> str:
    times = [clock_time(one) for one in rule.times]
    at = listed(times) if len(times) <= MOST_LISTED else f"{len(times)} times from {times[0]} to {times[-1]}"
    weeks = f" of every {ordinal(rule.weeks)} week" if rule.weeks > 1 else ""
    return f"at {at} {on_weekdays(map(WEEKDAYS.index, rule.weekdays))}{weeks}"
