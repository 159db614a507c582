"""Results for people who read a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Ratio
from benchmarks.results import Outcome, Results
from benchmarks.workload import Target, Verdict

MARKS = {True: "reached", False: "NOT REACHED", None: ""}


def table(results: Results) -> str:
    """All workloads, one below the other."""
    return "\n\n".join("\n".join(_lines(outcome)) for outcome in results.outcomes)


def spoken_target(target: Target) -> str:
    """`packhorse jobs_per_s / pgqueuer ≥ 4`."""
    parts = [f"{target.ours} {target.metric}", f"/ {target.theirs}" if target.theirs else "", spoken_bound(target)]
    return " ".join(filter(None, parts))


def spoken_bound(target: Target) -> str:
    """`≥ 4`, `≤ 1`, or nothing."""
    if target.at_least is not None:
        return f"≥ {target.at_least:g}"
    return "" if target.at_most is None else f"≤ {target.at_most:g}"


def spoken_value(ratio: Ratio) -> str:
    """`5.2 (4.9 to 5.6)`."""
    return f"{figure(ratio.value)} ({figure(ratio.low)} to {figure(ratio.high)})"


def figure(value: float) -> str:
    """Three significant digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _lines(outcome: Outcome) -> Iterator[str]:
    yield f"{outcome.workload.id}  {outcome.workload.title}"
    for name, metrics in outcome.cases.items():
        figures = [f"{metric} {figure(summary.median)}" for metric, summary in metrics.items()]
        yield f"    {name:<34} {'   '.join(figures)}"
    for verdict in outcome.verdicts():
        yield f"    {_said(verdict)}"
    for name, reason in outcome.failures.items():
        yield f"    {name} failed: {reason}"
    if outcome.workload.missing:
        yield f"    not measured: {outcome.workload.missing}"


def _said(verdict: Verdict) -> str:
    told = f"{spoken_target(verdict.target)}: {spoken_value(verdict.value)}"
    return f"{told}  {MARKS[verdict.is_reached]}".rstrip()
