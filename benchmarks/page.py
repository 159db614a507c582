"""Results as a page that stands alone, and as one plot for other pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from benchmarks.drawing import BARE, OTHER, OURS, Bar, Picture, bars, lines, svg
from benchmarks.figures import Summary
from benchmarks.results import Outcome, Results
from benchmarks.table import MARKS, figure, spoken_bound, spoken_value

UNITS = {
    "jobs_per_s": "jobs/s",
    "p50_ms": "ms, median",
    "p99_ms": "ms, 99th percentile",
    "client_cpu_ms": "ms of the workers for 1,000 jobs",
    "server_cpu_ms": "ms of the server for 1,000 jobs",
    "memory_mib": "MiB, largest process",
}
IN_SUMMARY = ("B1", "B2", "B3", "B4", "B5")
PREFACE = """Medians; the thin line and the figures in brackets are the range of all rounds. Ratios are ours divided by
theirs. What each workload is, and how it is measured, stands in docs/benchmarks.md."""
OVER_TIME = " over time"
BY_ROUND = " by round"

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .6rem 0 } td, th { padding: .15rem .7rem .15rem 0; text-align: left }
td.number { text-align: right } h2 { margin-top: 2.2rem } svg { max-width: 100%; height: auto }
.missed { color: #a00; font-weight: bold } .reached { color: #070 } .faint { color: #777 }
"""


def page(results: Results) -> str:
    """The whole result as HTML; nothing is loaded from elsewhere."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Packhorse: benchmarks</title>",
        f"<style>{STYLE}</style><h1>Benchmarks</h1>",
        f"<p>{PREFACE}</p>",
        _machine(results.machine),
        *(_section(outcome) for outcome in results.outcomes),
        _peers(results),
    ]
    return "\n".join(parts) + "\n"


def summary(results: Results) -> str:
    """The plot of the first workloads, for a README."""
    shown = [outcome for outcome in results.outcomes if outcome.workload.id in IN_SUMMARY and outcome.cases]
    return svg([_bars(outcome, outcome.workload.metric) for outcome in shown])


def _section(outcome: Outcome) -> str:
    workload = outcome.workload
    parts = [f"<h2 id='{workload.id}'>{workload.id} {escape(workload.title)}</h2>"]
    if outcome.cases:
        parts += [svg([_bars(outcome, workload.metric)]), _figures(outcome.cases), _verdicts(outcome)]
    parts += [svg([picture]) for picture in _over_time(outcome)]
    parts += [f"<p class='missed'>{escape(name)}: {escape(why)}</p>" for name, why in outcome.failures.items()]
    if workload.missing:
        parts.append(f"<p class='faint'>Not measured: {escape(workload.missing)}</p>")
    return "\n".join(parts)


def _bars(outcome: Outcome, metric: str) -> Picture:
    shown = {name: metrics[metric] for name, metrics in outcome.cases.items() if metric in metrics}
    rows = [Bar(name, one.median, one.low, one.high, _color(name)) for name, one in shown.items()]
    written = {name: figure(one.median) for name, one in shown.items()}
    return bars(f"{outcome.workload.id} {outcome.workload.title}", UNITS.get(metric, metric), rows, written)


def _color(case: str) -> str:
    if case.startswith(("bare", "pgbench")):
        return BARE
    return OURS if "packhorse" in case or "queued" in case else OTHER


def _over_time(outcome: Outcome) -> Iterator[Picture]:
    for case, series in outcome.series.items():
        seconds = series.get(f"seconds{OVER_TIME}", ())
        for name, values in series.items():
            title = f"{case}: {name.removesuffix(OVER_TIME)}"
            if name.endswith(OVER_TIME) and not name.startswith("seconds"):
                yield lines(title, seconds, values, "seconds")
            elif name.endswith(BY_ROUND):
                yield lines(title, range(1, len(values) + 1), values, "round")


def _figures(cases: Mapping[str, Mapping[str, Summary]]) -> str:
    metrics = list(dict.fromkeys(metric for case in cases.values() for metric in case))
    head = "".join(f"<th>{escape(metric)}</th>" for metric in metrics)
    rows = [
        f"<tr><td>{escape(name)}</td>" + "".join(f"<td class='number'>{_cell(case.get(one))}</td>" for one in metrics)
        for name, case in cases.items()
    ]
    return f"<table><tr><th></th>{head}</tr>{'</tr>'.join(rows)}</table>"


def _cell(one: Summary | None) -> str:
    if one is None:
        return ""
    return f"{figure(one.median)} <span class='faint'>({figure(one.low)} to {figure(one.high)})</span>"


def _verdicts(outcome: Outcome) -> str:
    rows: list[str] = []
    for verdict in outcome.verdicts():
        target, mark = verdict.target, MARKS[verdict.is_reached]
        about = f"{target.ours} / {target.theirs}" if target.theirs else target.ours
        style = "reached" if verdict.is_reached else "missed"
        cells = [f"{about}, {target.metric}", spoken_value(verdict.value), spoken_bound(target)]
        told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(f"<tr>{told}<td class='{style}'>{mark}</td></tr>")
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _machine(facts: Mapping[str, object]) -> str:
    rows = "".join(_row(name, _said(value)) for name, value in facts.items())
    title = f"Machine and settings, {escape(str(facts.get('date', '')))}"
    return f"<details><summary>{title}</summary><table>{rows}</table></details>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return str(value)


def _peers(results: Results) -> str:
    rows = [_row(name, _said(facts.versions), facts.settings) for name, facts in results.peers.items()]
    rows += [_row(name, "", f"left out: {why}") for name, why in results.missing.items()]
    return f"<h2>Who was measured</h2><table>{''.join(rows)}</table>"
