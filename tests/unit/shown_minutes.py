"""Days as clocks on the wall show them, minute by minute, and which minutes a rule means: found without the product."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)

DAYS = {
    "an hour skipped at 02:00": ("Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)),
    "an hour repeated from 03:00": ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC)),
    "an hour skipped in America": ("America/New_York", datetime(2026, 3, 7, 18, tzinfo=UTC)),
    "an hour repeated in America": ("America/New_York", datetime(2026, 10, 31, 18, tzinfo=UTC)),
    "half an hour repeated": ("Australia/Lord_Howe", datetime(2026, 4, 4, 2, tzinfo=UTC)),
    "half an hour skipped": ("Australia/Lord_Howe", datetime(2026, 10, 3, 2, tzinfo=UTC)),
    "a quarter of an hour skipped at midnight": ("Asia/Kathmandu", datetime(1985, 12, 31, 6, tzinfo=UTC)),
    "an odd offset": ("Asia/Kathmandu", datetime(2026, 2, 28, 6, tzinfo=UTC)),
    "an hour skipped at midnight": ("America/Sao_Paulo", datetime(2018, 11, 3, 15, tzinfo=UTC)),
    "an hour repeated from midnight": ("America/Sao_Paulo", datetime(2019, 2, 16, 15, tzinfo=UTC)),
    "an hour repeated over midnight": ("America/St_Johns", datetime(2010, 11, 6, 15, tzinfo=UTC)),
    "three hours repeated": ("Antarctica/Casey", datetime(2010, 3, 4, 6, tzinfo=UTC)),
    "a day skipped": ("Pacific/Apia", datetime(2011, 12, 29, 20, tzinfo=UTC)),
    "no change": ("UTC", datetime(2028, 2, 28, 18, tzinfo=UTC)),
}
"""Where clocks do something unusual: the time zone, and when to begin to watch them."""

HOURS = 36
"""How long to watch them."""


@dataclass(frozen=True)
class Shown:
    """One minute: when it is, what clocks show, whether they showed it before, and which walls they just skipped."""

    moment: datetime
    wall: datetime
    again: bool
    skipped: tuple[datetime, ...]


@dataclass(frozen=True)
class Fields:
    """The values that the five fields of a cron expression allow; `both_days`: the month's day and the week's."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    both_days: bool

    def fit(self, wall: datetime) -> bool:
        """Do they allow what clocks show?"""
        on_day, on_weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return (
            wall.minute in self.minutes
            and wall.hour in self.hours
            and wall.month in self.months
            and (on_day and on_weekday if self.both_days else on_day or on_weekday)
        )


@cache
def watch(day: str) -> tuple[Shown, ...]:
    """Every minute of one of `DAYS`."""
    name, begin = DAYS[day]
    zone = ZoneInfo(name)
    minutes = []
    latest = (begin - MINUTE).astimezone(zone).replace(tzinfo=None)
    for number in range(HOURS * 60):
        moment = begin + number * MINUTE
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        skipped = tuple(latest + step * MINUTE for step in range(1, max(1, (wall - latest) // MINUTE)))
        minutes.append(Shown(moment, wall, wall <= latest, skipped))
        latest = max(latest, wall)
    return tuple(minutes)


def times_of_day(minutes: tuple[Shown, ...], fields: Fields) -> list[datetime]:
    """When a rule that means times of day comes due: once for each wall, skipped ones when they are skipped."""
    return [
        shown.moment
        for shown in minutes
        if (fields.fit(shown.wall) and not shown.again) or any(fields.fit(wall) for wall in shown.skipped)
    ]


def times_shown(minutes: tuple[Shown, ...], fields: Fields) -> list[datetime]:
    """When a rule that means what clocks show comes due."""
    return [shown.moment for shown in minutes if fields.fit(shown.wall)]
