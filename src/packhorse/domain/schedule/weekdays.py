"""The days of the week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from packhorse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
"""In the order of `date.weekday`."""


def in_order(weekdays: Sequence[Weekday]) -> tuple[Weekday, ...]:
    """The same days, each once, from Monday on.

    Raises:
        ConfigurationError: one of them is no weekday.
    """
    for day in weekdays:
        if day not in WEEKDAYS:
            raise ConfigurationError(f"no weekday {day!r}: the days are {', '.join(WEEKDAYS)}")
    return tuple(day for day in WEEKDAYS if day in weekdays)
