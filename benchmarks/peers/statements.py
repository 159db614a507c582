"""The statements of the bare loops, read from `benchmarks/queries`."""

from __future__ import annotations

from pathlib import Path

STOCKS = 1_000
"""Rows of `stock_tables.sql`, numbered from 1."""
FOLDER = Path(__file__).parents[1] / "queries"


def statement(name: str) -> str:
    """The text of `queries/NAME.sql`, without the comment that it begins with."""
    lines = (FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).strip()
