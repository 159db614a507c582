"""How a batch is counted, whether it has ended, and how long it will take."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.batch import Change, CountedAs, Totals, callbacks, counted, time_left

NOW = datetime(2026, 11, 22, tzinfo=UTC)
STATES = get_args(CountedAs)
Steps = list[tuple[int, CountedAs]]


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(STATES)), max_size=40), st.integers(1, 5))
def test_counters_say_what_the_jobs_are(steps: Steps, together: int) -> None:
    """Whatever the jobs become one after the other, and however many of these changes are counted at once."""
    totals, known, numbers = Totals(), dict[int, CountedAs](), dict[int, int]()
    for start in range(0, len(steps), together):
        latest = dict(steps[start : start + together])
        changes = [
            Change(id, known.get(id), became, 1, 2) for id, became in sorted(latest.items()) if known.get(id) != became
        ]
        totals, places = counted(totals, changes)
        known |= latest
        numbers |= {place.job_id: place.number for place in places if place.number is not None}
    found = list(known.values())
    assert totals.enqueued == len(known)
    assert [totals.succeeded, totals.failed, totals.cancelled] == [found.count(state) for state in STATES[1:]]
    assert sorted(numbers.values()) == list(range(1, len(known) + 1))


def test_times_are_those_of_the_first_and_the_last() -> None:
    """In whatever order they are counted."""
    changes = [
        Change(1, None, "succeeded", 50, 90),
        Change(2, None, "failed", 40, 70),
        Change(3, None, "enqueued", 60, 0),
    ]
    totals, _ = counted(Totals(), changes)
    assert (totals.first_enqueued, totals.last_enqueued) == (40, 60)
    assert (totals.last_processed, totals.last_job_id) == (90, 1)


@pytest.mark.parametrize(
    ("totals", "is_open", "due"),
    [
        (Totals(), True, []),
        (Totals(closed=1), False, ["on_success", "on_end"]),
        (Totals(closed=1, enqueued=2, succeeded=1), True, []),
        (Totals(closed=1, enqueued=2, succeeded=2), False, ["on_success", "on_end"]),
        (Totals(closed=1, enqueued=2, succeeded=2, expected=3), True, []),
        (Totals(enqueued=2, failed=1), True, ["on_failure"]),
        (Totals(closed=1, enqueued=2, succeeded=1, failed=1), False, ["on_failure", "on_end"]),
        (Totals(closed=1, enqueued=2, succeeded=1, cancelled=1), False, ["on_end"]),
    ],
)
def test_a_batch_is_open_and_tells(totals: Totals, is_open: bool, due: list[str]) -> None:
    """Until it is closed and as many have ended as came, or are expected; what it tells, and when."""
    assert (totals.is_open, callbacks(totals)) == (is_open, due)


@pytest.mark.parametrize(
    ("processed", "total", "seconds", "left"),
    [(0, 4, 10, None), (1, 4, 10, 30), (2, 4, 10, 10), (4, 4, 10, 0), (5, 4, 10, 0), (0, 0, 10, 0), (1, 4, 0, None)],
)
def test_the_rest_goes_at_the_pace_until_now(processed: int, total: int, seconds: int, left: int | None) -> None:
    """Nobody knows before one has ended."""
    expected = None if left is None else timedelta(seconds=left)
    assert time_left(processed, total, NOW - timedelta(seconds=seconds), NOW) == expected
    if processed < total:
        assert time_left(processed, total, None, NOW) is None
