"""A long run in parts: what was measured before, of the same code and machine, stays where it is not repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.figures import summary_of
from benchmarks.results import Outcome, PeerFacts, Results
from benchmarks.workload import Workload

SAME = ("commit", "has_local_changes", "cpu", "cores", "scale")
"""The facts in which two parts of one result must agree."""


def continued(earlier: Mapping[str, Any], now: Results, workloads: Sequence[Workload]) -> Results:
    """The results of now with those workloads from `earlier`, a result as JSON, that were not measured again.

    Of another commit, machine or scale nothing is taken over.
    """
    if any(earlier["machine"].get(name) != now.machine.get(name) for name in SAME):
        return now
    fresh = {outcome.workload.id: outcome for outcome in now.outcomes}
    kept = {
        workload.id: _outcome(workload, earlier["workloads"][workload.id])
        for workload in workloads
        if workload.id in earlier["workloads"] and workload.id not in fresh
    }
    outcomes = kept | fresh
    peers = {name: PeerFacts(**facts) for name, facts in earlier["peers"].items()}
    return Results(
        earlier["machine"],
        peers | dict(now.peers),
        {name: why for name, why in (earlier["missing"] | dict(now.missing)).items() if name not in now.peers},
        [outcomes[workload.id] for workload in workloads if workload.id in outcomes],
    )


def _outcome(workload: Workload, told: Mapping[str, Any]) -> Outcome:
    cases = {
        name: {metric: summary_of(summary["rounds"]) for metric, summary in metrics.items()}
        for name, metrics in told["cases"].items()
    }
    return Outcome(workload, cases, told["series"], told["failures"])
