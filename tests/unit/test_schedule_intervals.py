"""Intervals and weekly timetables, against counting one by one."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from packhorse.domain.schedule.every import Every, Unit
from packhorse.domain.schedule.rule import Rule
from packhorse.domain.schedule.ticks import latest_ticks, ticks_between
from packhorse.domain.schedule.weekdays import WEEKDAYS, Weekday
from packhorse.domain.schedule.weekly import Weekly
from packhorse.errors import ConfigurationError
from tests.unit.shown_minutes import DAYS, HOURS, Shown, watch

pytestmark = pytest.mark.accepts("C18", "O9")

MICROSECOND = timedelta(microseconds=1)
MONDAY = datetime(2026, 11, 2, 8, tzinfo=UTC)
YEAR = timedelta(days=365)

unhurried = settings(deadline=None, max_examples=100)
some_weekdays = st.lists(st.sampled_from(WEEKDAYS), unique=True, max_size=6).map(tuple)
some_days = st.sampled_from(sorted(DAYS))


def ticks(rule: Rule, number: int, after: datetime = MONDAY - MICROSECOND) -> list[str]:
    """The next ticks in UTC, in a short form."""
    return [f"{tick:%a %d %b %H:%M}" for tick in ticks_between(rule, after, after + 3 * YEAR, number)]


def on_day(weekdays: tuple[Weekday, ...], wall: datetime) -> bool:
    """Does a rule with these weekdays allow what clocks show?"""
    return not weekdays or WEEKDAYS[wall.weekday()] in weekdays


def assert_ticks(rule: Rule, begin: datetime, end: datetime, expected: list[datetime]) -> None:
    """From one moment to before another they are the expected ones, forwards and backwards."""
    assert list(ticks_between(rule, begin - MICROSECOND, end - MICROSECOND)) == expected
    assert list(latest_ticks(rule, begin - MICROSECOND, end - MICROSECOND, len(expected) + 1)) == expected


@unhurried
@given(
    some_days,
    st.sampled_from(["seconds", "minutes", "hours"]),
    st.integers(1, 500),
    some_weekdays,
    st.timedeltas(timedelta(days=-400), timedelta(hours=HOURS)),
)
def test_time_that_passes_is_counted_from_the_start(
    day: str, unit: Unit, number: int, weekdays: tuple[Weekday, ...], start: timedelta
) -> None:
    """On the weekdays that clocks show, whatever else they show."""
    name, begin = DAYS[day]
    number = number * 100 if unit == "seconds" else number
    try:
        rule = Every(number, unit, begin + start, weekdays, tz=name)
    except ConfigurationError as refused:
        assume("never comes due" not in str(refused))  # every 378 hours on Mondays, from a Tuesday
        raise
    end = begin + timedelta(hours=HOURS)
    expected: list[datetime] = []
    tick = begin + start + max(0, -start // rule.step) * rule.step
    while tick < end:
        if tick >= begin and on_day(weekdays, tick.astimezone(ZoneInfo(name))):
            expected.append(tick)
        tick += rule.step
    assert_ticks(rule, begin, end, expected)


@unhurried
@given(some_days, st.integers(1, 3), some_weekdays, st.integers(-5, 0), st.integers(0, HOURS * 60 - 1))
def test_days_are_counted_on_the_calendar(
    day: str, number: int, weekdays: tuple[Weekday, ...], days: int, minute: int
) -> None:
    """The start's time of day comes on every n-th day: skipped, when it is skipped; repeated, the first time."""
    name, begin = DAYS[day]
    starts_at = watch(day)[minute].moment + timedelta(days=days)
    start = starts_at.astimezone(ZoneInfo(name)).replace(tzinfo=None, fold=0)
    rule = Every(number, "days", starts_at, weekdays, tz=name)

    def means(wall: datetime) -> bool:
        passed = (wall - start) / timedelta(days=number)
        return passed >= 0 and passed.is_integer() and on_day(weekdays, wall)

    expected = [moment for moment in _when(watch(day), means) if moment > starts_at]
    if on_day(weekdays, start) and starts_at >= begin:
        expected.insert(0, starts_at)
    assert_ticks(rule, begin, begin + timedelta(hours=HOURS), expected)


@unhurried
@given(
    some_days,
    some_weekdays.filter(bool),
    st.lists(st.times(), min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(-30, 0),
)
def test_a_timetable_is_read_on_the_clock(
    day: str, weekdays: tuple[Weekday, ...], times: list[time], weeks: int, first: int
) -> None:
    """Its times come on its weekdays, in every n-th week from the first day's on."""
    name, begin = DAYS[day]
    first_day = begin.date() + timedelta(days=first)
    minutes = [one.replace(second=0, microsecond=0) for one in times]
    rule = Weekly(weekdays, tuple(minutes), weeks, tz=name, first_day=first_day)

    def means(wall: datetime) -> bool:
        week = (wall.date() - first_day + timedelta(days=first_day.weekday())).days // 7
        return on_day(weekdays, wall) and week % weeks == 0 and wall.time() in minutes

    zone = ZoneInfo(name)
    expected = [moment for moment in _when(watch(day), means) if moment.astimezone(zone).date() >= first_day]
    assert_ticks(rule, begin, begin + timedelta(hours=HOURS), expected)


def _when(minutes: tuple[Shown, ...], means: Callable[[datetime], bool]) -> list[datetime]:
    """The moments of the walls that are meant, each once, the skipped ones when they are skipped."""
    return [
        shown.moment
        for shown in minutes
        if (means(shown.wall) and not shown.again) or any(means(wall) for wall in shown.skipped)
    ]


def test_an_interval_counts_from_its_start() -> None:
    """The start is the first tick."""
    rule = Every(90, "minutes", MONDAY)
    assert ticks(rule, 3, MONDAY - YEAR) == ["Mon 02 Nov 08:00", "Mon 02 Nov 09:30", "Mon 02 Nov 11:00"]


def test_an_interval_without_a_start_counts_from_one_moment_for_all() -> None:
    """Processes that register it at different times agree: five minutes are those of the clock."""
    assert ticks(Every(5, "minutes"), 2) == ["Mon 02 Nov 08:00", "Mon 02 Nov 08:05"]
    assert ticks(Every(1, "days", tz="Europe/Berlin"), 2) == ["Mon 02 Nov 23:00", "Tue 03 Nov 23:00"]
    assert ticks(Every(2, "days", first_day=date(2026, 11, 3)), 2) == ["Tue 03 Nov 00:00", "Thu 05 Nov 00:00"]
    assert ticks(Every(1, "weeks"), 2) == ["Mon 09 Nov 00:00", "Mon 16 Nov 00:00"]


def test_an_interval_may_be_limited_to_weekdays() -> None:
    """Every two hours on Mondays and Fridays; every second day, when that is no Saturday or Sunday."""
    two_hourly = Every(12, "hours", MONDAY, ("fri", "mon"))
    assert ticks(two_hourly, 4) == ["Mon 02 Nov 08:00", "Mon 02 Nov 20:00", "Fri 06 Nov 08:00", "Fri 06 Nov 20:00"]
    second_day = Every(2, "days", MONDAY, ("mon", "tue", "wed", "thu", "fri"))
    assert ticks(second_day, 4) == ["Mon 02 Nov 08:00", "Wed 04 Nov 08:00", "Fri 06 Nov 08:00", "Tue 10 Nov 08:00"]


def test_every_second_week_is_counted_from_the_first_days_week() -> None:
    """Also when the first day is in its middle: Monday is gone then, Thursday is not."""
    rule = Weekly(("thu", "mon"), (time(9),), 2, first_day=date(2026, 11, 4))
    assert ticks(rule, 3) == ["Thu 05 Nov 09:00", "Mon 16 Nov 09:00", "Thu 19 Nov 09:00"]


def test_after_the_last_day_there_is_nothing() -> None:
    """Of any kind of rule."""
    last = date(2026, 11, 3)
    for rule in (Every(1, "days", MONDAY, last_day=last), Weekly(("mon", "tue", "wed"), (time(8),), last_day=last)):
        assert ticks(rule, 9) == ["Mon 02 Nov 08:00", "Tue 03 Nov 08:00"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, "minutes"), "an interval in minutes must be a whole number of them, from 1 to 5256000, not 0"),
        ((1.5, "hours"), "from 1 to 87600, not 1.5"),
        ((True, "days"), "from 1 to 3650, not True"),
        ((5, "months"), "no unit 'months' of an interval: the units are seconds, minutes, hours, days, weeks"),
        ((5, "days", datetime(2026, 1, 1)), "starts_at 2026-01-01T00:00:00 has no time zone"),  # noqa: DTZ001
        ((5, "days", date(2026, 1, 1)), "starts_at must be a datetime with a time zone, not datetime.date(2026, 1, 1)"),
        ((5, "days", datetime(1969, 1, 1, tzinfo=UTC)), "starts_at must lie in the years 1970 to 9899"),
        ((5, "days", None, "mon"), "weekdays must be a tuple such as ('mon', 'fri'), not 'mon'"),
        ((5, "days", None, None), "weekdays must be a tuple such as ('mon', 'fri'), not None"),
        ((5, "days", None, ("monday",)), "no weekday 'monday': the days are mon, tue, wed, thu, fri, sat, sun"),
        ((7, "days", MONDAY, ("tue",)), "an interval of 7 days never falls on tue: choose another start"),
        ((3, "weeks", MONDAY, ("sat", "sun")), "an interval of 3 weeks never falls on sat, sun"),
        ((168, "hours", MONDAY, ("wed",)), "an interval of 168 hours never comes due"),
    ],
)
def test_a_wrong_interval_is_refused(arguments: tuple[object, ...], message: str) -> None:
    """With what would be right."""
    with pytest.raises(ConfigurationError) as refusal:
        Every(*arguments)  # type: ignore[arg-type]
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), (time(9),)), "a weekly rule needs at least one weekday and one time of day"),
        ((("mon",), ()), "a weekly rule needs at least one weekday and one time of day"),
        ((("mon",), time(9)), "times must be a tuple of times of day, not datetime.time(9, 0)"),
        ((("mon",), (time(9, 0, 0, 1),)), "a time of day must be a time without zone or fractions"),
        ((("mon",), (time(9, tzinfo=UTC),)), "a time of day must be a time without zone or fractions"),
        ((("mon",), ("09:00",)), "a time of day must be a time without zone or fractions, not '09:00'"),
        ((("mon",), (time(9),), 0), "weeks must be a whole number from 1 to 520, not 0"),
        ((("mon",), (time(9),), 2), "first_day is missing: every 2 weeks, counted from which one?"),
        ((("Mo",), (time(9),)), "no weekday 'Mo'"),
    ],
)
def test_a_wrong_timetable_is_refused(arguments: tuple[object, ...], message: str) -> None:
    """With what would be right."""
    with pytest.raises(ConfigurationError) as refusal:
        Weekly(*arguments)  # type: ignore[arg-type]
    assert message in str(refusal.value)


def test_equal_timetables_are_equal_rules() -> None:
    """Whatever the order in which days and times are given."""
    one = Weekly(("fri", "mon", "mon"), (time(17), time(9)))
    assert one == Weekly(("mon", "fri"), (time(9), time(17), time(9)))
    berlin = MONDAY.astimezone(ZoneInfo("Europe/Berlin"))
    assert Every(5, "days", berlin) == Every(5, "days", MONDAY)
