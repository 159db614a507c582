"""The controller of queue tables: it follows the backlog, stays within its bounds, and does not swing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tuning import LOADS, compared
from packhorse.domain.tuning import Bounds, Observation, Tuning, tune

BOUNDS = Bounds(batch_size=(2, 128), parallelism=(1, 8))
START = Tuning(batch_size=16, parallelism=2)

observations = st.builds(
    Observation,
    at=st.floats(0, 1e6),
    backlog=st.integers(0, 10**9),
    done=st.integers(0, 10**6),
    failed=st.integers(0, 10**6),
    seconds=st.floats(0, 100),
    busy_seconds=st.floats(0, 1000),
)


def runs(now: Tuning, at: float, backlog: int, rate: float = 100.0, share: float = 1.0) -> Observation:
    """What a second of runs comes to where each lane does `rate` rows in it."""
    return Observation(
        at=at,
        backlog=backlog,
        done=round(rate * now.parallelism),
        failed=0,
        seconds=1.0,
        busy_seconds=share * now.parallelism,
    )


@pytest.mark.accepts("O8")
@given(st.lists(observations, max_size=40))
def test_the_bounds_are_never_left(seen: list[Observation]) -> None:
    """Whatever is observed."""
    now = START
    for one in seen:
        now = tune(now, one, BOUNDS)
        assert 2 <= now.batch_size <= 128
        assert 1 <= now.parallelism <= 8


@pytest.mark.accepts("O8")
@given(st.lists(observations, max_size=20))
def test_every_change_has_a_reason_and_nothing_else_has(seen: list[Observation]) -> None:
    """With the figures, and the old and the new dials."""
    now = START
    for one in seen:
        before, now = now, tune(now, one, BOUNDS)
        changed = (before.batch_size, before.parallelism) != (now.batch_size, now.parallelism)
        assert bool(now.reason) == changed


@pytest.mark.accepts("O8")
@given(st.integers(1_000, 10**6), st.integers(1, 10**5), st.integers(2, 30))
def test_a_growing_backlog_raises_both_and_never_lowers_one(backlog: int, growth: int, steps: int) -> None:
    """As long as more lanes do more."""
    now = START
    for step in range(steps):
        before, now = now, tune(now, runs(now, float(step), backlog + step * growth), BOUNDS)
        assert now.batch_size >= before.batch_size
        assert now.parallelism >= before.parallelism
    assert now.parallelism > START.parallelism


@pytest.mark.accepts("O8")
def test_an_idle_table_lowers_both_to_the_least() -> None:
    """Step by step, and then nothing changes any more."""
    now = Tuning(batch_size=128, parallelism=8)
    for step in range(20):
        now = tune(now, Observation(at=step, backlog=0, done=0, failed=0, seconds=0, busy_seconds=0), BOUNDS)
    assert (now.batch_size, now.parallelism, now.reason) == (2, 1, "")


@pytest.mark.accepts("O8")
@given(st.floats(10, 10_000), st.integers(2_000, 10**6))
def test_lanes_that_bring_nothing_are_taken_back_and_not_tried_at_once_again(rate: float, backlog: int) -> None:
    """Where the database does so much and no more, whatever the lanes: two changes in half a minute, not thirty."""
    now, changes = START, 0
    for step in range(29):
        seen = Observation(
            at=float(step), backlog=backlog, done=round(rate), failed=0, seconds=1.0, busy_seconds=now.parallelism
        )
        before, now = now, tune(now, seen, BOUNDS)
        changes += before.parallelism != now.parallelism
    assert now.parallelism == START.parallelism
    assert changes <= 2


@pytest.mark.accepts("O8")
def test_rows_that_fail_lower_both() -> None:
    """So that a service that is down is not hammered."""
    seen = Observation(at=1.0, backlog=10**5, done=10, failed=90, seconds=1.0, busy_seconds=2.0)
    now = tune(START, seen, BOUNDS)
    assert (now.batch_size, now.parallelism) == (8, 1)
    assert now.reason == "90 of 100 rows failed: batch size 16 to 8, parallelism 2 to 1"


@pytest.mark.accepts("O8")
def test_a_batch_is_no_larger_than_its_transaction_may_be_open() -> None:
    """Half a second, by the time that a row takes."""
    now = START
    for step in range(10):
        seen = Observation(at=step, backlog=10**6, done=50, failed=0, seconds=1.0, busy_seconds=5.0)
        now = tune(now, seen, BOUNDS)
    assert now.batch_size == 5


@pytest.mark.accepts("O8")
@pytest.mark.parametrize("name", LOADS)
def test_it_drains_nearly_as_fast_as_the_best_fixed_setting(name: str) -> None:
    """In a model of a table: at most 1.2 times as long as the best of twenty settings, no longer than the default."""
    one = compared(LOADS[name]())
    assert one.of_best <= 1.2
    assert one.of_default <= 1.01
