"""What a column may hold, and the nearest such value for one that was written past the checks of the tables.

Whoever can write to the tables can write nonsense. The tables refuse it; should they not, it is one job's trouble: a
row that could not be read would keep a worker from all the others.
"""

from __future__ import annotations

EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last moment of Python's datetimes, the years 1 to 9999, in microseconds since 1970."""
HIGHEST_COUNT = 1_000_000_000
"""What a count may be at most: attempts, failures, skips, crashes."""


def as_micros(value: object) -> int:
    """A moment that a datetime can hold; what is no number at all is the start of 1970."""
    return min(max(_whole(value), EARLIEST), LATEST)


def as_count(value: object) -> int:
    """A count from 0 to `HIGHEST_COUNT`; what is no number at all is 0."""
    return min(max(_whole(value), 0), HIGHEST_COUNT)


def as_text(value: object) -> str:
    """A text; what is none is read as well as can be."""
    if isinstance(value, str):
        return value
    return readable(value) if isinstance(value, bytes) else str(value)


def readable(encoded: bytes) -> str:
    """UTF-8 as text, with marks for what is none."""
    return encoded.decode("utf-8", "replace")


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
