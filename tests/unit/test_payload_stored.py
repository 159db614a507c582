"""What a stored text that somebody else wrote may hold."""

from datetime import date
from typing import Any

import pytest

from packhorse.domain.payload import decode_value
from packhorse.domain.strictjson import MAX_DEPTH
from packhorse.errors import PayloadError
from tests.unit.payload_values import Line, Picky, kind_of


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "[1e400]",
        "9" * 5000,
        '"\\u0000"',
        '{"\\u0000": 1}',
        '"\\ud800"',
        '"\ud800"',
        '"\0"',
        "\ufeff[]",
        "[1,]",
        "[1] 2",
        "{'a': 1}",
        "{1: 2}",
        "undefined",
        "[" * 100_000,
        "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2),
        "[" * 5000 + "]" * 5000,
        '{"a":' * 100 + "1" + "}" * 100,
        b"\xff",
        b"[]",
        None,
        5,
    ],
    ids=kind_of,
)
def test_a_stored_text_that_is_no_json_is_a_payload_error(text: Any) -> None:
    """Whoever wrote the row: an infinity, a NUL or a surrogate never reaches a handler."""
    with pytest.raises(PayloadError, match=r"^args"):
        decode_value(text, path="args")


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("text", "annotation", "path"),
    [
        ('{"sku": "a"}', Line, "row"),
        ('{"sku": "a", "price": "x"}', Line, "row.price"),
        ('[{"sku": "a", "price": "1"}, 5]', list[Line], "row[1]"),
        ('"2026-13-01"', date, "row"),
        ('{"x": 1}', dict[int, int], "row"),
        ('{"text": "bad"}', Picky, "row"),
    ],
)
def test_a_stored_text_that_does_not_fit_is_a_payload_error(text: str, annotation: Any, path: str) -> None:
    """Naming the path to what does not fit."""
    with pytest.raises(PayloadError) as caught:
        decode_value(text, annotation, path="row")
    assert str(caught.value).startswith(f"{path}: does not fit its annotation")


def test_the_last_of_two_equal_keys_counts() -> None:
    """As with every other reader; we never write such text."""
    assert decode_value('{"a": 1, "a": 2}') == {"a": 2}
