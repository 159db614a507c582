"""Which ticks run at a look at the clock, and what becomes of those that nobody was there for.

Whoever keeps a schedule looks now and then, asks `due` what to run, and keeps the moment until which all is settled.
Each tick is handed out once; only a clock that was set back by more than three hours brings some again, so a job
should be known by its tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from packhorse.domain.schedule.ticks import latest_ticks, ticks_between
from packhorse.errors import ConfigurationError

if TYPE_CHECKING:
    from packhorse.domain.schedule.rule import Rule

CORRECTION: Final = timedelta(hours=3)
"""A clock that goes back further has been corrected, as for Debian's cron: what it said before counts no more."""
HIGHEST_MOST: Final = 10_000
LONGEST_GRACE: Final = timedelta(hours=1)
_MICROSECOND: Final = timedelta(microseconds=1)


class Missed(StrEnum):
    """What becomes of missed ticks, those that are found later than the grace allows."""

    SKIP = "skip"
    """None of them runs."""
    ONE = "one"
    """One run stands for all that is due: the latest tick."""
    ALL = "all"
    """Each of them runs, the latest ones if they are too many."""


@dataclass(frozen=True, slots=True)
class MissedRuns:
    """The policy for missed ticks.

    Attributes:
        missed: `one` by default.
        most: how many missed ticks `all` runs at one look; 100 by default. Older ones are left out.
        grace: a tick that is found later than this is missed; 1 minute by default, 1 hour at most. Others run, each of
            them; only with `one` the latest stands for all, if any is missed.
    """

    missed: Missed = Missed.ONE
    most: int = 100
    grace: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        if self.missed not in list(Missed):
            raise ConfigurationError(f"missed must be {', '.join(Missed)}, not {self.missed!r}")
        if type(self.most) is not int or not 1 <= self.most <= HIGHEST_MOST:
            raise ConfigurationError(f"most must be a whole number from 1 to {HIGHEST_MOST}, not {self.most!r}")
        if type(self.grace) is not timedelta or not timedelta(0) <= self.grace <= LONGEST_GRACE:
            raise ConfigurationError(f"grace must be a timedelta between 0 and {LONGEST_GRACE}, not {self.grace}")


@dataclass(frozen=True, slots=True)
class Due:
    """What a look at a schedule brings.

    Attributes:
        ticks: those to run, in order, none of them later than now.
        next: the first tick that is still to come; None when there is none any more.
        settled_at: until when all is settled: to be kept with the runs, and given as `last` at the next look.
        left_out: the first tick that was due and does not run; None when there is none.
    """

    ticks: tuple[datetime, ...]
    next: datetime | None
    settled_at: datetime
    left_out: datetime | None = None


def due(rule: Rule, last: datetime | None, now: datetime, policy: MissedRuns) -> Due:
    """What to run now.

    Nothing that lay before the rule was in force is due: at its first registration, after a change (settle the old rule
    first), and when somebody resumes a paused schedule, `last` is None, and the first tick is the next one.

    Args:
        rule: when.
        last: until when all is settled, or None.
        now: the database's clock. While it is at most three hours behind `last`, nothing is due, and no tick comes
            twice; further back, the schedule begins anew.
        policy: what becomes of missed ticks.
    """
    if last is None or last - now > CORRECTION:
        return Due((), rule.next_after(now), now)
    first = rule.next_after(last)
    if first is None or first > now:
        return Due((), first, max(last, now))
    ticks = _chosen(rule, first, now, policy)
    return Due(ticks, rule.next_after(now), now, None if ticks[:1] == (first,) else first)


def _chosen(rule: Rule, first: datetime, now: datetime, policy: MissedRuns) -> tuple[datetime, ...]:
    before = first - _MICROSECOND
    too_late = now - policy.grace - _MICROSECOND
    if first > too_late:
        return ticks_between(rule, before, now)
    if policy.missed == Missed.ONE:
        return latest_ticks(rule, before, now, 1)
    missed = latest_ticks(rule, before, too_late, policy.most) if policy.missed == Missed.ALL else ()
    return missed + ticks_between(rule, too_late, now)
