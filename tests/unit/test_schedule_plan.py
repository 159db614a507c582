"""What a look at a schedule comes to, with runs that have ended and runs that have not."""

from datetime import UTC, datetime, timedelta

import pytest

from packhorse.domain.schedule.definition import Overlap, Policy
from packhorse.domain.schedule.every import Every
from packhorse.domain.schedule.missed import Missed, MissedRuns
from packhorse.domain.schedule.plan import Plan, plan

pytestmark = pytest.mark.accepts("C18", "O10")

MINUTE = timedelta(minutes=1)
RULE = Every(number=1, unit="minutes")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def look(minutes: float, *, is_live: bool = False, waiting: tuple[datetime, ...] = (), **policy: object) -> Plan:
    """A look so many minutes after all was settled."""
    return plan(RULE, Policy(**policy), NOON, NOON + minutes * MINUTE, waiting=waiting, is_live=is_live)  # type: ignore[arg-type]


def at(*minutes: int) -> tuple[datetime, ...]:
    """So many minutes after noon."""
    return tuple(NOON + minute * MINUTE for minute in minutes)


def test_a_tick_starts_a_run() -> None:
    """Then all is settled until now, and the next tick is known."""
    one, two = at(1, 2)
    assert look(1) == Plan((one,), (), 0, one, two, None)


def test_before_the_tick_nothing_starts() -> None:
    """The next tick stays what it was."""
    planned = look(0.5)
    assert (planned.start, planned.waiting, planned.skipped, planned.next_at) == ((), (), 0, *at(1))


def test_a_tick_is_skipped_while_a_run_is_live() -> None:
    """It is counted, and settled."""
    planned = look(1, is_live=True)
    assert (planned.start, planned.waiting, planned.skipped, planned.settled_at) == ((), (), 1, *at(1))


def test_of_several_ticks_the_latest_stands_for_all_when_runs_may_not_overlap() -> None:
    """Whether or not they are late."""
    late = MissedRuns(grace=timedelta(hours=1))
    planned = look(3, missed=late)
    assert (planned.start, planned.skipped) == (at(3), 2)


def test_a_tick_waits_for_the_live_run() -> None:
    """When that has ended it starts, also if no other tick has come."""
    planned = look(1, is_live=True, overlap=Overlap.QUEUE)
    assert (planned.start, planned.waiting, planned.skipped) == ((), at(1), 0)
    planned = look(0.5, waiting=at(-1), overlap=Overlap.QUEUE)
    assert (planned.start, planned.waiting) == (at(-1), ())


def test_only_the_latest_tick_waits() -> None:
    """The one that waited before is skipped."""
    planned = look(1, is_live=True, waiting=at(-1), overlap=Overlap.QUEUE)
    assert (planned.start, planned.waiting, planned.skipped) == ((), at(1), 1)


def test_all_missed_ticks_wait_where_each_is_to_run() -> None:
    """In order, one at a time, the latest so many of them."""
    every = MissedRuns(Missed.ALL, most=3, grace=timedelta(0))
    planned = look(2.5, waiting=at(-2, -1), is_live=False, overlap=Overlap.QUEUE, missed=every)
    assert (planned.start, planned.waiting, planned.skipped) == (at(-2), at(-1, 1, 2), 0)
    planned = look(2.5, waiting=at(-2, -1), is_live=True, overlap=Overlap.QUEUE, missed=every)
    assert (planned.start, planned.waiting, planned.skipped) == ((), at(-1, 1, 2), 1)


def test_where_runs_may_overlap_each_tick_starts() -> None:
    """Whatever is live."""
    planned = look(3, is_live=True, overlap=Overlap.ALLOW, missed=MissedRuns(grace=timedelta(hours=1)))
    assert (planned.start, planned.waiting, planned.skipped) == (at(1, 2, 3), (), 0)


def test_what_nobody_was_there_for_is_said() -> None:
    """The first tick that was left out."""
    assert look(30).missed_at == at(1)[0]
    assert look(30).start == at(30)
