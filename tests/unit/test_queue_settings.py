"""A queue's settings: what is understood, and what wins."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.queue import (
    DEFAULTS,
    NAMES,
    RateLimit,
    decode_settings,
    encode_settings,
    settings_in_force,
    stored_settings,
)
from packhorse.errors import ConfigurationError

COUNTS = st.none() | st.integers(1, 10**9)
PERIODS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=3650))
RATES = st.none() | st.tuples(st.integers(1, 10**9), PERIODS)
KEEPS = st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "slots": COUNTS,
    "priority_floor": st.none() | st.integers(-32768, 32767),
    "order": st.sampled_from(["deadline", "aging"]),
    "max_running": COUNTS,
    "rate": RATES,
    "group_max_running": COUNTS,
    "group_rate": RATES,
    "fair": st.booleans(),
    "keep_succeeded": KEEPS,
    "keep_cancelled": KEEPS,
    "keep_failed": KEEPS,
}
SETTINGS = st.fixed_dictionaries({}, optional=VALUES)


def value_of(name: str, given: Any) -> Any:
    """A setting as it is in force."""
    return RateLimit(*given) if name.endswith("rate") and given is not None else given


@given(declared=SETTINGS, changed=SETTINGS)
def test_what_was_set_at_run_time_wins_over_code(declared: dict[str, Any], changed: dict[str, Any]) -> None:
    """Setting by setting, after a way through JSON; what nobody has said is the default."""
    stored = [decode_settings(encode_settings(stored_settings(one))) for one in (declared, changed)]
    said = {**declared, **changed}
    found = settings_in_force(*stored)
    for name in NAMES:
        assert getattr(found, name) == (value_of(name, said[name]) if name in said else getattr(DEFAULTS, name))


@given(SETTINGS)
def test_the_same_settings_give_the_same_text(settings: dict[str, Any]) -> None:
    """Whatever order they were said in: a worker compares texts to see whether code says something new."""
    backwards = dict(reversed(list(settings.items())))
    assert encode_settings(stored_settings(settings)) == encode_settings(stored_settings(backwards))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100/m", RateLimit(100, timedelta(minutes=1))),
        ("5/30s", RateLimit(5, timedelta(seconds=30))),
        ("1 / 2 h", RateLimit(1, timedelta(hours=2))),
        ("1000/d", RateLimit(1000, timedelta(days=1))),
    ],
)
def test_a_rate_is_read_and_written(text: str, rate: RateLimit) -> None:
    """As a number of starts and a time."""
    assert settings_in_force(stored_settings({"rate": text}), {}).rate == rate
    assert settings_in_force(stored_settings({"rate": str(rate)}), {}).rate == rate


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slots", 0),
        ("slots", True),
        ("slots", "4"),
        ("slots", 10**10),
        ("priority_floor", "urgentest"),
        ("priority_floor", 10**6),
        ("order", "fifo"),
        ("rate", "100"),
        ("rate", "100/fortnight"),
        ("rate", (0, timedelta(minutes=1))),
        ("rate", (1, timedelta(0))),
        ("rate", (1, 60)),
        ("fair", 1),
        ("keep_failed", 30),
        ("keep_failed", timedelta(days=-1)),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: object) -> None:
    """The message says which setting it was."""
    with pytest.raises(ConfigurationError, match=name):
        stored_settings({name: value})


def test_an_unknown_setting_is_refused_with_the_known_ones() -> None:
    """So that a slip of the pen is not taken for a setting."""
    with pytest.raises(ConfigurationError, match="'slot'; there are slots"):
        stored_settings({"slot": 4})


def test_what_a_later_version_has_stored_is_kept_but_not_understood() -> None:
    """Its record goes through an older version unharmed."""
    stored = decode_settings('{"slots": 4, "from_the_future": [1]}')
    assert settings_in_force(stored, {}).slots == 4
    assert decode_settings(encode_settings(stored)) == stored
    assert decode_settings("[]") == decode_settings("nonsense") == {}
