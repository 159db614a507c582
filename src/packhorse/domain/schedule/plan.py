"""What a look at a schedule comes to: which ticks start a run now, which wait, and what is to be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packhorse.domain.schedule.definition import Overlap, Policy
from packhorse.domain.schedule.missed import due

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from packhorse.domain.schedule.rule import Rule


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from one look.

    Attributes:
        start: the ticks that start a run, in order.
        waiting: those that wait until the live run has ended, in order.
        skipped: how many ticks come to nothing, because a run is live or another tick stands for them.
        settled_at: until when all is settled then.
        next_at: the first tick to come; None when there is none any more.
        missed_at: the first tick that nobody was there for and that the policy leaves out; None when there is none.
    """

    start: Sequence[datetime]
    waiting: Sequence[datetime]
    skipped: int
    settled_at: datetime
    next_at: datetime | None
    missed_at: datetime | None


def plan(
    rule: Rule,
    policy: Policy,
    last: datetime | None,
    now: datetime,
    *,
    waiting: Sequence[datetime] = (),
    is_live: bool = False,
) -> Plan:
    """What to do at this look.

    Args:
        rule: when.
        policy: by which rules.
        last: until when all is settled, or None for a beginning.
        now: the database's clock.
        waiting: the ticks that wait from looks before.
        is_live: whether a run has not ended.
    """
    found = due(rule, last, now, policy.missed)
    start, waits = _shared_out((*waiting, *found.ticks), policy, is_live=is_live)
    skipped = len(waiting) + len(found.ticks) - len(start) - len(waits)
    return Plan(start, waits, skipped, found.settled_at, found.next, found.left_out)


def _shared_out(
    ticks: tuple[datetime, ...], policy: Policy, *, is_live: bool
) -> tuple[tuple[datetime, ...], tuple[datetime, ...]]:
    """Those that start and those that wait."""
    match policy.overlap:
        case Overlap.ALLOW:
            return ticks, ()
        case Overlap.SKIP:
            return () if is_live else ticks[-1:], ()
        case Overlap.QUEUE:
            free = 0 if is_live else 1
            return ticks[:free], ticks[free:][-policy.room :]
