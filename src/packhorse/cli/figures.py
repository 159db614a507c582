"""`packhorse stats --by …`: figures by hour, queue and task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.output import moment, print_json, print_table
from packhorse.domain.durations import duration

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.domain.statistics import Dimension, Figures

COUNTERS = ("processed", "errors", "skipped", "failed", "cancelled")


def print_figures(
    app: Packhorse,
    names: Sequence[Dimension],
    *,
    last: timedelta,
    queue: str | None,
    task: str | None,
    as_json: bool,
) -> None:
    """Print the figures of each hour, queue or task, or of each combination."""
    statistics = app.statistics(last=last, queue=queue, task=task)
    rows = statistics.by(*dict.fromkeys(names))
    if as_json:
        print_json({"is_exact": statistics.is_exact, "figures": [_document(one, names) for one in rows]})
    elif rows:
        _print(rows, names, is_exact=statistics.is_exact)
    else:
        click.echo("no figures: nothing has ended lately, or no worker has added it up yet")


def _print(rows: Sequence[Figures], names: Sequence[Dimension], *, is_exact: bool) -> None:
    live = [] if "hour" in names else ["IN-QUEUE"]
    counters = [*live, "RUNS", *map(str.upper, COUNTERS), "AVERAGE", "TOTAL"]
    print_table(
        [*map(str.upper, dict.fromkeys(names)), *counters],
        [_row(one, names, is_exact=is_exact) for one in rows],
        numbers=" ".join(counters),
    )


def _row(one: Figures, names: Sequence[Dimension], *, is_exact: bool) -> list[object]:
    of = [moment(one.hour) if name == "hour" else getattr(one, name) for name in dict.fromkeys(names)]
    live = [] if "hour" in names else [f"{'' if is_exact else '>'}{one.in_queue:,}"]
    average = "" if one.average is None else duration(one.average)
    return [*of, *live, one.runs, *(getattr(one, name) for name in COUNTERS), average, duration(one.duration)]


def _document(one: Figures, names: Sequence[Dimension]) -> dict[str, Any]:
    """The figures as a JSON object; durations in seconds."""
    live = {} if "hour" in names else {"in_queue": one.in_queue}
    return {
        **{name: getattr(one, name) for name in names},
        **live,
        "runs": one.runs,
        **{name: getattr(one, name) for name in COUNTERS},
        "timed": one.timed,
        "average": None if one.average is None else one.average.total_seconds(),
        "duration": one.duration.total_seconds(),
    }
