"""The order of measurements: all cases of a workload in turn, again and again, so that drift hits all alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import Summary, summary_of

Sample = Mapping[str, float]
"""What one measurement gives: figures by the name of their metric, `jobs_per_s` for one."""


def interleaved(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """A B C, A B C, …: the number of the round, from 1, and the name."""
    for number in range(1, rounds + 1):
        for name in names:
            yield number, name


def summaries_of(samples: Sequence[Sample]) -> dict[str, Summary]:
    """One summary for each metric that every round has."""
    metrics = [name for name in samples[0] if all(name in sample for sample in samples)]
    return {name: summary_of([sample[name] for sample in samples]) for name in metrics}
