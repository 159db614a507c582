"""Rows on their way to the database: as many statements as their number and their size ask for."""

import json
from collections.abc import Sequence

import pytest

from packhorse.engines.sql.documents import MOST_TEXT, rows_documents
from packhorse.errors import PayloadError

HALF = "x" * (MOST_TEXT // 2)


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        ([], []),
        ([1], [1]),
        ([1] * 3, [3]),
        ([1] * 7, [3, 3, 1]),
        ([HALF, 1, HALF, 1, 1], [2, 3]),
        ([HALF * 3, 1, HALF * 3], [1, 1, 1]),
    ],
    ids=["none", "one", "as many as may be", "too many", "too large together", "too large by themselves"],
)
def test_rows_are_split_by_number_and_by_size(rows: Sequence[object], sizes: Sequence[int]) -> None:
    """None is lost, their order stays, and one that is too large for any goes alone."""
    parts = [json.loads(text) for text in rows_documents(rows, 3)]

    assert [len(part) for part in parts] == sizes
    assert [row for part in parts for row in part] == rows


def test_a_row_that_no_database_stores_is_refused() -> None:
    """Half of a surrogate pair."""
    with pytest.raises(PayloadError):
        list(rows_documents([{"key": "\ud800"}], 3))
