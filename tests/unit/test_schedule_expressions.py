"""Cron expressions: what is accepted, what it means, and what is said of the rest."""

from datetime import UTC, date, datetime, timedelta

import pytest

from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.ticks import ticks_between
from packhorse.errors import ConfigurationError, UsageError

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.accepts("C18")
@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("61 * * * *", "minute 61 in the cron expression '61 * * * *': it goes from 0 to 59"),
        ("* 24 * * *", "hour 24 in the cron expression '* 24 * * *': it goes from 0 to 23"),
        ("* * 0 * *", "day of the month 0 in the cron expression '* * 0 * *': it goes from 1 to 31"),
        ("* * * 13 *", "month 13 in the cron expression '* * * 13 *': it goes from 1 to 12"),
        ("* * * * 8", "day of the week 8 in the cron expression '* * * * 8': it goes from 0 to 7"),
        ("* 17-9 * * *", "hour '17-9' in the cron expression '* 17-9 * * *' runs backwards: write 17-23,0-9"),
        ("* * * * fri-mon", "runs backwards: write fri-7,0-mon"),
        ("* * * * sat-sun", "runs backwards: write sat-7,0-sun"),
        ("* * * nov-feb *", "runs backwards: write nov-12,1-feb"),
        ("* 22-4/3 * * *", "expression '* 22-4/3 * * *' runs backwards: write its values one by one"),
        ("*/0 * * * *", "step 0 of the minute '*/0' in the cron expression '*/0 * * * *': it goes from 1 to 59"),
        ("*/99999999999999999999 * * * *", "step 99999999999999999999 of the minute"),
        ("* */24 * * *", "step 24 of the hour '*/24' in the cron expression '* */24 * * *': it goes from 1 to 23"),
        ("5-5/20 * * * *", "is one value with a step: write 5"),
        ("x * * * *", "minute 'x' in the cron expression 'x * * * *': write *, a number of 0-59, a range such as 0-59"),
        ("1,,2 * * * *", "minute '' in the cron expression '1,,2 * * * *': write *"),
        ("*-5 * * * *", "minute '*-5' in the cron expression"),
        ("-1 * * * *", "minute '-1' in the cron expression"),
        ("* * lw/2 * *", "day of the month 'lw' in the cron expression"),
        ("* * * * l", "day of the week 'l' in the cron expression"),
        ("* * * * fri#6", "day of the week 'fri#6' in the cron expression"),
        (
            "* * * * *,mo",
            "day of the week 'mo' in the cron expression '* * * * *,mo': write *, a number of 0-7 (sun, mon, …)",
        ),
        ("0 9 * *", "'0 9 * *' must have five fields, not 4: minute, hour, day of the month, month, day of the week"),
        (
            "0 0 9 * * *",
            "must have five fields, not 6: minute, hour, day of the month, month, day of the week; for seconds",
        ),
        (
            "",
            "a cron expression is a text of five fields (minute, hour, day of the month, month, day of the week)",
        ),
        (
            "@reboot",
            "no cron macro '@reboot': there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly",
        ),
        ("* * * * *\n", r"cron expression '* * * * *\n' may have letters, digits, spaces and * , - / # only"),
        ("٣ * * * *", "may have letters, digits, spaces and * , - / # only"),
        ("0 0 31 2 *", "cron expression '0 0 31 2 *' never comes due: choose days that exist"),
        ("* * 30 feb *", "never comes due"),
        ("0 0 31 4,6,9,11 *", "never comes due"),
        ("0 0 */30 2 mon#5", "never comes due"),
        ("1," * 60 + "1 * * * *", "has more than 100 characters"),
        (" " * 10_000, "has more than 100 characters"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(expression: str, message: str) -> None:
    """In one line, before anything is stored: nothing is accepted that never comes due or says something else."""
    with pytest.raises(ConfigurationError) as refusal:
        Cron(expression)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("tz", "message"),
    [
        ("Europe/Berln", "no time zone 'Europe/Berln': did you mean 'Europe/Berlin'?"),
        ("europe/berlin", "did you mean 'Europe/Berlin'?"),
        ("../../etc/passwd", "no time zone '../../etc/passwd': use a name such as 'Europe/Berlin' or 'UTC'"),
        ("", "no time zone '': use a name such as"),
        ("Europe", "no time zone 'Europe': "),
        ("localtime", "time zone 'localtime' is another one on each machine"),
        ("x" * 5000, "use a name such as"),
    ],
)
def test_an_unknown_time_zone_is_refused(tz: str, message: str) -> None:
    """With the name that was probably meant."""
    with pytest.raises(ConfigurationError) as refusal:
        Cron("0 9 * * *", tz=tz)
    assert message in str(refusal.value)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (date(2026, 1, 1), date(2025, 12, 31), "last_day 2025-12-31 comes before first_day 2026-01-01"),
        (date(2026, 1, 1), date(2026, 12, 31), "never comes due from 2026-01-01 until 2026-12-31"),
        (datetime(2026, 1, 1, tzinfo=UTC), None, "first_day must be a date, not datetime.datetime(2026, 1, 1"),
        (None, date(9999, 12, 31), "last_day must lie in the years 1970 to 9899, not 9999-12-31"),
    ],
)
def test_days_that_cannot_be_limits_are_refused(first: date | None, last: date | None, message: str) -> None:
    """The 29th of February is the example."""
    with pytest.raises(ConfigurationError) as refusal:
        Cron("0 0 29 2 *", first_day=first, last_day=last)
    assert message in str(refusal.value)


def test_equal_expressions_are_equal_rules() -> None:
    """Letters, spaces and macros are put into one form."""
    assert Cron("  0  9 * * MON-Fri ") == Cron("0 9 * * mon-fri")
    assert Cron("@daily") == Cron("0 0 * * *")
    assert hash(Cron("@daily")) == hash(Cron("0 0 * * *"))


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 1,15 * *", [1, 15]),
        ("0 0 l * *", [31]),
        ("0 0 lw * *", [29]),
        ("0 0 * * fri#2", [8]),
        ("0 0 * * 5l", [29]),
        ("0 0 * * 0,7", [3, 10, 17, 24, 31]),
        ("0 0 * * sun-tue", [3, 4, 5, 10, 11, 12, 17, 18, 19, 24, 25, 26, 31]),
        ("0 0 13 * fri", [1, 8, 13, 15, 22, 29]),
        ("0 0 */10 * sun", [31]),
        ("0 0 25/3 * *", [25, 28, 31]),
        ("0 0 * 1 mon", [4, 11, 18, 25]),
    ],
)
def test_days_mean_what_they_mean_to_debians_cron(expression: str, days: list[int]) -> None:
    """Either day is enough, unless one of them begins with `*`; January 2027, whose 1st is a Friday."""
    ticks = ticks_between(Cron(expression), NEW_YEAR - timedelta(seconds=1), NEW_YEAR + timedelta(days=30, hours=23))
    assert [tick.day for tick in ticks] == days


def test_rare_days_are_found() -> None:
    """A 29th of February that is a Monday comes every 28 years, or after 40 with the year 2100 in between."""
    far = datetime(2200, 1, 1, tzinfo=UTC)
    assert [tick.year for tick in ticks_between(Cron("0 0 29 2 *"), NEW_YEAR, far, 3)] == [2028, 2032, 2036]
    assert [tick.year for tick in ticks_between(Cron("0 0 * 2 mon#5"), NEW_YEAR, far, 3)] == [2044, 2072, 2112]


def test_years_that_python_does_not_have_are_no_error() -> None:
    """There is no tick before 1970 and none from 9900 on."""
    rule = Cron("0 0 1 1 *", tz="Europe/Berlin")
    assert rule.next_after(datetime.max.replace(tzinfo=UTC)) is None
    assert rule.next_after(datetime(9899, 12, 31, 23, tzinfo=UTC)) is None
    assert rule.last_until(datetime.min.replace(tzinfo=UTC)) is None
    assert rule.next_after(datetime.min.replace(tzinfo=UTC)) == datetime(1970, 12, 31, 23, tzinfo=UTC)
    assert rule.last_until(datetime.max.replace(tzinfo=UTC)) == datetime(9899, 12, 31, 23, tzinfo=UTC)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    """It could be any of some forty."""
    with pytest.raises(UsageError, match="has no time zone: pass an aware datetime"):
        Cron("0 9 * * *").next_after(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake
