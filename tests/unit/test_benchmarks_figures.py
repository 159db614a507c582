"""What the benchmark suite says of repeated measurements."""

import pytest

from benchmarks.figures import Summary, percentile, ratio_of, summary_of
from benchmarks.rounds import interleaved, series_of, summaries_of


def test_a_summary_has_the_median_and_the_range() -> None:
    """One odd round moves the range, not the figure that is quoted."""
    assert summary_of([10.0, 30.0, 11.0]) == Summary(11.0, 10.0, 30.0, (10.0, 30.0, 11.0))


def test_the_median_of_an_even_number_lies_between_the_middle_two() -> None:
    """Two rounds give their mean."""
    assert summary_of([10.0, 20.0]).median == 15.0


def test_a_ratio_is_that_of_the_medians_and_its_range_that_of_the_rounds() -> None:
    """Rounds are compared with the one that ran beside them, so that a slow minute of the machine cancels out."""
    ratio = ratio_of(summary_of([100.0, 50.0, 90.0]), summary_of([10.0, 5.0, 30.0]))

    assert ratio is not None
    assert ratio.value == 9.0
    assert (ratio.low, ratio.high) == (3.0, 10.0)


def test_nothing_is_divided_by_zero() -> None:
    """A peer that did nothing gives no ratio."""
    assert ratio_of(summary_of([1.0]), summary_of([0.0])) is None


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.0), (99, 99.0), (100, 100.0), (0, 1.0)])
def test_a_percentile_is_a_measured_value(percent: float, expected: float) -> None:
    """It is the smallest value that so many do not exceed; the order of the values does not matter."""
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == expected


def test_cases_take_turns() -> None:
    """A B C, then again: whatever slows the machine down for a while hits all of them."""
    assert list(interleaved(["a", "b"], 2)) == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]


def test_only_figures_that_every_round_has_are_summed_up() -> None:
    """A series is no figure; one that a round lacks has no median."""
    summaries = summaries_of([{"rate": 1.0, "late": 5.0, "over time": [1.0, 2.0]}, {"rate": 3.0}])

    assert {name: summary.median for name, summary in summaries.items()} == {"rate": 2.0}


def test_the_series_are_those_of_the_last_round() -> None:
    """One curve is drawn, not three."""
    assert series_of([{"over time": [1.0]}, {"rate": 3.0, "over time": [2.0, 4.0]}]) == {"over time": [2.0, 4.0]}
