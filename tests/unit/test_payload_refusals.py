"""Values that would not come back are refused, with the path to what would change."""

from collections import OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from packhorse.domain.payload import encode_value
from packhorse.domain.strictjson import HARD_MAX_PAYLOAD_BYTES, MAX_DEPTH, MAX_PAYLOAD_BYTES
from tests.unit.payload_values import (
    BERLIN,
    Colour,
    Level,
    Line,
    NamelessZone,
    Parcel,
    Point,
    Stranger,
    Tag,
    Text,
    Upper,
    deep,
    kind_of,
    refusal,
)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (datetime(2026, 10, 25, 2, 30, fold=1), datetime),  # noqa: DTZ001 - naive on purpose
        (time(2, 30, fold=1), time),
        (time(2, 30, tzinfo=BERLIN), time),
        (datetime(2026, 1, 1, tzinfo=NamelessZone()), datetime),
        (datetime(1800, 1, 1, tzinfo=BERLIN), datetime),
        (Decimal("NaN"), Decimal),
        (Decimal("sNaN"), Decimal),
        (Decimal("-Infinity"), Decimal),
        (Upper("a"), Upper),
        ([Decimal("Infinity")], list[Decimal]),
    ],
    ids=kind_of,
)
def test_what_a_text_cannot_hold_is_refused(value: object, annotation: Any) -> None:
    """A naive fold, an offset with seconds, a zone without an offset, a Decimal that is no number, a changing class."""
    assert "changed" in refusal(value, annotation)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "NaN or an infinity"),
        (float("inf"), "NaN or an infinity"),
        (float("-inf"), "NaN or an infinity"),
        ("a\0b", "a NUL character"),
        ("\ud800", "a lone surrogate"),
        ("ok \udfff", "a lone surrogate"),
        (10**4300, "4300 digits"),
        (-(10**4299), "4300 digits"),
        (10**5000, "4300 digits"),
        (b"bytes", "of type bytes, which JSON does not have"),
        (bytearray(b"x"), "of type bytearray"),
        ((1, 2), "of type tuple"),
        ({1}, "of type set"),
        (frozenset({1}), "of type frozenset"),
        (Decimal(1), "of type Decimal"),
        (date(2026, 1, 1), "of type date"),
        (datetime(2026, 1, 1), "of type datetime"),  # noqa: DTZ001 - naive on purpose
        (timedelta(1), "of type timedelta"),
        (UUID(int=1), "of type UUID"),
        (Colour.RED, "of type Colour"),
        (Level.LOW, "of type Level"),
        (Tag.NEW, "of type Tag"),
        (Line("a", Decimal(1)), "of type Line"),
        (Parcel(date(2026, 1, 1)), "of type Parcel"),
        (Point(1, date(2026, 1, 1)), "of type Point"),
        (Text("a"), "of type Text, which JSON would turn into str"),
        (OrderedDict(a=1), "of type OrderedDict, which JSON would turn into dict"),
        (defaultdict(int), "of type defaultdict"),
        (Stranger(), "of type Stranger, which cannot be stored"),
        (Stranger, "of type type, which cannot be stored"),
        (deque([1]), "of type deque"),
        (1j, "of type complex"),
        (range(3), "of type range"),
        ({1: "a"}, "key of type int"),
        ({None: "a"}, "key of type NoneType"),
        ({(1, 2): "a"}, "key of type tuple"),
        ({Tag.NEW: "a"}, "key of type Tag"),
        ({"a\0": 1}, "a key that contains a NUL"),
        ({"\udc00": 1}, "a key that contains a lone surrogate"),
    ],
    ids=kind_of,
)
def test_without_an_annotation_only_json_passes(value: object, reason: str) -> None:
    """At the top and under a path, which the message names; never stored altered."""
    assert refusal(value).startswith("value: ")
    message = refusal({"a": [0, value]}, path="params")
    assert message.startswith("params.a[1]: ")
    assert reason in message


@pytest.mark.accepts("C12")
def test_a_refusal_says_what_to_do() -> None:
    """Annotate, convert, or pass a reference."""
    assert "annotate the task's parameter" in refusal(Decimal(1))
    assert "pass a plain str" in refusal(Text("a"))
    assert "pass plain values instead, for example its id" in refusal(Stranger())
    assert "pass a reference instead" in refusal("x" * MAX_PAYLOAD_BYTES)


@pytest.mark.accepts("C12")
def test_a_refusal_does_not_show_the_value() -> None:
    """It may be secret, and it may be long."""
    assert "hunter2" not in refusal(b"hunter2") + refusal({1: "hunter2"}) + refusal(Text("hunter2"))
    assert "hunter2" not in refusal({"a": "hunter2\0"}) + refusal(Line("hunter2", Decimal("NaN")), Line)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 5_000, 100_000])
def test_too_deep_a_value_is_refused(levels: int) -> None:
    """65 levels and more, however many, with an error that says so and a path of a bearable length."""
    for annotation in (Any, list[Any], tuple[Any, ...], Line):
        value = Line("a", Decimal(1), deep(levels)) if annotation is Line else deep(levels)
        message = refusal(value, annotation)
        assert "more than 64 levels deep" in message
        assert len(message) < 200


@pytest.mark.accepts("C12")
def test_a_value_that_contains_itself_is_refused() -> None:
    """With a PayloadError, not a RecursionError; with and without annotations."""
    items: list[Any] = []
    items.append(items)
    entries: dict[str, Any] = {}
    entries["me"] = [entries]
    line = Line("a", Decimal(1))
    line.extra = line
    assert "contains itself" in refusal(items)
    assert "contains itself" in refusal(entries)
    assert "contains itself" in refusal(entries, dict[str, Line | None])
    assert "contains itself" in refusal(line, Line)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize("letter", ["x", "é", "\U0001f40e"])
def test_the_size_limit_counts_bytes_of_the_text(letter: str) -> None:
    """Exactly the limit passes and one byte more does not, whatever letters the bytes are for."""
    letters = (MAX_PAYLOAD_BYTES - len('""')) // len(letter.encode())
    rest = MAX_PAYLOAD_BYTES - len('""') - letters * len(letter.encode())
    value = letter * letters + "x" * rest
    assert len(encode_value(value).encode()) == MAX_PAYLOAD_BYTES
    assert "262,145 bytes as JSON, more than the 262,144 allowed" in refusal(value + "x")
    assert encode_value(value + "x", max_bytes=HARD_MAX_PAYLOAD_BYTES)
