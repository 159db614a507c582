"""The days of the week."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, get_args

from packhorse.errors import ConfigurationError

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
"""In the order of `date.weekday`."""


def in_order(weekdays: Collection[Weekday]) -> tuple[Weekday, ...]:
    """The same days, each once, from Monday on.

    Raises:
        ConfigurationError: one of them is no weekday, or they are no tuple of them.
    """
    if isinstance(weekdays, str) or not isinstance(weekdays, Collection):
        raise ConfigurationError(f"weekdays must be a tuple such as ('mon', 'fri'), not {weekdays!r}")
    for day in weekdays:
        if day not in WEEKDAYS:
            raise ConfigurationError(f"no weekday {day!r}: the days are {', '.join(WEEKDAYS)}")
    return tuple(day for day in WEEKDAYS if day in weekdays)
