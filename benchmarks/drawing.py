"""Plots as SVG text: bars with their range, and lines over time. Pure, without a library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABEL_WIDTH, VALUE_WIDTH = 860, 230, 150
ROW, BAR, TITLE, MARGIN = 24, 15, 34, 10
PLOT_WIDTH = WIDTH - LABEL_WIDTH - VALUE_WIDTH
LINES_HEIGHT, TICKS = 180, 4
LOG_FROM = 30.0
"""Where the largest bar is so many times the smallest, a linear scale would hide the small ones."""

OURS, BARE, OTHER, INK, FAINT = "#c8501e", "#b9b9b9", "#4878a8", "#222222", "#888888"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        label: what it is of.
        value: its length.
        low: the least round.
        high: the largest round.
        color: one of the colours of this module.
    """

    label: str
    value: float
    low: float
    high: float
    color: str = OTHER


@dataclass(frozen=True, slots=True)
class Picture:
    """The inside of an SVG, and how high it is; it is as wide as WIDTH."""

    body: str
    height: int


def bars(title: str, unit: str, rows: Sequence[Bar], written: Mapping[str, str]) -> Picture:
    """Horizontal bars from the top down; `written` says each value in words, by label. The scale is in the title."""
    is_log = _is_log(rows)
    scale = f"{unit}, logarithmic" if is_log else unit
    body = [_text(0, 20, f"{title} ({scale})", weight="bold")]
    for number, row in enumerate(rows):
        y = TITLE + number * ROW
        length, low, high = (_length(value, rows, is_log=is_log) for value in (row.value, row.low, row.high))
        middle = y + BAR / 2
        body += [
            _text(LABEL_WIDTH - 8, y + BAR - 3, row.label, anchor="end"),
            f'<rect x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{row.color}"/>',
            _line(LABEL_WIDTH + low, middle, LABEL_WIDTH + high, middle),
            _text(LABEL_WIDTH + max(length, high) + 6, y + BAR - 3, written.get(row.label, f"{row.value:g}")),
        ]
    return Picture("".join(body), TITLE + len(rows) * ROW + MARGIN)


def lines(title: str, x: Sequence[float], y: Sequence[float], x_unit: str) -> Picture:
    """One line, from zero, with its largest value written beside the axis."""
    top, right = max(*y, 0.0) or 1.0, max(*x, 0.0) or 1.0
    left, height = 70, LINES_HEIGHT - TITLE - 30
    width = WIDTH - left - 20
    points = " ".join(
        f"{left + one / right * width:.1f},{TITLE + height - other / top * height:.1f}"
        for one, other in zip(x, y, strict=True)
    )
    axes = [
        _text(0, 20, title, weight="bold"),
        _line(left, TITLE + height, left + width, TITLE + height, FAINT),
        _line(left, TITLE, left, TITLE + height, FAINT),
    ]
    for tick in range(TICKS + 1):
        share = tick / TICKS
        axes.append(_text(left - 6, TITLE + height - share * height + 4, f"{share * top:.3g}", anchor="end"))
        axes.append(_text(left + share * width, TITLE + height + 18, f"{share * right:.3g}", anchor="middle"))
    axes.append(_text(left + width, TITLE + height + 32, x_unit, anchor="end"))
    line = f'<polyline points="{points}" fill="none" stroke="{OURS}" stroke-width="1.5"/>'
    return Picture("".join(axes) + line, LINES_HEIGHT + 10)


def svg(pictures: Sequence[Picture]) -> str:
    """The pictures below one another, as one file that also shows inside a page."""
    y, parts = MARGIN, []
    for picture in pictures:
        parts.append(f'<g transform="translate({MARGIN},{y})">{picture.body}</g>')
        y += picture.height
    size = f'viewBox="0 0 {WIDTH + 2 * MARGIN} {y}" width="{WIDTH + 2 * MARGIN}" height="{y}"'
    style = 'font-family="system-ui, sans-serif" font-size="13"'
    ground = f'<rect width="{WIDTH + 2 * MARGIN}" height="{y}" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{ground}{"".join(parts)}</svg>\n'


def _is_log(rows: Sequence[Bar]) -> bool:
    values = [row.value for row in rows if row.value > 0]
    return bool(values) and max(values) / min(values) > LOG_FROM


def _length(value: float, rows: Sequence[Bar], *, is_log: bool) -> float:
    top = max(row.high for row in rows) or 1.0
    if not is_log:
        return max(0.0, value) / top * PLOT_WIDTH
    bottom = min(row.low for row in rows if row.low > 0) / 2
    return max(0.0, math.log(max(value, bottom) / bottom) / math.log(top / bottom)) * PLOT_WIDTH


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {place} fill="{INK}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, color: str = INK) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"/>'
