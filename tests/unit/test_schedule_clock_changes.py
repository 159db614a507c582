"""Days on which clocks change: what Debian's cron does, told by examples."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.every import Every
from packhorse.domain.schedule.rule import Rule
from packhorse.domain.schedule.ticks import ticks_between
from packhorse.domain.schedule.weekly import Weekly

pytestmark = pytest.mark.accepts("C18")

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
"""In Berlin 03:00 follows on 01:59, and 02:00 to 02:59 come twice."""


def shown(rule: Rule, day: date) -> list[str]:
    """What clocks show at the ticks of a day in the rule's time zone, with `+` for the second showing."""
    zone = ZoneInfo(rule.tz)
    begin = datetime.combine(day, time(), zone).astimezone(UTC) - timedelta(microseconds=1)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC) - timedelta(microseconds=1)
    local = [tick.astimezone(zone) for tick in ticks_between(rule, begin, end)]
    return [f"{tick:%H:%M}" + "+" * tick.fold for tick in local]


def berlin(expression: str) -> Cron:
    """A rule there."""
    return Cron(expression, tz="Europe/Berlin")


@pytest.mark.parametrize(
    ("expression", "ticks"),
    [
        ("30 2 * * *", ["03:00"]),
        ("0,15,30 2 * * *", ["03:00"]),
        ("0 2,3 * * *", ["03:00"]),
        ("30 1-3 * * *", ["01:30", "03:00", "03:30"]),
        ("59 1 * * *", ["01:59"]),
    ],
)
def test_a_time_of_day_that_clocks_skip_comes_when_they_skip_it(expression: str, ticks: list[str]) -> None:
    """Nothing is lost in spring; several times in the gap are one tick."""
    assert shown(berlin(expression), SPRING) == ticks


@pytest.mark.parametrize(
    ("expression", "ticks"),
    [("30 2 * * *", ["02:30"]), ("0,30 2 * * *", ["02:00", "02:30"]), ("0 1-3 * * *", ["01:00", "02:00", "03:00"])],
)
def test_a_time_of_day_that_clocks_show_twice_comes_the_first_time(expression: str, ticks: list[str]) -> None:
    """Nothing runs twice in autumn."""
    assert shown(berlin(expression), AUTUMN) == ticks


def test_what_clocks_show_comes_in_even_intervals() -> None:
    """A rule with `*` in its minute or hour goes by the clock: not in the gap, and again when the hour is repeated."""
    half_hourly = berlin("*/30 1-3 * * *")
    assert shown(half_hourly, SPRING) == ["01:00", "01:30", "03:00", "03:30"]
    assert shown(half_hourly, AUTUMN) == ["01:00", "01:30", "02:00", "02:30", "02:00+", "02:30+", "03:00", "03:30"]
    assert shown(berlin("30 * * * *"), AUTUMN)[1:5] == ["01:30", "02:30", "02:30+", "03:30"]
    assert shown(berlin("0 */2 * * *"), SPRING)[:3] == ["00:00", "04:00", "06:00"]


def test_offsets_may_have_seconds() -> None:
    """Monrovia, 7 January 1972: after 23:59:59 clocks showed 00:44:30."""
    rule = Cron("0,50 0 * * *", tz="Africa/Monrovia")
    assert shown(rule, date(1972, 1, 6)) == ["00:00", "00:50"]
    assert shown(rule, date(1972, 1, 7)) == ["00:44", "00:50"]
    assert rule.last_until(datetime(1972, 1, 7, 0, 45, tzinfo=UTC)) == datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC)


def test_a_change_is_found_to_the_second_in_far_years() -> None:
    """Where a float no longer has room for microseconds."""
    change = datetime(9763, 3, 27, 1, tzinfo=UTC)
    assert berlin("* 3 * * *").next_after(change - timedelta(microseconds=1)) == change


def test_from_the_second_showing_the_next_tick_is_on_the_next_day() -> None:
    """At 02:15 for the second time, 02:30 has been, although clocks are going to show it again."""
    second = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    assert berlin("30 2 * * *").next_after(second) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_clocks_that_change_by_half_an_hour_lose_no_minute() -> None:
    """Lord Howe Island: 02:30 follows on 01:59 in spring, 01:30 on 01:59 in autumn."""
    each_quarter = Cron("*/15 1,2 * * *", tz="Australia/Lord_Howe")
    spring, autumn = date(2026, 10, 4), date(2026, 4, 5)
    assert shown(each_quarter, spring) == ["01:00", "01:15", "01:30", "01:45", "02:30", "02:45"]
    assert shown(each_quarter, autumn)[:7] == ["01:00", "01:15", "01:30", "01:45", "01:30+", "01:45+", "02:00"]
    assert shown(Cron("10 2 * * *", tz="Australia/Lord_Howe"), spring) == ["02:30"]
    assert shown(Cron("45 1 * * *", tz="Australia/Lord_Howe"), autumn) == ["01:45"]
    assert shown(Cron("*/20 2 * * *", tz="Australia/Lord_Howe"), autumn) == ["02:00", "02:20", "02:40"]


def test_a_midnight_that_does_not_exist_is_when_the_day_begins() -> None:
    """São Paulo, 4 November 2018: 01:00 followed on 23:59."""
    day = date(2018, 11, 4)
    assert shown(Cron("0 0 * * *", tz="America/Sao_Paulo"), day) == ["01:00"]
    assert shown(Cron("* 0 4 11 *", tz="America/Sao_Paulo"), day) == []
    assert shown(Every(1, "days", tz="America/Sao_Paulo"), day) == ["01:00"]
    assert shown(Weekly(("sun",), (time(0, 30), time(1)), tz="America/Sao_Paulo"), day) == ["01:00"]


def test_days_and_weeks_keep_the_time_of_day() -> None:
    """09:30 in winter and in summer, an hour apart in UTC; in the gap and in the repeated hour as every time of day."""
    starts_at = datetime(2026, 3, 27, 1, 30, tzinfo=UTC)
    daily = Every(1, "days", starts_at=starts_at, tz="Europe/Berlin")
    assert [shown(daily, SPRING + timedelta(days=day)) for day in (-1, 0, 1)] == [["02:30"], ["03:00"], ["02:30"]]
    assert shown(daily, AUTUMN) == ["02:30"]
    weekly = Weekly(("sun",), (time(2, 30), time(9, 30)), tz="Europe/Berlin")
    assert [shown(weekly, day) for day in (SPRING, AUTUMN)] == [["03:00", "09:30"], ["02:30", "09:30"]]


def test_hours_and_less_are_time_that_passes() -> None:
    """Every six hours is every six hours, whatever clocks show."""
    rule = Every(6, "hours", starts_at=datetime(2026, 10, 24, 22, tzinfo=UTC), tz="Europe/Berlin")
    assert shown(rule, AUTUMN) == ["00:00", "05:00", "11:00", "17:00", "23:00"]


def test_a_start_in_the_repeated_hour_is_the_first_tick() -> None:
    """Also when it is the second showing; on the following days the time of day is kept."""
    starts_at = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    rule = Every(1, "days", starts_at=starts_at, tz="Europe/Berlin")
    before = starts_at - timedelta(days=1)
    assert rule.next_after(before) == rule.last_until(starts_at) == starts_at
    assert rule.next_after(starts_at) == datetime(2026, 10, 26, 1, 15, tzinfo=UTC)


def test_limits_are_whole_days_of_the_time_zone() -> None:
    """From the first moment of the first day to before the first moment after the last one."""
    rule = Cron("0 * * * *", tz="America/Sao_Paulo", first_day=date(2018, 11, 4), last_day=date(2018, 11, 4))
    ticks = ticks_between(rule, datetime(2018, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC))
    first = datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert ticks == tuple(first + timedelta(hours=hour) for hour in range(23))
    assert rule.next_after(ticks[-1]) is None
    assert rule.last_until(ticks[0] - timedelta(seconds=1)) is None
    assert rule.last_until(datetime(2020, 1, 1, tzinfo=UTC)) == ticks[-1]
