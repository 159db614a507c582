"""Rules as text, there and back."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.every import UNITS, Every
from packhorse.domain.schedule.rule import Rule
from packhorse.domain.schedule.stored import read_rule, write_rule
from packhorse.domain.schedule.weekdays import WEEKDAYS
from packhorse.domain.schedule.weekly import Weekly
from packhorse.domain.schedule.words import in_words
from packhorse.errors import ConfigurationError

zones = st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"])
first_days = st.dates(date(1970, 1, 1), date(2100, 1, 1))
some_weekdays = st.lists(st.sampled_from(WEEKDAYS), min_size=1).map(tuple)
whole_seconds = st.times().map(lambda one: one.replace(microsecond=0))
crons = st.builds(
    Cron,
    st.sampled_from(["@daily", "*/5 9-17 * * MON-fri", "0 0 l * *", "1,2,3 */7 1-31/2 jan 5#2", "0 0 29 2 *"]),
    tz=zones,
    first_day=st.none() | first_days,
    last_day=st.none() | st.dates(date(2150, 1, 1), date(9899, 12, 31)),
)
everys = st.builds(
    Every,
    st.integers(1, 500),
    st.sampled_from(UNITS),
    st.none() | st.builds(datetime.fromtimestamp, st.integers(0, 2**33), st.just(UTC)),
    tz=zones,
)
weeklies = st.builds(
    Weekly,
    some_weekdays,
    st.lists(whole_seconds, min_size=1, max_size=5).map(tuple),
    st.integers(1, 520),
    tz=zones,
    first_day=first_days,
)


@settings(deadline=None)
@given(crons | everys | weeklies)
def test_a_rule_comes_back_as_it_was(rule: Rule) -> None:
    """With every attribute, and equal rules with equal texts; it can be told in words too."""
    text = write_rule(rule)
    assert read_rule(text) == rule
    assert write_rule(read_rule(text)) == text
    assert in_words(rule)


def test_what_is_missing_in_a_text_has_its_default() -> None:
    """So that people can write one."""
    assert read_rule('{"rule":"every","number":5,"unit":"minutes"}') == Every(5, "minutes")
    assert read_rule('{"rule":"weekly","weekdays":["thu","mon"],"times":["09:00:00"]}') == Weekly(
        ("mon", "thu"), (time(9),)
    )
    assert read_rule('{"expression":"@daily","rule":"cron"}') == Cron("0 0 * * *")


def test_a_text_does_not_tell_defaults() -> None:
    """So that a later version, which has more of them, writes the same text."""
    assert write_rule(Every(5, "minutes", tz="UTC")) == '{"rule":"every","number":5,"unit":"minutes"}'
    assert write_rule(Weekly(("mon",), (time(9),), 1)) == '{"rule":"weekly","weekdays":["mon"],"times":["09:00:00"]}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not the rule of a schedule: Input data was truncated"),
        ("0 9 * * *", "'0 9 * * *' is not the rule of a schedule"),
        ('{"expression":"@daily"}', "missing required field `rule`"),
        ('{"rule":"monthly"}', "Invalid value 'monthly' - at `$.rule`"),
        ('{"rule":"cron","expression":5}', "Expected `str`, got `int` - at `$.expression`"),
        ('{"rule":"cron","expression":"@daily","timezone":"UTC"}', "unknown field `timezone`"),
        ('{"rule":"cron","expression":"61 * * * *"}', "minute 61 in the cron expression '61 * * * *'"),
        ('{"rule":"cron","expression":"@daily","tz":"Mars"}', "no time zone 'Mars'"),
        ('{"rule":"weekly","weekdays":["x"],"times":["09:00:00"]}', "Invalid enum value 'x' - at `$.weekdays[0]`"),
        ('{"rule":"weekly","weekdays":["mon"],"times":["25:00:00"]}', "`$.times[0]`"),
        ('{"rule":"every","number":5,"unit":"minutes","starts_at":"2026-01-01T00:00:00"}', "has no time zone"),
        ("\ud800", "is not the rule of a schedule"),
        ("[" * 100_000, "[…' is not the rule of a schedule"),
    ],
)
def test_a_text_that_is_no_rule_is_refused(text: str, message: str) -> None:
    """With what is wrong in it, and where."""
    with pytest.raises(ConfigurationError) as refusal:
        read_rule(text)
    assert message in str(refusal.value)
    assert len(str(refusal.value)) < 400
