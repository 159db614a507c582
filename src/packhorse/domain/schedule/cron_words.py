"""Cron expressions in plain English, the common ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Final

from packhorse.domain.schedule.expression import DAYS, MONTHS, Term, parse
from packhorse.domain.schedule.phrases import (
    DAY_NAMES,
    MONTH_NAMES,
    MOST_LISTED,
    clock_time,
    listed,
    named,
    on_weekdays,
    ordinal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_DAYS: Final = 4
_HOUR, _DAY = 60, 24


@dataclass(frozen=True, slots=True)
class _Part:
    """One field: its text, and its values unless it has special ones."""

    text: str
    terms: Sequence[Term]

    @property
    def is_any(self) -> bool:
        return self.text == "*"

    @property
    def is_plain(self) -> bool:
        """No `*` and nothing special, so that its values are told one by one."""
        return "*" not in self.text and not self.is_special

    @property
    def is_special(self) -> bool:
        return any(term.special for term in self.terms)

    @property
    def values(self) -> list[int]:
        return sorted({value for term in self.terms for value in term.values})

    @property
    def is_span(self) -> bool:
        """Several values without a hole."""
        return self.is_plain and len(self.values) == self.values[-1] - self.values[0] + 1 > 1

    def every(self, whole: int) -> int | None:
        """Every how many of them, where that goes on evenly from one `whole` to the next; None where it does not."""
        step = self.terms[0].step
        return step if self.text in {"*", f"*/{step}"} and whole % step == 0 else None


def cron_in_words(expression: str) -> str | None:
    """What a checked expression says, or None where that would take more words than it is worth."""
    minute, hour, day, month, weekday = (
        _Part(text, terms) for text, terms in zip(expression.split(), parse(expression), strict=True)
    )
    when = _times(minute, hour)
    days = _days(day, month, weekday)
    if when is None or days is None:
        return None
    if not when.startswith("at "):
        days = days.removeprefix("every day").lstrip()
    return f"{when} {days}".rstrip()


def _times(minute: _Part, hour: _Part) -> str | None:
    if minute.is_plain and hour.is_plain and len(minute.values) * len(hour.values) <= MOST_LISTED:
        return f"at {listed([clock_time(time(one, two)) for one in hour.values for two in minute.values])}"
    if minute.is_plain and len(minute.values) == 1:
        return _hours(minute.values[0], hour)
    step = minute.every(_HOUR)
    if step is None or not (hour.is_any or hour.is_span):
        return None
    span = "" if hour.is_any else f" from {time(hour.values[0]):%H:%M} to {time(hour.values[-1], _HOUR - 1):%H:%M}"
    return f"every minute{span}" if step == 1 else f"every {step} minutes{span}"


def _hours(minute: int, hour: _Part) -> str | None:
    if hour.is_span:
        return f"every hour from {time(hour.values[0], minute):%H:%M} to {time(hour.values[-1], minute):%H:%M}"
    step = hour.every(_DAY)
    if step is None:
        return None
    hours = "every hour" if step == 1 else f"every {step} hours"
    return f"{hours} at minute {minute}" if minute else hours


def _days(day: _Part, month: _Part, weekday: _Part) -> str | None:
    if day.is_any and weekday.is_any:
        return f"every day {_in_months(month)}".rstrip()
    if day.is_any:
        return _on_weekdays(weekday, month)
    return _on_days(day, month) if weekday.is_any else None


def _on_weekdays(weekday: _Part, month: _Part) -> str | None:
    if not weekday.is_special:
        days = on_weekdays((value - 1) % len(DAY_NAMES) for value in weekday.values)
        return f"{days} {_in_months(month)}".rstrip()
    if len(weekday.terms) > 1:
        return None
    name, _, which = weekday.text.removesuffix("l").partition("#")
    index = DAYS.index(name) if name in DAYS else int(name)
    place = ordinal(int(which)) if which else "last"
    return f"on the {place} {DAY_NAMES[(index - 1) % len(DAY_NAMES)]} {_of_months(month)}"


def _on_days(day: _Part, month: _Part) -> str | None:
    if day.text == "l":
        return f"on the last day {_of_months(month)}"
    if day.is_special or len(day.values) > _MOST_DAYS:
        return None
    return f"on the {listed([ordinal(value) for value in day.values])} {_of_months(month)}"


def _in_months(month: _Part) -> str:
    return "" if len(month.values) == len(MONTHS) else f"in {_month_names(month)}"


def _of_months(month: _Part) -> str:
    return "of every month" if len(month.values) == len(MONTHS) else f"of {_month_names(month)}"


def _month_names(month: _Part) -> str:
    return named((value - 1 for value in month.values), MONTH_NAMES)
