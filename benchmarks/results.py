"""What a run has found, as values and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Ratio, Summary
from benchmarks.workload import Verdict, Workload

DIGITS = 5
"""Significant digits; a benchmark knows no more."""


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """Which versions of a peer were measured, with which settings."""

    versions: Mapping[str, str]
    settings: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One workload's figures.

    Attributes:
        workload: which.
        cases: for each case its metrics.
        series: for each case its series, those of the last round.
        failures: the cases that could not be measured to the end, with the reason.
    """

    workload: Workload
    cases: dict[str, dict[str, Summary]]
    series: Mapping[str, Mapping[str, Sequence[float]]]
    failures: Mapping[str, str]

    def verdicts(self) -> list[Verdict]:
        """The targets whose figures are there."""
        found = (target.verdict(self.cases) for target in self.workload.targets)
        return [verdict for verdict in found if verdict is not None]


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run.

    Attributes:
        machine: machine, commit, server settings.
        peers: who was measured.
        missing: who was not, and why.
        outcomes: by workload, in order.
    """

    machine: Mapping[str, object]
    peers: Mapping[str, PeerFacts]
    missing: Mapping[str, str]
    outcomes: Sequence[Outcome]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {
            "machine": dict(self.machine),
            "peers": {name: dataclasses.asdict(facts) for name, facts in self.peers.items()},
            "missing": dict(self.missing),
            "workloads": {outcome.workload.id: _outcome(outcome) for outcome in self.outcomes},
        }

    def quick(self) -> dict[str, Any]:
        """The few figures that `make bench-quick` is asked for; None where one was not measured."""
        return {
            "B1": self._headline("B1", "packhorse", "jobs_per_s", ["pgqueuer", "procrastinate"]),
            "B2": self._headline("B2", "packhorse_sqlite", "jobs_per_s", ["huey_full"]),
            "B4": self._headline("B4", "packhorse", "jobs_per_s", ["pgqueuer"]),
            "B5": {
                "p50_ms": self._median("B5", "packhorse", "p50_ms"),
                "p99_ms": self._median("B5", "packhorse", "p99_ms"),
                "p50_vs_pgqueuer": self._versus("B5", "packhorse", "pgqueuer", "p50_ms"),
            },
            "machine": dict(self.machine),
        }

    def _headline(self, workload: str, ours: str, metric: str, peers: Sequence[str]) -> dict[str, float | None]:
        ratios = {f"vs_{peer}": self._versus(workload, ours, peer, metric) for peer in peers}
        return {metric: self._median(workload, ours, metric)} | ratios

    def _median(self, workload: str, case: str, metric: str) -> float | None:
        summary = self._cases(workload).get(case, {}).get(metric)
        return None if summary is None else rounded(summary.median)

    def _versus(self, workload: str, ours: str, theirs: str, metric: str) -> float | None:
        one, other = self._median(workload, ours, metric), self._median(workload, theirs, metric)
        return None if one is None or not other else rounded(one / other)

    def _cases(self, workload: str) -> dict[str, dict[str, Summary]]:
        return next((outcome.cases for outcome in self.outcomes if outcome.workload.id == workload), {})


def rounded(value: float) -> float:
    """To as many digits as a benchmark may claim."""
    return float(f"{value:.{DIGITS}g}")


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "title": outcome.workload.title,
        "metric": outcome.workload.metric,
        "not_measured": outcome.workload.missing,
        "cases": {
            name: {metric: _summary(summary) for metric, summary in metrics.items()}
            for name, metrics in outcome.cases.items()
        },
        "series": {
            name: {metric: [rounded(value) for value in values] for metric, values in series.items()}
            for name, series in outcome.series.items()
            if series
        },
        "targets": [_verdict(verdict) for verdict in outcome.verdicts()],
        "failures": dict(outcome.failures),
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "median": rounded(summary.median),
        "low": rounded(summary.low),
        "high": rounded(summary.high),
        "rounds": [rounded(value) for value in summary.rounds],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return dataclasses.asdict(verdict.target) | {"value": _ratio(verdict.value), "is_reached": verdict.is_reached}


def _ratio(ratio: Ratio) -> dict[str, float]:
    return {name: rounded(value) for name, value in dataclasses.asdict(ratio).items()}
