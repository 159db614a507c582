"""Values that travel as text come back exactly."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import msgspec
import pytest

from packhorse.domain.payload import decode_value, encode_value
from packhorse.domain.strictjson import MAX_DEPTH
from tests.unit.payload_values import (
    BERLIN,
    Colour,
    Level,
    Line,
    Options,
    Order,
    Parcel,
    Point,
    Right,
    Tag,
    deep,
    kind_of,
    there_and_back,
)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        2**53 + 1,
        2**63,
        2**64,
        2**70,
        -(2**70),
        10**4300 - 1,
        -(10**4299) + 1,
        0.0,
        -0.0,
        0.1,
        1e308,
        5e-324,
        1.7976931348623157e308,
        "",
        "a\\u0000b",
        "\x01\x1f\x7f\u2028\ufeff",
        "\U0001f40e Ünïcödé שלום",
        "\ud7ff\ue000\uffff",
        [],
        {},
        [[], {}, [None]],
        {"": 1, "a b": 2, "ключ": [3], "\\": 4},
        [1, True, 1.0, "1"],
        list(range(20_000)),
        deep(MAX_DEPTH),
    ],
    ids=kind_of,
)
def test_json_values_come_back_exactly(value: object) -> None:
    """The same value and type at every level, without any annotation."""
    assert repr(there_and_back(value)) == repr(value)


@pytest.mark.accepts("C12")
def test_a_hundred_thousand_keys_come_back_in_their_order() -> None:
    """A dict keeps its order, as it does in Python."""
    value = {f"k{n * 7919 % 100_000}": None for n in range(100_000)}
    text = encode_value(value, max_bytes=2**21)
    assert list(decode_value(text)) == list(value)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (Decimal("1.10"), Decimal),
        (Decimal("-0"), Decimal),
        (Decimal("1E+400"), Decimal),
        (date(1, 1, 1), date),
        (date(9999, 12, 31), date),
        (datetime(2026, 3, 4, 5, 6, 7, 8), datetime),  # noqa: DTZ001 - naive on purpose
        (datetime(2026, 3, 4, tzinfo=timezone(timedelta(hours=-11, minutes=-30))), datetime),
        (time(23, 59, 59, 999999), time),
        (time(1, tzinfo=timezone(timedelta(hours=2))), time),
        (timedelta(days=-1, microseconds=1), timedelta),
        (timedelta.max, timedelta),
        (UUID(int=7), UUID),
        (Colour.RED, Colour),
        (Level.LOW, Level),
        (Tag.NEW, Tag),
        (Right.READ | Right.WRITE, Right),
        (b"\x00\xff", bytes),
        (bytearray(b"\x00"), bytearray),
        ((1, date(2026, 1, 1)), tuple[int, date]),
        ((1, 2, 3), tuple[int, ...]),
        ((), tuple[()]),
        ({1, 2}, set[int]),
        (frozenset({"a"}), frozenset[str]),
        ({(1, date(2026, 1, 1))}, set[tuple[int, date]]),
        ({1: "one", -2: "two"}, dict[int, str]),
        ({date(2026, 1, 1): [Decimal(1)]}, dict[date, list[Decimal]]),
        ({UUID(int=1): 1}, dict[UUID, int]),
        ({Colour.RED: 1}, dict[Colour, int]),
        (Point(1, date(2026, 1, 1)), Point),
        ({"on": date(2026, 1, 1)}, Options),
        ({"on": date(2026, 1, 1), "note": "x"}, Options),
        (Line("a", Decimal("1.50"), {"x": [1]}), Line),
        (Order(1, [Line("a", Decimal(1))], {date(2026, 1, 1): Line("b", Decimal(2))}), Order),
        (Parcel(date(2026, 1, 1)), Parcel),
        (None, date | None),
        (date(2026, 1, 1), date | None),
        (3, int | date),
        (Decimal(3), int | Decimal),
        ("a", Literal["a", "b"]),
        (1, Literal[1, "b"]),
        ("abc", Annotated[str, msgspec.Meta(max_length=3)]),
        (date(2026, 1, 1), NewType("Day", date)),
        ([date(2026, 1, 1)], Sequence[date]),
        ({"a": date(2026, 1, 1)}, Mapping[str, date]),
    ],
    ids=kind_of,
)
def test_annotated_values_come_back_exactly(value: object, annotation: Any) -> None:
    """What JSON has no word for travels where the annotation says what it is."""
    arrived = there_and_back(value, annotation)
    assert arrived == value
    assert repr(arrived) == repr(value)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize("fold", [0, 1])
def test_an_aware_datetime_keeps_its_instant_and_its_offset(fold: int) -> None:
    """Also in the hour that the clock shows twice; a named zone arrives as the offset that it had."""
    sent = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold)
    arrived = there_and_back(sent, datetime)
    assert arrived.utcoffset() == sent.utcoffset() == timedelta(hours=2 - fold)
    assert arrived.timestamp() == sent.timestamp()
    assert arrived.replace(tzinfo=None) == sent.replace(tzinfo=None, fold=0)


@pytest.mark.accepts("C12")
def test_a_text_is_plain_json_for_other_languages() -> None:
    """Compact, with unicode as it is, and readable by any strict reader."""
    text = encode_value({"naïve": [1, 2.5, None], "on": True})
    assert text == '{"naïve":[1,2.5,null],"on":true}'
    assert json.loads(encode_value(Order(1, [Line("a", Decimal("1.50"))]), Order)) == {
        "id": 1,
        "lines": [{"sku": "a", "price": "1.50", "extra": None}],
        "by_day": {},
    }
