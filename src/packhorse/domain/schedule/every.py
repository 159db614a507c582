"""Intervals as rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import count
from typing import TYPE_CHECKING, Final, Literal, get_args

from msgspec.structs import force_setattr

from packhorse.domain.schedule import wallclock
from packhorse.domain.schedule.rule import ERA_BEGIN, ERA_END, HORIZON, Rule
from packhorse.domain.schedule.weekdays import WEEKDAYS, Weekday, in_order
from packhorse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

Unit = Literal["seconds", "minutes", "hours", "days", "weeks"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
LONGEST: Final = timedelta(days=3650)
"""No interval is longer than ten years."""
_COUNTED_FROM: Final = date(2001, 1, 1)
"""A Monday: where counting begins if the rule does not say, so that all processes agree."""


class Every(Rule, frozen=True, tag="every"):
    """Every n seconds, minutes, hours, days or weeks from a start on, on all days or on some weekdays.

    Seconds, minutes and hours are time that passes: clocks that change do not matter. Days and weeks keep the time of
    day that clocks show at the start; where they skip it, the tick comes when they do so, where they show it twice,
    the first time.

    Attributes:
        number: how many units lie between two ticks; at least one, ten years at most.
        unit: `seconds`, `minutes`, `hours`, `days` or `weeks`.
        starts_at: the first tick, if its weekday fits; where it is None, the default, ticks count from the midnight
            with which `first_day` begins, or without one the 1st of January 2001, a Monday.
        weekdays: days of the time zone's calendar to which ticks are limited; none, the default, is no limit.
    """

    number: int
    unit: Unit
    starts_at: datetime | None = None
    weekdays: tuple[Weekday, ...] = ()

    @property
    def step(self) -> timedelta:
        """The interval; a day has 24 hours in it."""
        return timedelta(**{self.unit: self.number})

    @property
    def on_calendar(self) -> bool:
        """Are days counted, rather than time that passes?"""
        return self.unit in {"days", "weeks"}

    def start_wall(self, zone: tzinfo) -> datetime:
        """What clocks show where counting begins."""
        if self.starts_at is not None:
            return wallclock.wall_at(self.starts_at, zone)
        return datetime.combine(self.first_day or _COUNTED_FROM, time())

    def _check(self, zone: tzinfo) -> None:
        self._check_interval()
        if self.starts_at is not None:
            force_setattr(self, "starts_at", _checked_start(self.starts_at))
        force_setattr(self, "weekdays", in_order(self.weekdays))
        if self.on_calendar and not any(self._fits(day) for day in self._next_days(zone)):
            raise ConfigurationError(
                f"{self._named()} never falls on {', '.join(self.weekdays)}: choose another start, interval or weekday"
            )

    def _check_interval(self) -> None:
        if self.unit not in UNITS:
            raise ConfigurationError(f"no unit {self.unit!r} of an interval: the units are {', '.join(UNITS)}")
        most = LONGEST // timedelta(**{self.unit: 1})
        if type(self.number) is not int or not 1 <= self.number <= most:
            raise ConfigurationError(
                f"an interval in {self.unit} must be a whole number of them, from 1 to {most}, not {self.number!r}"
            )

    def _next_days(self, zone: tzinfo) -> list[date]:
        """The first seven days of ticks; afterwards the same weekdays come again."""
        first = self.start_wall(zone).date()
        return [first + number * self.step for number in range(len(WEEKDAYS))]

    def _named(self) -> str:
        return f"an interval of {self.number} {self.unit}"

    def _begins_at(self, zone: tzinfo) -> datetime:
        begin = super()._begins_at(zone)
        return begin if self.starts_at is None else max(begin, self.starts_at)

    def _start(self, zone: tzinfo) -> datetime:
        return self.starts_at or wallclock.moment_of(self.start_wall(zone), zone)

    def _tick_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        start = self._start(zone)
        if moment < start and self._fits(self.start_wall(zone).date()):
            return start
        if not self.on_calendar:
            return self._passed_after(max(moment, start), zone, start)
        return wallclock.first_after(self._walls_after(moment, zone), zone, moment)

    def _tick_until(self, moment: datetime, zone: tzinfo) -> datetime | None:
        start = self._start(zone)
        if moment < start:
            return None
        if not self.on_calendar:
            return self._passed_until(moment, zone, start)
        tick = wallclock.last_until(self._walls_until(moment, zone), zone, moment)
        return None if tick is None else max(tick, start)  # which may be the second showing of its hour

    def _fits(self, day: date) -> bool:
        return not self.weekdays or WEEKDAYS[day.weekday()] in self.weekdays

    def _passed_after(self, moment: datetime, zone: tzinfo, start: datetime) -> datetime | None:
        """Count on from the start; from a day that does not fit, to the first tick after it."""
        step = self.step
        tick = start + ((moment - start) // step + 1) * step
        while tick < moment + HORIZON + step:
            if self._fits(wallclock.wall_at(tick, zone).date()):
                return tick
            tick = start - (start - wallclock.day_ends(tick, zone)) // step * step
        return None

    def _passed_until(self, moment: datetime, zone: tzinfo, start: datetime) -> datetime | None:
        """Count back; from a day that does not fit, to the last tick before it."""
        step = self.step
        tick = start + (moment - start) // step * step
        while tick >= start and tick > moment - HORIZON - step:
            if self._fits(wallclock.wall_at(tick, zone).date()):
                return tick
            tick = start - ((start - wallclock.day_began(tick, zone)) // step + 1) * step
        return None

    def _walls_after(self, moment: datetime, zone: tzinfo) -> Iterator[datetime]:
        start = self.start_wall(zone)
        passed = (wallclock.wall_at(moment, zone).date() - start.date()) // self.step
        walls = (start + number * self.step for number in count(max(0, passed)))
        return (wall for wall in walls if self._fits(wall.date()))

    def _walls_until(self, moment: datetime, zone: tzinfo) -> Iterator[datetime]:
        start = self.start_wall(zone)
        passed = (wallclock.latest_wall(moment, zone).date() - start.date()) // self.step
        walls = (start + number * self.step for number in range(passed, -1, -1))
        return (wall for wall in walls if self._fits(wall.date()))


def _checked_start(starts_at: datetime) -> datetime:
    if not isinstance(starts_at, datetime):
        raise ConfigurationError(f"starts_at must be a datetime with a time zone, not {starts_at!r}")
    if starts_at.tzinfo is None:
        raise ConfigurationError(f"starts_at {starts_at.isoformat()} has no time zone: pass an aware datetime")
    if not ERA_BEGIN.year <= starts_at.year < ERA_END.year:
        raise ConfigurationError(f"starts_at must lie in the years 1970 to 9899, not {starts_at.isoformat()}")
    return starts_at.astimezone(UTC)
