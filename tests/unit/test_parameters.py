"""Typed parameters: every value comes back exactly, as the type that the reader wants, or is refused by its name."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Self
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.parameters import (
    Parameter,
    decode_parameters,
    encode_parameters,
    merged,
    merged_equal,
    parameter_of,
    read,
)
from packhorse.domain.sameness import check_same
from packhorse.errors import PayloadError, UsageError
from tests.unit.parameter_values import (
    BoxId,
    CustomerId,
    Invoicing,
    Mode,
    OrderId,
    ProductId,
    Rate,
    Sku,
    Step,
    Wish,
    names,
    values,
)


def stored(**parameters: object) -> dict[str, Parameter]:
    """What comes back of parameters."""
    return decode_parameters(encode_parameters(parameters))


@given(parameters=st.dictionaries(names(), values()))
def test_every_value_comes_back_as_it_was(parameters: dict[str, Any]) -> None:
    """Read as its own type: the same value of the same type, to the last zero, sign and offset."""
    received = decode_parameters(encode_parameters(parameters))

    assert list(received) == list(parameters)
    for name, value in parameters.items():
        check_same(value, read(received[name], type(value)))


@given(parameters=st.dictionaries(names(), values()))
def test_what_was_read_can_be_stored_again(parameters: dict[str, Any]) -> None:
    """Parameters that nobody touched are written as they were, so that a handler may change one of many."""
    text = encode_parameters(parameters)

    assert encode_parameters(decode_parameters(text)) == text


@given(value=values())
def test_a_value_is_plain_when_it_is_stored(value: object) -> None:
    """Without the application's classes it is still of use: an enum's code, the number of an id."""
    parameter = parameter_of("it", value)

    check_same(parameter, decode_parameters(encode_parameters({"it": value}))["it"])
    check_same(parameter.value, parameter_of("it", parameter.value).value)


def test_the_text_is_what_the_page_says() -> None:
    """Other languages may write it."""
    text = encode_parameters(
        {
            "count": 3,
            "name": "x",
            "flag": True,
            "nothing": None,
            "rate": Decimal("1.10"),
            "share": 1.0,
            "day": date(2026, 11, 23),
            "at": datetime(2026, 11, 23, 9, tzinfo=UTC),
            "mode": Mode.FAST,
            "order": OrderId(42),
        }
    )

    assert json.loads(text) == {
        "count": 3,
        "name": "x",
        "flag": True,
        "nothing": None,
        "rate": {"decimal": "1.10"},
        "share": {"float": 1.0},
        "day": {"date": "2026-11-23"},
        "at": {"datetime": "2026-11-23T09:00:00Z"},
        "mode": {"enum": "fast", "of": "Mode"},
        "order": {"id": 42, "of": "OrderId"},
    }


@pytest.mark.parametrize(
    "number", ["1.10", "1E+5", "1E+400", "-0.00", "0E-30", "123456789012345678901234567890.12345678901234567890"]
)
def test_a_decimal_is_exact(number: str) -> None:
    """With its exponent, its sign and its trailing zeros."""
    assert read(stored(rate=Decimal(number))["rate"], Decimal).as_tuple() == Decimal(number).as_tuple()


def test_a_datetime_keeps_its_offset() -> None:
    """As the moment and the offset that it had, not the name of its zone."""
    at = datetime(2026, 7, 1, 9, 30, 0, 7, tzinfo=ZoneInfo("Europe/Berlin"))

    received = stored(at=at)["at"].value

    assert received == at
    assert isinstance(received, datetime)
    assert received.tzinfo == timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "wanted", "result"),
    [
        ("fast", Mode, Mode.FAST),
        (Mode.FAST, str, "fast"),
        (Step.TWO, int, 2),
        (Step.TWO, Step, Step.TWO),
        (True, Rate, Rate.EXACT),
        ("D", Invoicing, Invoicing.LATER),
        (42, OrderId, OrderId(42)),
        (OrderId(42), ProductId, ProductId(42)),
        (ProductId(42), int, 42),
        (CustomerId(42), CustomerId, 42),
        (None, Mode | None, None),
        (Mode.SLOW, Mode | None, Mode.SLOW),
        (42, str | OrderId, OrderId(42)),
        ("slow", Wish, Wish(Mode.SLOW)),
        (None, None, None),
        (Mode.SLOW, Any, "slow"),
    ],
)
def test_a_reader_says_what_it_wants(value: object, wanted: object, result: object) -> None:
    """So classes may be renamed, and come or go, between the enqueue and the run."""
    check_same(result, read(stored(it=value)["it"], wanted))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1, bool),
        (True, int),
        (1, float),
        (1, Decimal),
        ("2026-11-23", date),
        (datetime(2026, 11, 23, tzinfo=UTC), date),
        ("brisk", Mode),
        (1, Rate),
        ("42", OrderId),
        (42, Sku),
        (42, BoxId),
        (None, Mode),
        (1.5, int | str),
    ],
)
def test_a_value_of_another_type_is_not_bent(value: object, wanted: object) -> None:
    """The error names the parameter, what it holds and what was wanted."""
    with pytest.raises(PayloadError, match=r"^parameter 'it': holds .*, which is no "):
        read(stored(it=value)["it"], wanted)


class Text(str):
    """A text that carries more than its letters."""

    __slots__ = ("__dict__",)

    note: str


class Odd(int):
    """An id that can't be made of its number."""

    def __new__(cls, first: int, second: int) -> Self:
        """Of two numbers."""
        return super().__new__(cls, first + second)


@dataclasses.dataclass(frozen=True)
class Doubling:
    """A wrapper that changes what it is given."""

    value: int

    def __post_init__(self) -> None:
        """Change it."""
        object.__setattr__(self, "value", self.value * 2)


@dataclasses.dataclass
class Mutable:
    """Not a value."""

    value: int


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two values."""

    one: int
    two: int


class Day(date):
    """A date of the application's own."""


def noted() -> Text:
    """A text with an attribute."""
    text = Text("x")
    text.note = "lost"
    return text


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ([1], "list"),
        ({}, "dict"),
        (b"x", "bytes"),
        (object(), "object"),
        (datetime(2026, 11, 23), "datetime without a time zone"),  # noqa: DTZ001 - it is refused
        (Day(2026, 11, 23), "Day, which would come back as date"),
        (Decimal("NaN"), "Decimal"),
        (float("nan"), "NaN"),
        (noted(), "Text"),
        (Odd(1, 2), "Odd"),
        (Doubling(1), "changed"),
        (Mutable(1), "Mutable"),
        (Pair(1, 2), "Pair"),
        (ProductId("x"), "holds 'x', which is no int"),  # type: ignore[arg-type] # it is refused
        ("a\0b", "NUL"),
        ("\ud800", "surrogate"),
        pytest.param(10**5000, "digits", id="long"),
    ],
)
def test_what_would_not_come_back_is_refused(value: object, named: str) -> None:
    """Before anything is stored; the error names the parameter and the type, or the reason."""
    with pytest.raises(PayloadError, match=named) as refused:
        encode_parameters({"good": 1, "bad": value})

    assert str(refused.value).startswith("parameter 'bad'")


@pytest.mark.parametrize("wanted", [list, dict[str, int], Mutable, "Mode"])
def test_what_no_parameter_can_be_is_a_mistake_of_the_reader(wanted: object) -> None:
    """It says what can be read."""
    with pytest.raises(UsageError, match="no parameter can be read as"):
        read(Parameter("it", 1), wanted)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201, "packhorse.lock", 7, None])
def test_a_name_is_a_short_printable_text(name: Any) -> None:
    """Names of our own are reserved."""
    with pytest.raises(PayloadError, match="parameter"):
        encode_parameters({name: 1})


def test_parameters_have_a_limit() -> None:
    """As the arguments of a call."""
    with pytest.raises(PayloadError, match=r"^parameters: takes 302 bytes as JSON, more than the 300 allowed"):
        encode_parameters({"x": "y" * 294}, max_bytes=300)


@given(own=st.dictionaries(names(), values()), inherited=st.dictionaries(names(), values()))
def test_own_parameters_override_inherited_ones(own: dict[str, Any], inherited: dict[str, Any]) -> None:
    """Each name has its own value if it has one, else the inherited one."""
    both = merged(own, inherited)

    assert both.keys() == own.keys() | inherited.keys()
    assert all(both[name] is own.get(name, inherited.get(name)) for name in both)


@given(parameters=st.dictionaries(names(), values()), more=st.dictionaries(names(), values()))
def test_equal_values_are_merged(parameters: dict[str, Any], more: dict[str, Any]) -> None:
    """Whether they come from the application or from the database."""
    rest: Mapping[str, Any] = {name: value for name, value in more.items() if name not in parameters}
    again = decode_parameters(encode_parameters({**parameters, **rest}))

    assert encode_parameters(merged_equal(parameters, again)) == encode_parameters({**parameters, **rest})


@pytest.mark.parametrize(
    ("one", "other"), [(1, 2), (1, True), (1, 1.0), (Decimal("1.0"), Decimal("1.00")), (Mode.FAST, "fast"), (None, "")]
)
def test_different_values_are_not_merged(one: object, other: object) -> None:
    """Both are named."""
    with pytest.raises(PayloadError, match="parameter 'it' has two values: ") as refused:
        merged_equal({"it": one, "a": 1}, {"it": other, "b": 2})

    assert "fast" in str(refused.value) or str(refused.value).endswith(f"{one!r} and {other!r}")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "the job's parameters: is stored as something that is not JSON"),
        ("[1]", "the job's parameters: are stored as a list, not as an object"),
        ('{"day": {"date": "tomorrow"}}', "parameter 'day': does not fit"),
        ('{"day": {"moon": 1}}', "parameter 'day': is stored as 'moon', which is unknown here"),
        ('{"day": [1]}', "parameter 'day': is stored as a list"),
        ('{"day": {"enum": 1, "of": 2}}', "parameter 'day': is stored as an object that is no enum"),
        ('{"day": {"datetime": "2026-11-23T00:00:00"}}', "parameter 'day': is of type datetime without a time zone"),
        ('{"rate": {"decimal": "NaN"}}', "parameter 'rate': is of type Decimal and no finite number"),
        ('{"rate": {"float": "1"}}', "parameter 'rate': is stored as a float that is a text"),
        ('{"rate": {"float": 1' + "0" * 400 + "}}", "parameter 'rate': is stored as a float that is out of range"),
    ],
)
def test_a_text_that_cant_be_read_names_the_parameter(text: str, named: str) -> None:
    """It may have been written by hand, by another language, or by a newer version."""
    with pytest.raises(PayloadError) as refused:
        decode_parameters(text)

    assert str(refused.value).startswith(named)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["enum", "id", "of", "date", "float"]), inner),
)


@given(text=st.one_of(st.text(), JSON.map(json.dumps), st.dictionaries(st.text(), JSON).map(json.dumps)))
def test_no_text_is_a_crash(text: str) -> None:
    """Whatever is stored is read, or refused."""
    try:
        parameters = decode_parameters(text)
    except PayloadError:
        return
    assert all(parameter.name == name for name, parameter in parameters.items())
