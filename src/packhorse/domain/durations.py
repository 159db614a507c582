"""Lengths of time as people read them."""

from __future__ import annotations

from datetime import timedelta

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def duration(length: timedelta) -> str:
    """A length of time in the largest unit that leaves a figure above one: `850 ms`, `12 s`, `3 min`, `5 h`, `2 d`."""
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, size in UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
