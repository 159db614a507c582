"""What commands print: tables, JSON, and moments as people read them. Stored text is printed so that it stays inert."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from packhorse.domain.durations import duration

if TYPE_CHECKING:
    from packhorse.domain.queue import LoadFailure

COLOURS = {
    "blocked": "magenta",
    "scheduled": "cyan",
    "available": "blue",
    "executing": "yellow",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "bright_black",
}
"""The colour of each state."""

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that steer a terminal, or that turn the direction of the text around them."""

NARROWEST, WIDEST = 40, 400


def printable(text: object, *, lines: bool = True) -> str:
    """The text with characters that would steer the terminal written out; `lines=False` leaves no line break either."""
    shown = CONTROLS.sub(lambda match: repr(match[0])[1:-1], str(text))
    return shown if lines else shown.replace("\n", " ↵ ").replace("\t", " ")


def coloured(state: str, text: str | None = None) -> str:
    """The text (by default the state itself) in the state's colour."""
    shown = state if text is None else text
    return click.style(shown, fg=COLOURS[state]) if state in COLOURS else shown


def print_json(value: object) -> None:
    """Print a value as JSON, for programs."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_json_line(value: object) -> None:
    """Print a value as JSON in one line, at once, for programs that read line by line."""
    import json

    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: str = "") -> None:
    """Print rows in columns as wide as they need; the last column takes what is left of the terminal.

    Args:
        headers: the names of the columns.
        rows: the cells; a cell in a state's colour is given as the state.
        numbers: the headers, separated by blanks, of the columns that are set to the right.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    right = [header in numbers.split() for header in headers]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    widths[-1] = min(widths[-1], max(NARROWEST, _columns() - sum(widths[:-1]) - 2 * (len(widths) - 1)))
    click.echo(click.style(_line(headers, widths, right), bold=True))
    for row in cells:
        click.echo(_line(row, widths, right, is_coloured=True))


def print_fields(fields: Mapping[str, object]) -> None:
    """Print names and values below each other; what is None is left out."""
    shown = {name: value for name, value in fields.items() if value is not None}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        text = printable(value).replace("\n", "\n" + " " * (width + 2))
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {coloured(str(value), text)}")


def counted(number: int, noun: str) -> str:
    """A number of things: `1 task`, `2,000 tasks`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def moment(at: datetime | None) -> str | None:
    """A moment in the time zone of whoever reads it, to the second: `2026-11-22 05:34:59`."""
    return None if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """How long ago, or in how long: `12 s ago`, `in 3 min`; nothing for None."""
    if at is None:
        return ""
    passed = (now or datetime.now(UTC)) - at
    return f"{duration(passed)} ago" if passed >= timedelta(0) else f"in {duration(-passed)}"


def told_failure(failure: LoadFailure) -> str:
    """A module of tasks that can't be imported, in a sentence."""
    tries = f"tried {failure.hits:,} times" if failure.hits > 1 else "tried once"
    return (
        f"{failure.module} can't be imported on {failure.host} ({tries}, first {ago(failure.first_at)}, last "
        f"{ago(failure.last_at)}), and the jobs of its tasks wait: {failure.error}"
    )


def _cell(cell: object) -> str:
    if isinstance(cell, int):
        return f"{cell:,}"
    return "" if cell is None else printable(cell, lines=False)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], *, is_coloured: bool = False) -> str:
    columns = []
    for cell, width, is_right in zip(cells, widths, right, strict=True):
        short = cell if len(cell) <= width else cell[: width - 1] + "…"
        padded = short.rjust(width) if is_right else short.ljust(width)
        columns.append(coloured(cell, padded) if is_coloured else padded)
    return "  ".join(columns).rstrip()


def _columns() -> int:
    return min(WIDEST, max(NARROWEST, shutil.get_terminal_size().columns))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{value!r} is no JSON")
