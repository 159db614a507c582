"""Phrases for times, days and lists of them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import time

DAY_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MOST_LISTED: Final = 6
"""From more times of day on, a list of them is no longer read."""
_SHORTEST_RUN: Final = 3
"""From so many neighbours on, "Monday to Wednesday" reads better than each by its name."""
_TEENS: Final = (11, 12, 13)


def clock_time(one: time) -> str:
    """A time of day, with seconds where it has some."""
    return one.strftime("%H:%M:%S" if one.second else "%H:%M")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = "th" if number % 100 in _TEENS else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def listed(words: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def on_weekdays(indexes: Iterable[int]) -> str:
    """On some days of the week, 0 being Monday, or every day."""
    days = sorted(set(indexes))
    return "every day" if len(days) == len(DAY_NAMES) else f"on {named(days, DAY_NAMES)}"


def named(indexes: Iterable[int], names: Sequence[str]) -> str:
    """The names at these places, three neighbours and more as "the first to the last"."""
    runs = groupby(enumerate(sorted(set(indexes))), lambda place: place[1] - place[0])
    words = [_run([names[index] for _, index in run]) for _, run in runs]
    return listed([word for run in words for word in run])


def _run(neighbours: list[str]) -> list[str]:
    return [f"{neighbours[0]} to {neighbours[-1]}"] if len(neighbours) >= _SHORTEST_RUN else neighbours
