"""The controller of queue tables: it follows the backlog, stays within its bounds, and does not swing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tuning import LOADS, Load, compared, drive, slow, uneven
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


@pytest.mark.accepts("O8")
@given(st.integers(1, 7), st.integers(1, 10**6))
def test_lanes_are_not_raised_while_rows_fail_however_few_a_look_sees(failed: int, backlog: int) -> None:
    """A service that is down and lets everybody wait for five seconds: it is asked by as few as may be."""
    now = START
    for step in range(40):
        seen = Observation(at=step, backlog=backlog, done=0, failed=failed, seconds=1.0, busy_seconds=now.parallelism)
        before, now = now, tune(now, seen, BOUNDS)
        assert now.parallelism <= before.parallelism
    assert now.parallelism == 1


@pytest.mark.accepts("O8")
def test_conflicts_add_no_lanes() -> None:
    """Of transactions that the database has undone nothing is concluded, least of all that more lanes help."""
    now = START
    for step in range(10):
        now = tune(now, Observation(at=step, backlog=10**6, done=0, failed=0, seconds=1.0, busy_seconds=2.0), BOUNDS)
    assert (now.batch_size, now.parallelism) == (16, 2)


@pytest.mark.accepts("O8")
def test_a_batch_whose_rows_become_slow_is_shortened_though_few_wait() -> None:
    """So that no transaction stays open for five seconds."""
    seen = Observation(at=1.0, backlog=10, done=128, failed=0, seconds=2.6, busy_seconds=2.56)
    now = tune(Tuning(batch_size=128, parallelism=1), seen, BOUNDS)
    assert (now.batch_size, now.reason) == (25, "a row takes 0.02 s: batch size 128 to 25")


@pytest.mark.accepts("O8")
@given(st.integers(1, 2_000), st.floats(0.0005, 0.05), st.integers(1, 8))
def test_a_constant_load_comes_to_rest(rate: int, service: float, room: int) -> None:
    """As many rows come every second, as long each, on a database with room for some lanes: little moves in the end."""
    now, backlog, changes = START, 0, 0
    for step in range(120):
        capacity = min(now.parallelism, room) / service
        done = int(min(backlog + rate, capacity))
        backlog += rate - done
        busy = min(now.parallelism * 1.0, done * service * max(1.0, now.parallelism / room))
        seen = Observation(at=step, backlog=backlog, done=done, failed=0, seconds=1.0, busy_seconds=busy)
        before, now = now, tune(now, seen, BOUNDS)
        changes += (before.batch_size, before.parallelism) != (now.batch_size, now.parallelism)
    assert changes <= 10


@pytest.mark.accepts("O8")
@pytest.mark.parametrize(("rate", "service"), [(400, 0.004), (900, 0.004), (30, 0.08), (5, 0.3)])
def test_a_constant_load_of_uneven_rows_comes_to_rest(rate: int, service: float) -> None:
    """Though no run is like the one before: at most a change in ten seconds."""
    total = rate * 120
    load = uneven(Load(arrivals=lambda at: min(total, rate * at), total=total, service=service))
    dials = [point[1:3] for point in drive(load, None).points]
    assert sum(one != other for one, other in pairwise(dials)) <= 12


@pytest.mark.accepts("O8")
def test_slow_uneven_rows_get_their_lanes() -> None:
    """A few runs that happen to take long do not halve the lanes for half a minute."""
    load = uneven(slow())
    assert drive(load, None).ended <= 0.5 * drive(load, (16, 2)).ended


@pytest.mark.accepts("O8")
def test_a_service_that_fails_while_lanes_are_tried_ends_the_trial() -> None:
    """Afterwards lanes come back step by step, not at once, and none is held to have brought nothing."""
    now = Tuning(batch_size=16, parallelism=4)
    now = tune(now, runs(now, 0.0, 10**5), BOUNDS)
    assert now.parallelism == 8
    for step in range(1, 4):
        down = Observation(at=step, backlog=10**5, done=0, failed=100, seconds=1.0, busy_seconds=now.parallelism)
        now = tune(now, down, BOUNDS)
    assert now.parallelism == 1
    now = tune(now, runs(now, 4.0, 10**5), BOUNDS)
    assert (now.parallelism, now.ceiling) == (2, None)


@pytest.mark.accepts("O8")
def test_lanes_taken_back_by_chance_are_tried_again_soon() -> None:
    """The rate before them was luck, as is seen when they are gone: fewer lanes do still less."""
    now = tune(START, Observation(at=0.0, backlog=10**6, done=900, failed=0, seconds=1.0, busy_seconds=2.0), BOUNDS)
    for step in range(1, 10):
        now = tune(now, runs(now, float(step), 10**6, rate=200.0), BOUNDS)
    assert now.parallelism == 8


@pytest.mark.accepts("O8")
def test_a_moment_without_rows_lowers_nothing() -> None:
    """Only five seconds of it do."""
    now, idle = START, 0
    for step in range(40):
        is_idle = step % 10 < 8
        seen = Observation(
            at=step / 2,
            backlog=0,
            done=0 if is_idle else 50,
            failed=0,
            seconds=0.5,
            busy_seconds=0.0 if is_idle else 0.9,
        )
        now = tune(now, seen, BOUNDS)
        idle += is_idle
    assert idle > 30
    assert (now.batch_size, now.parallelism) == (16, 2)
