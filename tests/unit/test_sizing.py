"""Priority by size: steps, read from a configuration that people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.order import DEFAULT_PRIORITY, PRIORITIES
from packhorse.domain.sizing import SizeSteps

STEPS = SizeSteps.parse({"1": "urgent", "2": "high", "6": "medium", "16": "low", "31": "minor"})


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "urgent"),
        (2, "high"),
        (5, "high"),
        (6, "medium"),
        (15, "medium"),
        (16, "low"),
        (30, "low"),
        (31, "minor"),
        (100_000, "minor"),
    ],
)
def test_the_greatest_start_that_is_not_above_counts(number: int, name: str) -> None:
    """The first one is urgent, the hundred-thousandth is minor."""
    assert STEPS.priority_of(number) == PRIORITIES[name]
    assert STEPS.warnings == ()


def test_before_the_first_step_that_one_counts() -> None:
    """A configuration that begins later leaves nothing open."""
    assert SizeSteps.parse({"10": "low", "20": "minor"}).priority_of(1) == PRIORITIES["low"]


def test_without_a_configuration_all_are_medium() -> None:
    """Also when nothing of it could be read."""
    assert SizeSteps.parse({}).priority_of(7) == DEFAULT_PRIORITY
    assert SizeSteps.parse({"x": "low"}).priority_of(7) == DEFAULT_PRIORITY


def test_case_blanks_and_leading_zeros_do_not_matter() -> None:
    """People write configurations."""
    steps = SizeSteps.parse({"01": "URGENT", " 002 ": " High"})

    assert steps.steps == ((1, 1), (2, 3))
    assert steps.warnings == ()


@pytest.mark.parametrize(
    "entry", [("two", "high"), ("2", "hihg"), ("-2", "high"), ("1_0", "high"), ("", ""), ("²", "low")]
)
def test_a_misspelt_entry_is_ignored_with_a_warning(entry: tuple[str, str]) -> None:
    """The others count; the warning shows what was written."""
    steps = SizeSteps.parse({"1": "low", entry[0]: entry[1]})

    assert steps.steps == ((1, PRIORITIES["low"]),)
    [warning] = steps.warnings
    assert repr(entry[0]) in warning
    assert repr(entry[1]) in warning


def test_of_two_steps_from_one_start_the_first_counts() -> None:
    """It is said."""
    steps = SizeSteps.parse({"1": "low", "01": "high"})

    assert steps.priority_of(1) == PRIORITIES["low"]
    assert steps.warnings == ("ignored the step '01': 'high': there is one from 1 on",)


@given(
    configured=st.dictionaries(st.integers(0, 50), st.sampled_from(sorted(PRIORITIES)), min_size=1),
    number=st.integers(1, 60),
)
def test_every_number_has_the_step_that_the_rule_says(configured: dict[int, str], number: int) -> None:
    """As a reader of the rule would look it up."""
    below = [start for start in configured if start <= number]
    expected = configured[max(below) if below else min(configured)]

    steps = SizeSteps.parse({str(start): name for start, name in configured.items()})

    assert steps.priority_of(number) == PRIORITIES[expected]


@given(configured=st.dictionaries(st.text(), st.text()), number=st.integers())
def test_no_configuration_is_a_crash(configured: dict[str, str], number: int) -> None:
    """What can't be read is a warning each."""
    steps = SizeSteps.parse(configured)

    assert steps.priority_of(number) in PRIORITIES.values()
    assert len(steps.steps) + len(steps.warnings) == len(configured)
