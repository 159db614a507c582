"""The order of measurements: all cases of a workload in turn, again and again, so that drift hits all alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import Summary, summary_of

Sample = Mapping[str, float | Sequence[float]]
"""What one measurement gives: figures by the name of their metric, `jobs_per_s` for one, and series of them."""


def interleaved(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """A B C, A B C, …: the number of the round, from 1, and the name."""
    for number in range(1, rounds + 1):
        for name in names:
            yield number, name


def summaries_of(samples: Sequence[Sample]) -> dict[str, Summary]:
    """One summary for each figure that every round has."""
    figures = [{name: value for name, value in sample.items() if not isinstance(value, Sequence)} for sample in samples]
    metrics = [name for name in figures[0] if all(name in one for one in figures)]
    return {name: summary_of([one[name] for one in figures]) for name in metrics}


def series_of(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """The series of the last round."""
    return {name: list(value) for name, value in samples[-1].items() if isinstance(value, Sequence)}
