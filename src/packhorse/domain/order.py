"""The order inside a queue: priority, then `order_at`, by when the job is wanted, then the id.

`order_at` is `expected_at`, else `scheduled_at`, else the moment of enqueueing; the statement that stores it says so.
So nothing starves inside a priority: whatever waits has a fixed moment that later jobs come behind.

In a queue with `order="aging"` the priority shifts that moment in place of dominating it, so nothing starves at all.
"""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType

from packhorse.errors import ConfigurationError

PRIORITIES = MappingProxyType({"urgent": 1, "high": 3, "medium": 5, "low": 7, "minor": 9})
"""The named priorities; a smaller number is more urgent."""
DEFAULT_PRIORITY = PRIORITIES["medium"]
LOWEST_PRIORITY, HIGHEST_PRIORITY = 32767, -32768
"""What a priority may be: the range of a 16-bit integer."""
AGING_STEP = timedelta(minutes=10)
"""How long a job of one priority may have waited more than a job of the next, and still come behind it, where they age.

So between the named ones, which are two apart, lie twenty minutes: a `minor` job comes behind the `urgent` ones of the
eighty minutes after it, and before all later ones."""


def aged(priority: int, order_at_us: int, id: int) -> tuple[int, int, int]:
    """The key of the order of a queue whose priorities age."""
    return order_at_us + (priority - DEFAULT_PRIORITY) * (AGING_STEP // timedelta(microseconds=1)), priority, id


def priority_number(priority: int | str) -> int:
    """The number of a priority given by name or number.

    Raises:
        ConfigurationError: the name is none of `PRIORITIES`, or the number is out of range.
    """
    if isinstance(priority, bool) or not isinstance(priority, int | str):
        raise ConfigurationError(f"priority must be a number or a name, not {priority!r}")
    if isinstance(priority, str):
        if priority not in PRIORITIES:
            raise ConfigurationError(f"unknown priority {priority!r}; the names are {', '.join(PRIORITIES)}")
        return PRIORITIES[priority]
    if not HIGHEST_PRIORITY <= priority <= LOWEST_PRIORITY:
        raise ConfigurationError(f"priority {priority} is outside {HIGHEST_PRIORITY} to {LOWEST_PRIORITY}")
    return priority
