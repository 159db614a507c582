"""What all rules of schedules have in common: a time zone, a first and a last day, and ticks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import msgspec

from packhorse.domain.schedule.wallclock import moment_of, zone_of
from packhorse.errors import ConfigurationError, UsageError

ERA_BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
ERA_END: Final = datetime(9900, 1, 1, tzinfo=UTC)
"""All ticks lie from one to before the other, so that no calculation leaves the years that Python has."""
HORIZON: Final = timedelta(days=50 * 366)
"""A rule with no tick for so long has no further one."""
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)


class Rule(msgspec.Struct, frozen=True, kw_only=True, tag_field="rule", forbid_unknown_fields=True):
    """When something is to happen again and again: a value; equal rules have the same ticks.

    Moments go in with any time zone and come out in UTC. A rule has at least one tick: one that can have none is
    refused.

    Attributes:
        tz: the name of the time zone whose clocks and calendar are meant; UTC by default.
        first_day: no tick comes before this day begins there; None, the default, is no such limit.
        last_day: no tick comes after this day has ended there; None, the default, is no such limit.

    Raises:
        ConfigurationError: an attribute is not what it must be, or no moment fits them all.
    """

    tz: str = "UTC"
    first_day: date | None = None
    last_day: date | None = None

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick strictly after a moment; None when there is none any more (for 50 years)."""
        zone, moment = zone_of(self.tz), _aware(moment)
        begin, end = self._begins_at(zone), self._ends_at(zone)
        tick = self._tick_after(max(moment, begin - _MICROSECOND), zone) if moment < end else None
        return tick if tick is not None and tick < end else None

    def last_until(self, moment: datetime) -> datetime | None:
        """The last tick that is not after a moment; None when there is none (for 50 years)."""
        zone, moment = zone_of(self.tz), _aware(moment)
        begin, end = self._begins_at(zone), self._ends_at(zone)
        tick = self._tick_until(min(moment, end - _MICROSECOND), zone) if moment >= begin else None
        return tick if tick is not None and tick >= begin else None

    def __post_init__(self) -> None:
        if type(self.tz) is not str:
            raise ConfigurationError(f"tz must be the name of a time zone such as 'Europe/Berlin', not {self.tz!r}")
        _check_days(self.first_day, self.last_day)
        zone = zone_of(self.tz)
        self._check(zone)
        if self.next_after(self._begins_at(zone) - _MICROSECOND) is None:
            raise self._never()

    def _begins_at(self, zone: tzinfo) -> datetime:
        if self.first_day is None:
            return ERA_BEGIN
        return max(ERA_BEGIN, moment_of(datetime.combine(self.first_day, time()), zone))

    def _ends_at(self, zone: tzinfo) -> datetime:
        if self.last_day is None:
            return ERA_END
        return min(ERA_END, moment_of(datetime.combine(self.last_day + _DAY, time()), zone))

    def _never(self) -> ConfigurationError:
        begin = f" from {self.first_day}" if self.first_day else ""
        end = f" until {self.last_day}" if self.last_day else ""
        return ConfigurationError(
            f"{self._named()} never comes due{begin}{end}: choose days that exist and that fit each other"
        )

    def _check(self, zone: tzinfo) -> None:
        """Check what this kind of rule adds, and put it into the form in which equal rules are equal."""
        raise NotImplementedError

    def _named(self) -> str:
        """The rule in a message."""
        raise NotImplementedError

    def _tick_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first tick after a moment that is not before the rule begins; the caller looks where the rule ends."""
        raise NotImplementedError

    def _tick_until(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The last tick not after a moment that is not before the rule begins; the caller looks where it begins."""
        raise NotImplementedError


_DAYS: Final = (ERA_BEGIN.date(), ERA_END.date() - _DAY)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise UsageError(f"the moment {moment.isoformat()} has no time zone: pass an aware datetime")
    return moment.astimezone(UTC)


def _check_days(first: date | None, last: date | None) -> None:
    for name, day in (("first_day", first), ("last_day", last)):
        if day is not None and type(day) is not date:
            raise ConfigurationError(f"{name} must be a date, not {day!r}: the rule's time zone says when it begins")
        if day is not None and not _DAYS[0] <= day <= _DAYS[1]:
            raise ConfigurationError(f"{name} must lie in the years 1970 to 9899, not {day}")
    if first and last and last < first:
        raise ConfigurationError(f"last_day {last} comes before first_day {first}: exchange them, or leave one out")
