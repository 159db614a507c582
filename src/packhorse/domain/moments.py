"""Moments and durations as whole microseconds, the form in which both engines exchange them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last moment of Python's datetimes, the years 1 to 9999, in microseconds since 1970."""


def moment(micros: int) -> datetime:
    """The moment, in UTC, so many microseconds after the start of 1970; the nearest that there is, never an error."""
    return EPOCH + timedelta(microseconds=min(max(micros, EARLIEST), LATEST))


def optional_moment(micros: int | None) -> datetime | None:
    """The same where there may be none."""
    return None if micros is None else moment(micros)


def micros_at(moment: datetime) -> int:
    """How many microseconds after the start of 1970 an aware moment is."""
    return (moment - EPOCH) // MICROSECOND


def micros_in(duration: timedelta) -> int:
    """How many microseconds a duration has."""
    return duration // MICROSECOND
