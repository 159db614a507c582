"""Cron expressions as rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from msgspec.structs import force_setattr

from packhorse.domain.schedule import wallclock
from packhorse.domain.schedule.expression import normal_form
from packhorse.domain.schedule.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECOND: Final = timedelta(seconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)


class Cron(Rule, frozen=True, tag="cron"):
    """A cron expression of five fields (see `expression`), in a time zone.

    Days on which clocks change are much as with Debian's cron. If neither the minute nor the hour begins with `*`, the
    rule means *times of day*: one that clocks skip comes when they skip it (several come as one), one that they show
    twice comes the first time. Otherwise it means *what clocks show*: each minute that is shown and fits, also the
    second time, and no other.

    Attributes:
        expression: the expression, in lower case and with single spaces; `@daily` and the like are written out.
    """

    expression: str

    def _check(self, zone: tzinfo) -> None:
        from cronsim import CronSim, CronSimError

        force_setattr(self, "expression", normal_form(self.expression))
        try:
            CronSim(self.expression, datetime(1970, 1, 1))  # noqa: DTZ001 - a wall
        except CronSimError as error:  # all else is found above
            raise self._never() from error

    def _named(self) -> str:
        return f"cron expression {self.expression!r}"

    def _tick_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        if self._means_times_of_day():
            return wallclock.first_after(self._walls_after(wallclock.wall_at(moment, zone)), zone, moment)
        return self._shown_after(moment, zone)

    def _tick_until(self, moment: datetime, zone: tzinfo) -> datetime | None:
        if self._means_times_of_day():
            return wallclock.last_until(self._walls_until(wallclock.latest_wall(moment, zone)), zone, moment)
        return self._shown_until(moment, zone)

    def _means_times_of_day(self) -> bool:
        minute, hour, *_ = self.expression.split()
        return not minute.startswith("*") and not hour.startswith("*")

    def _shown_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """Take the next wall that fits; when clocks change before it is shown, go on from the change."""
        begin = wallclock.wall_at(moment, zone)
        wall = next(self._walls_after(begin), None)
        while wall is not None:
            tick = _shown_at(wall, wallclock.offset_at(moment, zone))
            change = wallclock.first_change(zone, moment, tick)
            if change is None:
                return tick
            moment, shown = change, wallclock.wall_at(change, zone)
            if not begin < shown <= wall:  # otherwise nothing between them fits, as we know already
                begin = shown - _SECOND
                wall = next(self._walls_after(begin), None)
        return None

    def _shown_until(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The same backwards: a change is where the walls before it end."""
        begin = wallclock.wall_at(moment, zone)
        wall = next(self._walls_until(begin), None)
        while wall is not None:
            tick = _shown_at(wall, wallclock.offset_at(moment, zone))
            change = wallclock.last_change(zone, tick, moment)
            if change is None:
                return tick
            moment = change - _MICROSECOND
            shown = wallclock.wall_at(moment, zone)
            if not wall <= shown <= begin:
                begin = shown
                wall = next(self._walls_until(begin), None)
        return None

    def _walls_after(self, wall: datetime) -> Iterator[datetime]:
        """The walls that fit, ascending, for 50 years. Naive: with a zone, cronsim misses some and repeats others."""
        from cronsim import CronSim

        return CronSim(self.expression, wall)

    def _walls_until(self, wall: datetime) -> Iterator[datetime]:
        """The walls that fit, descending, `wall` itself among them."""
        from cronsim import CronSim

        return CronSim(self.expression, wall.replace(microsecond=0) + _SECOND, reverse=True)


def _shown_at(wall: datetime, offset: timedelta) -> datetime:
    return (wall - offset).replace(tzinfo=UTC)
