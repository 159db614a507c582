"""What a column may hold, and the nearest such value for one that was written past the checks of the tables.

Whoever can write to the tables can write nonsense. The tables refuse it; should they not, it is one job's trouble: a
row that could not be read would keep a worker from all the others.
"""

from __future__ import annotations

HIGHEST_COUNT = 1_000_000_000
"""What a count may be at most: attempts, failures, skips, crashes."""


def as_count(value: int) -> int:
    """The nearest count from 0 to `HIGHEST_COUNT`."""
    return min(max(value, 0), HIGHEST_COUNT)


def readable(encoded: bytes) -> str:
    """UTF-8 as text, with marks for what is none."""
    return encoded.decode("utf-8", "replace")
