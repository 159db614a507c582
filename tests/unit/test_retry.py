"""When to try again."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.outcome import Cancel, Fail, Retry, Skip, Verdict
from packhorse.domain.retry import HIGHEST_LIMIT, MAX_DELAY, MOST_RERUNS, Backoff, RetryPolicy, chance, rerun_pause
from packhorse.errors import ConfigurationError
from packhorse.options import Options
from packhorse.presets import PRESETS

MIDDLE = 0.5
"""The chance that leaves the plain delay as it is."""
ROUNDING = timedelta(microseconds=2)

chances = st.floats(0, 1, exclude_max=True)
durations = st.timedeltas(timedelta(0), MAX_DELAY)


@st.composite
def backoffs(draw: st.DrawFn) -> Backoff:
    """Every backoff that may be configured."""
    first, longest = sorted((draw(durations), draw(durations)))
    return Backoff(first=first, longest=longest, jitter=draw(st.floats(0, 1)))


@pytest.mark.accepts("T13")
@given(st.integers(1, 60), chances)
def test_a_conflict_that_stays_waits_for_up_to_twice_the_time_before(rounds: int, luck: float) -> None:
    """At random, an hour at most; by the rules of deferred calls."""
    policy = PRESETS["deferred"].policy
    assert policy.conflicts is not None
    bound = min(2 * policy.conflicts.delay(rounds, MIDDLE), timedelta(hours=1))
    before = policy.conflicts.delay(max(rounds - 1, 1), MIDDLE)
    assert timedelta(0) <= policy.conflict_delay(rounds, luck) <= bound <= max(4 * before, timedelta(seconds=10))


@pytest.mark.accepts("T13")
@given(st.integers(1, 60), chances)
def test_without_such_a_rule_a_conflict_waits_as_after_a_first_failure(rounds: int, luck: float) -> None:
    """However often it was met."""
    policy = RetryPolicy()
    assert policy.conflict_delay(rounds, luck) == policy.backoff.delay(1, luck)


@pytest.mark.accepts("T13")
@given(st.integers(1, MOST_RERUNS))
def test_pauses_between_runs_in_place_grow_and_stay_short(number: int) -> None:
    """0.02 s more each time."""
    assert rerun_pause(number) == pytest.approx(rerun_pause(number - 1) + 0.02)
    assert rerun_pause(number) <= 0.4


@pytest.mark.accepts("C8")
@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (11, 2048), (12, 3600), (13, 3600), (9999, 3600)],
)
def test_the_default_delay_doubles_from_two_seconds_to_an_hour(failures: int, seconds: int) -> None:
    """2 s after the first failure, twice as long after each further one, never more than 1 h before the jitter."""
    assert Backoff().delay(failures, MIDDLE) == timedelta(seconds=seconds)


@pytest.mark.accepts("C8")
def test_the_default_jitter_is_a_fifth_to_both_sides() -> None:
    """So that a thousand jobs that failed together do not come back together."""
    assert Backoff().delay(1, 0.0) == timedelta(seconds=1.6)
    assert timedelta(seconds=2.39) < Backoff().delay(1, 0.9999) < timedelta(seconds=2.4)


@given(backoffs(), st.integers(0, 100_000), chances)
def test_a_delay_stays_within_the_jitter_around_the_plain_one(backoff: Backoff, failures: int, place: float) -> None:
    """For every configuration, number of failures and chance; it never overflows, and no delay is negative."""
    plain = Backoff(backoff.first, backoff.longest, jitter=0).delay(failures, place)
    delay = backoff.delay(failures, place)
    assert plain <= backoff.longest
    assert plain * (1 - backoff.jitter) - ROUNDING <= delay <= plain * (1 + backoff.jitter) + ROUNDING
    assert timedelta(0) <= delay <= MAX_DELAY


@given(backoffs(), st.integers(1, 200), chances)
def test_a_further_failure_never_shortens_the_delay(backoff: Backoff, failures: int, place: float) -> None:
    """With the same chance."""
    assert backoff.delay(failures, place) <= backoff.delay(failures + 1, place)


@given(backoffs(), chances)
def test_the_doubling_reaches_the_longest_delay(backoff: Backoff, place: float) -> None:
    """Sixty failures are enough for every backoff that does not begin with zero."""
    plain = Backoff(backoff.first, backoff.longest, jitter=0).delay(70, place)
    assert plain == (backoff.longest if backoff.first else timedelta(0))


@pytest.mark.parametrize(
    "settings",
    [
        {"first": timedelta(seconds=-1)},
        {"first": timedelta(hours=2), "longest": timedelta(hours=1)},
        {"longest": timedelta(days=3651)},
    ],
    ids=str,
)
def test_a_backoff_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    """When it is written, not when the first job fails."""
    with pytest.raises(ConfigurationError, match="backoff needs 0 <= first <= longest <= 10 years"):
        Backoff(**settings)


@pytest.mark.parametrize("jitter", [-0.1, 1.1, float("nan")])
def test_a_jitter_outside_zero_to_one_is_refused(jitter: float) -> None:
    """More than the whole delay would make it negative."""
    with pytest.raises(ConfigurationError, match="jitter must be between 0 and 1"):
        Backoff(jitter=jitter)


@pytest.mark.parametrize("name", ["max_attempts", "max_crashes"])
@pytest.mark.parametrize("value", [0, -1, 10_001, True, 2.5, "3", None])
def test_a_limit_is_a_whole_number_from_one(name: str, value: object) -> None:
    """Zero attempts would be a job that never runs."""
    settings: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=f"{name} must be a whole number from 1 to 10,000"):
        RetryPolicy(**settings)


@pytest.mark.parametrize("limit", [0, HIGHEST_LIMIT + 1, True, "3", 1.0])
def test_a_task_and_an_enqueue_refuse_a_limit_in_the_same_words(limit: Any) -> None:
    """There is one rule, wherever the limit is given."""
    with pytest.raises(ConfigurationError) as of_task:
        RetryPolicy(max_attempts=limit)
    with pytest.raises(ConfigurationError) as of_enqueue:
        Options(max_attempts=limit)

    assert str(of_task.value) == str(of_enqueue.value)


@pytest.mark.parametrize("value", [-1, True, 2.5, "3"])
def test_a_limit_of_skips_is_a_whole_number_from_zero(value: Any) -> None:
    """Zero: the first skip already makes the job fail. None: there is no limit."""
    assert (RetryPolicy().max_skips, RetryPolicy(max_skips=0).max_skips) == (None, 0)
    with pytest.raises(ConfigurationError, match="max_skips must be None or a whole number from 0"):
        RetryPolicy(max_skips=value)


def test_the_defaults_are_five_attempts_three_crashes_and_any_number_of_skips() -> None:
    """What a task gets that says nothing."""
    policy = RetryPolicy()
    assert (policy.max_attempts, policy.max_crashes, policy.max_skips, policy.backoff) == (5, 3, None, Backoff())


@pytest.mark.accepts("C8")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError(), Skip),
        (PermissionError(), Cancel),
        (BlockingIOError(), Cancel),
        (KeyError(), Fail),
        (ValueError(), type(None)),
        (KeyboardInterrupt(), type(None)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value.__name__,
)
def test_the_most_special_type_decides_what_an_exception_means(error: BaseException, expected: type) -> None:
    """A rule for a class holds for its subclasses, except those that have a rule of their own."""
    policy = RetryPolicy(on_error={LookupError: Fail(), OSError: Cancel(), FileNotFoundError: Skip()})
    assert type(policy.verdict_on(error)) is expected


def test_a_rule_is_found_through_the_second_base_class() -> None:
    """An exception of two families obeys the first one in its method resolution order that has a rule."""

    class Odd(ValueError, ConnectionError): ...

    rules: dict[type[BaseException], Verdict] = {OSError: Retry(), Exception: Fail()}
    assert isinstance(RetryPolicy(on_error=rules).verdict_on(Odd()), Retry)


def test_chance_is_a_number_from_zero_to_below_one() -> None:
    """The one random input of the rules."""
    drawn = [chance() for _ in range(1000)]
    assert all(0 <= number < 1 for number in drawn)
    assert len(set(drawn)) > 900
