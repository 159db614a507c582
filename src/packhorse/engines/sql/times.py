"""Moments and durations as whole microseconds, the form in which both engines exchange them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from packhorse.engines.sql.ranges import as_micros

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    """The moment, in UTC, so many microseconds after the start of 1970; the nearest that there is, never an error."""
    return EPOCH + timedelta(microseconds=as_micros(micros))


def optional_moment(micros: int | None) -> datetime | None:
    """The same where there may be none."""
    return None if micros is None else moment(micros)


def micros_at(moment: datetime) -> int:
    """How many microseconds after the start of 1970 an aware moment is."""
    return (moment - EPOCH) // MICROSECOND


def micros_in(duration: timedelta) -> int:
    """How many microseconds a duration has."""
    return duration // MICROSECOND
