"""Weekly timetables as rules."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from msgspec.structs import force_setattr

from packhorse.domain.schedule import wallclock
from packhorse.domain.schedule.rule import Rule
from packhorse.domain.schedule.weekdays import WEEKDAYS, Weekday, in_order
from packhorse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_WEEKS: Final = 520
"""No timetable pauses for longer than ten years."""
MOST_TIMES: Final = 24 * 60
_DAY: Final = timedelta(days=1)


class Weekly(Rule, frozen=True, tag="weekly"):
    """Some times of day on some weekdays, in every week or every n-th.

    Where clocks skip such a time, the tick comes when they do so (several come as one); where they show it twice, the
    first time.

    Attributes:
        weekdays: one or more of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
        times: one or more times of day without a time zone, to the second.
        weeks: 1, the default, for every week, 2 for every second one, counted from the week (from Monday on) in which
            `first_day` lies, which then must be given.
    """

    weekdays: tuple[Weekday, ...]
    times: tuple[time, ...]
    weeks: int = 1

    def _check(self, zone: tzinfo) -> None:
        if not self.weekdays or not self.times:
            raise ConfigurationError("a weekly rule needs at least one weekday and one time of day")
        if not isinstance(self.times, Collection):
            raise ConfigurationError(f"times must be a tuple of times of day, not {self.times!r}")
        if len(self.times) > MOST_TIMES:
            raise ConfigurationError(f"a weekly rule may have {MOST_TIMES} times of day, not {len(self.times)}")
        for one in self.times:
            if type(one) is not time or one.tzinfo is not None or one.microsecond:
                raise ConfigurationError(f"a time of day must be a time without zone or fractions, not {one!r}")
        if type(self.weeks) is not int or not 1 <= self.weeks <= MOST_WEEKS:
            raise ConfigurationError(f"weeks must be a whole number from 1 to {MOST_WEEKS}, not {self.weeks!r}")
        if self.weeks > 1 and self.first_day is None:
            raise ConfigurationError(f"first_day is missing: every {self.weeks} weeks, counted from which one?")
        force_setattr(self, "weekdays", in_order(self.weekdays))
        force_setattr(self, "times", tuple(sorted({one.replace(fold=0) for one in self.times})))

    def _named(self) -> str:
        return f"a weekly rule for {', '.join(self.weekdays)}"

    def _tick_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        days = self._days_from(wallclock.wall_at(moment, zone).date(), _DAY)
        walls = (datetime.combine(day, one) for day in days for one in self.times)
        return wallclock.first_after(walls, zone, moment)

    def _tick_until(self, moment: datetime, zone: tzinfo) -> datetime | None:
        days = self._days_from(wallclock.latest_wall(moment, zone).date(), -_DAY)
        walls = (datetime.combine(day, one) for day in days for one in reversed(self.times))
        return wallclock.last_until(walls, zone, moment)

    def _days_from(self, day: date, step: timedelta) -> Iterator[date]:
        while True:
            if WEEKDAYS[day.weekday()] in self.weekdays and self._in_its_week(day):
                yield day
            day += step

    def _in_its_week(self, day: date) -> bool:
        if self.first_day is None:
            return True
        monday = self.first_day - self.first_day.weekday() * _DAY
        return (day - monday).days // len(WEEKDAYS) % self.weeks == 0
