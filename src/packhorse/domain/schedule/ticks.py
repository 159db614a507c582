"""Several ticks of a rule."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from packhorse.domain.schedule.rule import Rule

_MICROSECOND = timedelta(microseconds=1)


def ticks_between(rule: Rule, after: datetime, until: datetime, limit: int | None = None) -> tuple[datetime, ...]:
    """The ticks after one moment and not after another, in order; the first `limit` of them if there is one."""
    return tuple(islice(takewhile(lambda tick: tick <= until, _ticks_after(rule, after)), limit))


def latest_ticks(rule: Rule, after: datetime, until: datetime, limit: int) -> tuple[datetime, ...]:
    """The same, but the last `limit` of them, at no cost for those before."""
    return tuple(islice(takewhile(lambda tick: tick > after, _ticks_until(rule, until)), limit))[::-1]


def _ticks_after(rule: Rule, moment: datetime) -> Iterator[datetime]:
    tick = rule.next_after(moment)
    while tick is not None:
        yield tick
        tick = rule.next_after(tick)


def _ticks_until(rule: Rule, moment: datetime) -> Iterator[datetime]:
    tick = rule.last_until(moment)
    while tick is not None:
        yield tick
        tick = rule.last_until(tick - _MICROSECOND)
