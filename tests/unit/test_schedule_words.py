"""Rules in plain English."""

from datetime import UTC, date, datetime, time

import pytest

from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.every import Every
from packhorse.domain.schedule.rule import Rule
from packhorse.domain.schedule.weekly import Weekly
from packhorse.domain.schedule.words import in_words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 9 * * mon-fri", "at 09:00 on Monday to Friday"),
        ("@daily", "at 00:00 every day"),
        ("@weekly", "at 00:00 on Sunday"),
        ("@monthly", "at 00:00 on the 1st of every month"),
        ("@yearly", "at 00:00 on the 1st of January"),
        ("@hourly", "every hour"),
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("*/1 * * * *", "every minute"),
        ("0 * * * 0-7", "every hour"),
        ("15 * * * *", "every hour at minute 15"),
        ("0 */6 * * *", "every 6 hours"),
        ("15 */6 * jun-aug *", "every 6 hours at minute 15 in June to August"),
        ("30 8-18 * * *", "every hour from 08:30 to 18:30"),
        ("*/10 9-17 * * 1,3,5", "every 10 minutes from 09:00 to 17:59 on Monday, Wednesday and Friday"),
        ("0,30 9,17 * * *", "at 09:00, 09:30, 17:00 and 17:30 every day"),
        ("0 12 * * 0,6,7", "at 12:00 on Saturday and Sunday"),
        ("0 12 * * 0-7", "at 12:00 every day"),
        ("0 12 * * mon,tue,wed,fri", "at 12:00 on Monday to Wednesday and Friday"),
        ("0 0 1,21,22,23 * *", "at 00:00 on the 1st, 21st, 22nd and 23rd of every month"),
        ("0 0 11-13 3,9 *", "at 00:00 on the 11th, 12th and 13th of March and September"),
        ("0 0 l * *", "at 00:00 on the last day of every month"),
        ("0 0 * * fri#2", "at 00:00 on the 2nd Friday of every month"),
        ("0 0 * 12 0l", "at 00:00 on the last Sunday of December"),
        ("0 0 * jan *", "at 00:00 every day in January"),
        ("0 0 13 * 5", "cron 0 0 13 * 5"),
        ("*/7 * * * *", "cron */7 * * * *"),
        ("0 */5 * * *", "cron 0 */5 * * *"),
        ("1-50 * * * *", "cron 1-50 * * * *"),
        ("0 0 lw * *", "cron 0 0 lw * *"),
        ("0 0 * * 5l,1l", "cron 0 0 * * 5l,1l"),
        ("0 0 */2 * *", "cron 0 0 */2 * *"),
        ("* 9,17 * * *", "cron * 9,17 * * *"),
    ],
)
def test_a_common_expression_is_told_and_an_unusual_one_shown(expression: str, words: str) -> None:
    """Where words would be longer than a person reads, the expression says it better."""
    assert in_words(Cron(expression)) == f"{words}, UTC"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Every(1, "seconds"), "every second, UTC"),
        (Every(90, "minutes", tz="Europe/Berlin"), "every 90 minutes, Europe/Berlin"),
        (Every(2, "hours", weekdays=("mon", "wed")), "every 2 hours on Monday and Wednesday, UTC"),
        (Every(1, "days", tz="Europe/Berlin"), "every day at 00:00, Europe/Berlin"),
        (
            Every(2, "weeks", datetime(2026, 10, 19, 7, tzinfo=UTC), ("mon", "tue")),
            "every 2 weeks at 07:00 on Monday, UTC, from 2026-10-19 07:00",
        ),
        (
            Every(1, "days", datetime(2026, 10, 19, 7, tzinfo=UTC), first_day=date(2026, 12, 1)),
            "every day at 07:00, UTC, from 2026-12-01",
        ),
        (
            Weekly(("mon",), tuple(time(hour, 30) for hour in range(24))),
            "at 24 times from 00:30 to 23:30 on Monday, UTC",
        ),
        (
            Every(2, "weeks", datetime(2026, 10, 19, 7, 30, tzinfo=UTC), tz="Europe/Berlin"),
            "every 2 weeks at 09:30 on Monday, Europe/Berlin, from 2026-10-19 09:30",
        ),
        (
            Weekly(
                ("thu", "mon"), (time(17, 30), time(9)), 2, first_day=date(2026, 11, 2), last_day=date(2026, 12, 31)
            ),
            "at 09:00 and 17:30 on Monday and Thursday of every 2nd week, UTC, from 2026-11-02, until 2026-12-31",
        ),
        (Weekly(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (time(9, 0, 1),)), "at 09:00:01 every day, UTC"),
    ],
)
def test_intervals_and_timetables_are_told_with_their_limits(rule: Rule, words: str) -> None:
    """What, when, where, from when and until when."""
    assert in_words(rule) == words
