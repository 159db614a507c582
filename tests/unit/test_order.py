"""Priorities by name and number."""

import pytest

from packhorse.domain.order import HIGHEST_PRIORITY, LOWEST_PRIORITY, PRIORITIES, priority_number
from packhorse.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "number"), [("urgent", 1), ("high", 3), ("medium", 5), ("low", 7), ("minor", 9)], ids=str
)
def test_a_priority_may_be_given_by_name(name: str, number: int) -> None:
    """A smaller number is more urgent."""
    assert priority_number(name) == number


def test_the_names_are_in_the_order_of_urgency() -> None:
    """Whoever lists the names lists them from the most urgent one."""
    assert list(PRIORITIES.values()) == sorted(PRIORITIES.values())


@pytest.mark.parametrize("number", [HIGHEST_PRIORITY, -1, 0, 2, 5, 1000, LOWEST_PRIORITY])
def test_a_priority_may_be_any_16_bit_number(number: int) -> None:
    """Between and beyond the names there is room."""
    assert priority_number(number) == number


@pytest.mark.parametrize("number", [HIGHEST_PRIORITY - 1, LOWEST_PRIORITY + 1, 10**12])
def test_a_priority_out_of_range_is_refused(number: int) -> None:
    """The message names the range."""
    with pytest.raises(ConfigurationError, match="outside -32768 to 32767"):
        priority_number(number)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """Names are written in small letters; the message lists them."""
    with pytest.raises(ConfigurationError, match="unknown priority 'Urgent'; the names are urgent, high, medium"):
        priority_number("Urgent")


@pytest.mark.parametrize("value", [True, 1.5, None, [1]])
def test_what_is_neither_name_nor_number_is_refused(value: object) -> None:
    """A truth value is no number here."""
    with pytest.raises(ConfigurationError, match="must be a number or a name"):
        priority_number(value)  # type: ignore[arg-type]
