"""An annotation says how a value travels; what it would change is refused."""

import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, TypeVar

import msgspec
import pytest

from packhorse.domain.payload import codec_for, is_plain
from tests.unit.payload_values import (
    Colour,
    Level,
    Line,
    Options,
    Order,
    Pair,
    SpecialLine,
    Stranger,
    kind_of,
    refusal,
    there_and_back,
)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("value", "annotation", "message"),
    [
        (True, date | int, "value: does not fit its annotation: Expected `int | date`, got `bool`"),
        ("2026-01-01", date, "value: is of type str and would arrive as date"),
        (1, Decimal, "value: is of type int and would arrive as Decimal"),
        ("1", Level, "value: does not fit its annotation: Expected `int`, got `str`"),
        (Level.LOW, Colour, "value: does not fit its annotation: Expected `str`, got `int`"),
        ("c", Literal["a", "b"], "value: does not fit its annotation: Invalid enum value 'c'"),
        (True, Literal[1], "value: does not fit its annotation: Expected `int`, got `bool`"),
        ([1, 2], tuple[int, ...], "value: is of type list and would arrive as tuple"),
        ((1, True), tuple[int, int], "value[1]: does not fit its annotation: Expected `int`, got `bool`"),
        ((1.0, 2), tuple[float, float], "value[1]: is of type int and would arrive as float"),
        ({1}, frozenset[int], "value: is of type set and would arrive as frozenset"),
        ([1, 1], set[int], "value: is of type list and would arrive as set"),
        ({1.0}, set[int | float], None),
        ({True}, set[int], "value[0]: does not fit its annotation: Expected `int`, got `bool`"),
        ({(1, True)}, set[tuple[Any, Any]], None),
        ({1: "a"}, dict[date, str], "value: does not fit its annotation in a key: Invalid RFC3339 encoded date"),
        ({"1": "a"}, dict[int, str], 'value["1"] (key): is of type str and would arrive as int'),
        ({1: "a", "1": "b"}, dict[int | str, str], "value: would arrive with more or fewer items"),
        ({1: 2}, Line, "value: does not fit its annotation: Object missing required field `sku`"),
        (SpecialLine("a", Decimal(1)), Line, "value: is of type SpecialLine and would arrive as Line"),
        ({"sku": "a", "price": "1"}, Line, "value: is of type dict and would arrive as Line"),
        (Line("a", Decimal(1), (1,)), Line, "value.extra: is of type tuple and would arrive as list"),
        (Line("a", Decimal(1), {1: 2}), Line, "value.extra[1] (key): is of type int and would arrive as str"),
        (Line("a", Decimal(1), {"x": [Level.LOW]}), Line, "value.extra.x[0]: is of type Level and would arrive as int"),
        (Line("a", Decimal(1), [Stranger()]), Line, "value.extra[0]: is of type Stranger, which cannot be stored"),
        (Line("a", Decimal(1), {"x": float("nan")}), Line, "value.extra.x: is a NaN"),
        (Line("a", Decimal(1), ["\0"]), Line, "value.extra[0]: contains a NUL"),
        (Line("a", Decimal(1), {(1, 2): 1}), Line, "value.extra: cannot be stored: Only dicts with str-like"),
        (Line("a", Decimal("NaN")), Line, "value.price: is of type Decimal and would arrive changed"),
        (Order(1, [Line("a", "1")]), Order, "value.lines[0].price: is of type str and would arrive as Decimal"),  # type: ignore[arg-type]
        ({"on": date(2026, 1, 1), "other": 1}, Options, "value: would arrive with more or fewer items"),
        ("abcd", Annotated[str, msgspec.Meta(max_length=3)], "value: does not fit its annotation: Expected `str` of"),
        (5, Stranger, "value: does not fit its annotation: Expected `Stranger`, got `int`"),
        (Stranger(), Stranger, "value: is of type Stranger, which cannot be stored"),
        ([(1, 2)], list[Any], "value[0]: is of type tuple, which JSON does not have"),
    ],
    ids=kind_of,
)
def test_what_its_annotation_would_change_is_refused(value: object, annotation: Any, message: str | None) -> None:
    """1 is not True, 1 is not 1.0, a key is not its text, and a subclass is not its base: the path names the spot."""
    if message is None:
        assert repr(there_and_back(value, annotation)) == repr(value)
    else:
        assert refusal(value, annotation).startswith(message)


@pytest.mark.accepts("C12")
def test_attributes_beside_the_fields_are_not_lost_in_silence() -> None:
    """Except those that the class computes again."""
    line = Line("a", Decimal(1))
    assert line.label == "a 1"
    assert there_and_back(line, Line) == line
    line.__dict__["colour"] = "red"
    assert "has an attribute 'colour' that is no field" in refusal(line, Line)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    "annotation",
    [date | str, list[int] | set[int], Line | Order, Pair, "NotDefined", Callable[..., int], 5, deque[int]],
    ids=kind_of,
)
def test_an_annotation_that_json_cannot_carry_leaves_json_or_nothing(annotation: Any) -> None:
    """What it says cannot travel, instead of arriving as something else."""
    for value in (date(2026, 1, 1), {1}, Line("a", Decimal(1)), Pair.BOTH, deque([1])):
        assert refusal(value, annotation)


def test_an_ambiguous_union_takes_json_values() -> None:
    """`date | str` cannot tell a date from a text, so it takes only the text."""
    assert there_and_back("tomorrow", date | str) == "tomorrow"
    assert "more than one str-like type" in refusal(date(2026, 1, 1), date | str)
    assert "'NotDefined' cannot be resolved" in refusal(date(2026, 1, 1), "NotDefined")


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Any, True),
        (object, True),
        (None, True),
        (int | str | None, True),
        (list, True),
        (list[dict[str, float | None]], True),
        (dict, True),
        (dict[Any, Any], True),
        (Mapping[str, Sequence[int]], True),
        (NewType("Id", int), True),
        (Annotated[int, "a comment"], True),
        (TypeVar("T"), True),
        (TypeVar("D", bound=date), False),
        (dict[int, str], False),
        (list[date], False),
        (tuple[int], False),
        (Literal["a"], False),
        (Annotated[int, msgspec.Meta(ge=0)], False),
        (Line, False),
    ],
    ids=kind_of,
)
def test_plain_annotations_are_known_as_such(annotation: Any, expected: bool) -> None:
    """Their values are JSON as they stand, so that no round trip has to be tried."""
    assert is_plain(annotation) is expected
    assert codec_for(annotation).is_plain is expected


def test_a_plain_annotation_is_no_validation() -> None:
    """It says how a value travels; an int for a float, or a text for an int, arrives as it was sent."""
    assert repr(there_and_back(1, float)) == "1"
    assert there_and_back("42", int) == "42"


def test_an_annotation_that_is_not_hashable_is_used_all_the_same() -> None:
    """Annotated may carry anything."""
    assert there_and_back(date(2026, 1, 1), Annotated[date, ["a list"]]) == date(2026, 1, 1)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type X = …` is newer")
def test_a_type_alias_may_mention_itself() -> None:
    """As the obvious alias for JSON does."""
    scope: dict[str, Any] = {}
    exec("type Json = None | int | list[Json] | dict[str, Json]", scope)  # noqa: S102 - no syntax for Python 3.11
    assert is_plain(scope["Json"])
