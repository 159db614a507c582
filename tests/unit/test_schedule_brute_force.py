"""Cron expressions against a walk through every minute of days on which clocks do something unusual."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.ticks import latest_ticks, ticks_between
from packhorse.errors import ConfigurationError
from tests.unit.shown_minutes import DAYS, HOURS, Fields, times_of_day, times_shown, watch

MICROSECOND = timedelta(microseconds=1)

unhurried = settings(deadline=None, max_examples=150)


@st.composite
def fields(draw: st.DrawFn, lowest: int, highest: int, stars: int = 1) -> tuple[str, frozenset[int]]:
    """One field as text, and the values that it allows; more `stars` make `*` likelier."""
    values = st.integers(lowest, highest)
    kind = draw(st.sampled_from(["*"] * stars + ["*/", "list", "range", "range/"]))
    if kind == "*":
        return "*", frozenset(range(lowest, highest + 1))
    step = draw(st.integers(1, highest - lowest))
    if kind == "*/":
        return f"*/{step}", frozenset(range(lowest, highest + 1, step))
    if kind == "list":
        some = draw(st.lists(values, min_size=1, max_size=4))
        return ",".join(map(str, some)), frozenset(some)
    first, last = sorted(draw(st.tuples(values, values)))
    if kind == "range" or first == last:
        return f"{first}-{last}", frozenset(range(first, last + 1))
    return f"{first}-{last}/{step}", frozenset(range(first, last + 1, step))


@st.composite
def expressions(draw: st.DrawFn) -> tuple[str, Fields]:
    """A cron expression that often fits, and what it means."""
    minute, minutes = draw(fields(0, 59))
    hour, hours = draw(fields(0, 23))
    day, days = draw(fields(1, 31, stars=12))
    month, months = draw(fields(1, 12, stars=30))
    weekday, weekdays = draw(fields(0, 7, stars=12))
    both = day.startswith("*") or weekday.startswith("*")
    meaning = Fields(minutes, hours, days, months, frozenset(value % 7 for value in weekdays), both)
    return f"{minute} {hour} {day} {month} {weekday}", meaning


def brute_force(day: str, expression: str, meaning: Fields) -> list[datetime]:
    """The ticks of the expression in the hours watched."""
    minute, hour, *_ = expression.split()
    if minute.startswith("*") or hour.startswith("*"):
        return times_shown(watch(day), meaning)
    return times_of_day(watch(day), meaning)


def cron_or_none(expression: str, zone: str) -> Cron | None:
    """The rule, or None where no day fits."""
    try:
        return Cron(expression, tz=zone)
    except ConfigurationError as error:
        if "never comes due" in str(error):
            return None
        raise


@pytest.mark.accepts("C18")
@unhurried
@given(st.sampled_from(sorted(DAYS)), expressions())
def test_the_ticks_are_those_that_a_walk_through_every_minute_finds(day: str, drawn: tuple[str, Fields]) -> None:
    """None is missing, none comes twice, none is invented, in order; forwards and backwards."""
    expression, meaning = drawn
    zone, begin = DAYS[day]
    end = begin + timedelta(hours=HOURS) - MICROSECOND
    expected = brute_force(day, expression, meaning)
    rule = cron_or_none(expression, zone)
    if rule is None:
        assert expected == []
        return
    assert list(ticks_between(rule, begin - MICROSECOND, end)) == expected
    assert list(latest_ticks(rule, begin - MICROSECOND, end, len(expected) + 1)) == expected


@pytest.mark.accepts("C18")
@unhurried
@given(st.sampled_from(sorted(DAYS)), expressions(), st.integers(0, HOURS * 3_600_000_000 - 1))
def test_the_next_tick_is_the_first_one_after_any_moment(day: str, drawn: tuple[str, Fields], micros: int) -> None:
    """Strictly after it, and nothing lies between; the last one is at it or before, and nothing lies between."""
    expression, meaning = drawn
    zone, begin = DAYS[day]
    moment = begin + timedelta(microseconds=micros)
    expected = brute_force(day, expression, meaning)
    rule = cron_or_none(expression, zone)
    if rule is None:
        return
    tick, last = rule.next_after(moment), rule.last_until(moment)
    after = [one for one in expected if one > moment]
    until = [one for one in expected if one <= moment]
    assert tick == after[0] if after else tick is None or tick >= begin + timedelta(hours=HOURS)
    assert last == until[-1] if until else last is None or last < begin


@unhurried
@given(
    expressions(),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.lists(st.builds(datetime.fromtimestamp, st.floats(-1e7, 4e9), st.just(UTC)), min_size=2, max_size=6),
)
def test_a_later_moment_never_has_an_earlier_next_tick(
    drawn: tuple[str, Fields], zone: str, moments: list[datetime]
) -> None:
    """Wherever in a hundred years; each tick is strictly later than its moment, and is its own last tick."""
    rule = cron_or_none(drawn[0], zone)
    if rule is None:
        return
    ticks = [rule.next_after(moment) or datetime.max.replace(tzinfo=UTC) for moment in sorted(moments)]
    assert ticks == sorted(ticks)
    for moment, tick in zip(sorted(moments), ticks, strict=True):
        assert tick > moment
        assert tick.year > 9000 or rule.last_until(tick) == tick
