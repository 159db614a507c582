"""What is said of repeated measurements: medians, ranges, ratios, percentiles. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric of one case over all rounds.

    Attributes:
        median: the figure to quote.
        low: the smallest round.
        high: the largest round.
        rounds: all of them, in the order in which they were measured.
    """

    median: float
    low: float
    high: float
    rounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by theirs.

    Attributes:
        value: the ratio of the medians.
        low: the smallest ratio of one round, in which both ran next to each other.
        high: the largest one.
    """

    value: float
    low: float
    high: float


def summary_of(rounds: Sequence[float]) -> Summary:
    """The summary of at least one round."""
    return Summary(statistics.median(rounds), min(rounds), max(rounds), tuple(rounds))


def ratio_of(ours: Summary, theirs: Summary) -> Ratio | None:
    """Ours divided by theirs, None where theirs is zero; rounds are paired in the order they were measured in."""
    if not theirs.median or not all(theirs.rounds):
        return None
    pairs = [one / other for one, other in zip(ours.rounds, theirs.rounds, strict=False)]
    return Ratio(ours.median / theirs.median, min(pairs), max(pairs))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed; of at least one value, in any order."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]
