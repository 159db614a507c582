"""What clocks on the wall show, and the moments at which they show it.

A *wall* is a naive datetime: the date and time that a clock in some zone shows. In spring clocks skip some walls, in
autumn they show some twice. A *change* is a moment at which a zone's offset from UTC changes; at it, clocks show the
new time already.
"""

from __future__ import annotations

import difflib
import zoneinfo
from bisect import bisect_left
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Final

from packhorse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STRIDE: Final = timedelta(days=5)
"""Since 1970 no zone has changed twice within it (the shortest pause was 6.96 days), so no change hides in a stride."""
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_LONGEST_SHOWN: Final = 60


@cache
def zone_of(name: str) -> tzinfo:
    """The time zone of that name, from the system's list or the package tzdata.

    Raises:
        ConfigurationError: there is none, or it is another one on each machine.
    """
    if name == "UTC":
        return UTC
    try:
        if name != "localtime":
            return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, TypeError, ValueError):
        pass
    raise ConfigurationError(_no_zone(name))


def _no_zone(name: str) -> str:
    if name == "localtime":
        return "time zone 'localtime' is another one on each machine: name one, for example 'Europe/Berlin'"
    shown = repr(name)[:_LONGEST_SHOWN]
    known = zoneinfo.available_timezones()
    if not known:
        return f"no time zone {shown}: this machine knows none; install its time zones or the package tzdata"
    near = difflib.get_close_matches(str(name)[:_LONGEST_SHOWN], sorted(known), n=1)
    advice = f"did you mean {near[0]!r}?" if near else "use a name such as 'Europe/Berlin' or 'UTC'"
    return f"no time zone {shown}: {advice}"


def offset_at(moment: datetime, zone: tzinfo) -> timedelta:
    """How far the zone is ahead of UTC at a moment."""
    return moment.astimezone(zone).replace(tzinfo=UTC) - moment


def wall_at(moment: datetime, zone: tzinfo) -> datetime:
    """What clocks show at a moment."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def latest_wall(moment: datetime, zone: tzinfo) -> datetime:
    """A wall that none shown until a moment exceeds: while clocks repeat an hour, what they would show without that."""
    shown = moment.astimezone(zone).replace(fold=0)
    first = shown.astimezone(UTC)  # when they showed it for the first time
    return shown.replace(tzinfo=None) + (moment - first)


def moment_of(wall: datetime, zone: tzinfo) -> datetime:
    """The moment at which clocks show `wall`, the first of two; where they skip it, the moment at which they do so."""
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if wall_at(found, zone) == wall:
        return found
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)  # the change lies between what both offsets would give
    return first_change(zone, before, found) or found


def day_ends(moment: datetime, zone: tzinfo) -> datetime:
    """The first moment after this one at which clocks show another day, or change, maybe to the day before."""
    shown = wall_at(moment, zone)
    midnight = moment + (datetime.combine(shown.date(), time()) + _DAY - shown)
    return first_change(zone, moment, midnight) or midnight


def day_began(moment: datetime, zone: tzinfo) -> datetime:
    """The last moment, not after this one, at which clocks began to show this day, or changed."""
    shown = wall_at(moment, zone)
    midnight = moment - (shown - datetime.combine(shown.date(), time()))
    return last_change(zone, midnight, moment) or midnight


def first_change(zone: tzinfo, after: datetime, until: datetime) -> datetime | None:
    """The first change after one moment and not after another."""
    offset = offset_at(after, zone)
    while after < until:
        stride = min(after + _STRIDE, until)
        if offset_at(stride, zone) != offset:
            return _turn(after, stride, lambda moment: offset_at(moment, zone) != offset)
        after = stride
    return None


def last_change(zone: tzinfo, after: datetime, until: datetime) -> datetime | None:
    """The last change after one moment and not after another."""
    offset = offset_at(until, zone)
    while until > after:
        stride = max(until - _STRIDE, after)
        if offset_at(stride, zone) != offset:
            return _turn(stride, until, lambda moment: offset_at(moment, zone) == offset)
        until = stride
    return None


def _turn(low: datetime, high: datetime, has_turned: Callable[[datetime], bool]) -> datetime:
    """The first whole second at which `has_turned`: false at `low`, true at `high`. Offsets change at whole seconds."""
    begin = low.replace(microsecond=0)
    seconds = range((high - begin) // _SECOND + 1)
    return begin + _SECOND * bisect_left(seconds, True, key=lambda second: has_turned(begin + second * _SECOND))


def first_after(walls: Iterable[datetime], zone: tzinfo, moment: datetime) -> datetime | None:
    """The moment of the first of the walls, which ascend, that comes after `moment`.

    A wall that clocks show twice counts the first time; those that they skip come as one, when they skip them.
    """
    moments = (moment_of(wall, zone) for wall in walls)
    return next((found for found in moments if found > moment), None)


def last_until(walls: Iterable[datetime], zone: tzinfo, moment: datetime) -> datetime | None:
    """The moment of the first of the walls, which descend from the `latest_wall`, that is not after `moment`."""
    moments = (moment_of(wall, zone) for wall in walls)
    return next((found for found in moments if found <= moment), None)
