"""What holds for every value: it comes back exactly, or it is refused with the path to what would change."""

import contextlib
import dataclasses
import enum
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhorse.domain.payload import decode_value, encode_value
from packhorse.domain.signature import CallSignature, encode_plain_call
from packhorse.domain.strictjson import MAX_DEPTH
from packhorse.errors import PayloadError


class Colour(enum.Enum):
    """An enum of texts."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    """An enum whose members are integers too."""

    LOW = 1
    HIGH = 2


@dataclasses.dataclass(frozen=True)
class Line:
    """A dataclass that can be a dict's value and a set's item."""

    sku: str
    price: Decimal
    level: Level | None


class Parcel(msgspec.Struct, frozen=True):
    """A struct with an open part."""

    sent_at: datetime | None
    note: Any


class Point(NamedTuple):
    """A named tuple."""

    x: int
    on: date


class Window(TypedDict):
    """A typed dict."""

    opens: time
    days: set[int]


# A machine that is busy with other tests is no defect of the code.
unhurried = settings(deadline=None)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers() | st.integers(-(10**40), 10**40)
json_values = st.recursive(
    st.none() | st.booleans() | integers | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)
offsets = st.just(UTC) | st.integers(-1439, 1439).filter(bool).map(lambda m: timezone(timedelta(minutes=m)))
datetimes = st.datetimes(timezones=st.none() | offsets).map(lambda moment: moment.replace(fold=0))
times = st.times(timezones=st.none() | offsets).map(lambda moment: moment.replace(fold=0))
prices = st.decimals(allow_nan=False, allow_infinity=False)
days = st.dates()
hashable_leaves: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, integers),
    (str, texts),
    (date, days),
    (Decimal, prices),
    (UUID, st.uuids()),
    (Colour, st.sampled_from(Colour)),
    (Level, st.sampled_from(Level)),
    (timedelta, st.timedeltas()),
]
leaves: list[tuple[Any, st.SearchStrategy[Any]]] = [
    *hashable_leaves,
    (Any, json_values),
    (bool, st.booleans()),
    (bytes, st.binary(max_size=20)),
    (datetime, datetimes),
    (time, times),
    (Literal["a", 1], st.sampled_from(["a", 1])),
    (Line, st.builds(Line, texts, prices, st.none() | st.sampled_from(Level))),
    (Parcel, st.builds(Parcel, st.none() | datetimes, json_values)),
    (Point, st.builds(Point, integers, days)),
    (Window, st.fixed_dictionaries({"opens": times, "days": st.sets(integers, max_size=3)})),
]
Kind = tuple[Any, st.SearchStrategy[Any]]


@st.composite
def kinds(draw: st.DrawFn, depth: int = 2) -> Kind:
    """An annotation, and a strategy for values of it."""
    kind: Kind = draw(st.sampled_from(leaves))
    if depth == 0 or draw(st.booleans()):
        return kind
    item, items = draw(kinds(depth - 1))
    key, keys = draw(st.sampled_from(hashable_leaves))
    generics: list[Kind] = [
        (list.__class_getitem__(item), st.lists(items, max_size=3)),
        (tuple.__class_getitem__((item, ...)), st.lists(items, max_size=3).map(tuple)),
        (tuple.__class_getitem__((key, item)), st.tuples(keys, items)),
        (dict.__class_getitem__((key, item)), st.dictionaries(keys, items, max_size=3)),
        (item | None, st.none() | items),
        (set.__class_getitem__(key), st.sets(keys, max_size=3)),
        (frozenset.__class_getitem__(key), st.frozensets(keys, max_size=3)),
    ]
    chosen: Kind = draw(st.sampled_from(generics))
    return chosen


@st.composite
def annotated_values(draw: st.DrawFn) -> tuple[Any, Any]:
    """An annotation, and a value of it."""
    annotation, values = draw(kinds())
    return annotation, draw(values)


def print_of(value: Any) -> object:
    """A fingerprint that is equal only for values that are the same; the check of the code under test is another."""
    kind = type(value)
    if isinstance(value, dict):
        return kind, [(print_of(key), print_of(entry)) for key, entry in value.items()]
    if isinstance(value, (list, tuple)):
        return kind, [print_of(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return kind, {repr(print_of(item)) for item in value}
    if dataclasses.is_dataclass(kind) or isinstance(value, msgspec.Struct):
        return kind, [print_of(getattr(value, name)) for name in kind.__annotations__]
    if isinstance(value, float):
        return kind, struct.pack("d", value)
    return kind, repr(value)


@pytest.mark.accepts("C12")
@unhurried
@given(json_values)
def test_every_json_value_comes_back_exactly(value: Any) -> None:
    """Without any annotation, as an argument and as a keyword."""
    args, kwargs = encode_plain_call([value], {"x": value})
    assert kwargs is not None
    assert print_of(decode_value(args)) == print_of([value])
    assert print_of(decode_value(kwargs)) == print_of({"x": value})


@pytest.mark.accepts("C12")
@unhurried
@given(annotated_values())
def test_every_annotated_value_comes_back_exactly(pair: tuple[Any, Any]) -> None:
    """For every type that annotations can name, and for generics of them."""
    annotation, value = pair
    assert print_of(decode_value(encode_value(value, annotation), annotation)) == print_of(value)


@pytest.mark.accepts("C12")
@unhurried
@given(kinds(), annotated_values())
def test_a_value_under_a_foreign_annotation_comes_back_exactly_or_is_refused(kind: Kind, pair: tuple[Any, Any]) -> None:
    """There is no third way: nothing arrives as something else, and no other error is raised."""
    annotation, value = kind[0], pair[1]
    with contextlib.suppress(PayloadError):
        text = encode_value(value, annotation)
        assert print_of(decode_value(text, annotation)) == print_of(value)


forbidden = st.sampled_from(
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        "\0",
        "a\0",
        "\ud800",
        "\udfff!",
        10**4300,
        -(10**4300),
        b"",
        bytearray(b"x"),
        (),
        set(),
        frozenset(),
        Decimal(1),
        date(2026, 1, 1),
        timedelta(1),
        UUID(int=0),
        Colour.RED,
        Level.LOW,
        object(),
        {1: 1},
        {True: 1},
        {None: 1},
        {1.5: 1},
        {"\0": 1},
        {Level.LOW: 1},
        Line("a", Decimal(1), None),
        Point(1, date(2026, 1, 1)),
    ]
)
names = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
steps = st.lists(st.integers(0, 3) | names, max_size=6)


def wrapped(value: Any, path: list[int | str]) -> Any:
    """The value inside lists and dicts, where the path leads to it."""
    for step in reversed(path):
        value = {"x-first": [1], step: value} if isinstance(step, str) else [None] * step + [value]
    return value


@pytest.mark.accepts("C12")
@unhurried
@given(forbidden, steps, st.integers(0, 3))
def test_no_forbidden_value_passes_and_the_path_leads_to_it(value: Any, path: list[int | str], place: int) -> None:
    """Wherever it lies among others."""
    args = (*range(place), wrapped(value, path))
    expected = f"args[{place}]" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in path)
    with pytest.raises(PayloadError) as caught:
        encode_plain_call(args, {})
    assert str(caught.value).startswith(f"{expected}: ")


@pytest.mark.accepts("C12")
@unhurried
@given(st.integers(MAX_DEPTH - 3, MAX_DEPTH + 3), st.data())
def test_exactly_64_levels_pass(levels: int, data: st.DataObject) -> None:
    """Lists and dicts count alike, and every argument for itself."""
    value = wrapped([], data.draw(st.lists(st.just(0) | names, min_size=levels - 1, max_size=levels - 1)))
    if levels <= MAX_DEPTH:
        assert decode_value(encode_plain_call([value], {}).args) == [value]
    else:
        with pytest.raises(PayloadError, match="more than 64 levels"):
            encode_plain_call([value], {})


def plain(first: int, *rest: str, **others: list[int]) -> None:
    """A handler of JSON types."""


def typed(first: date, second: Line | None = None, *rest: Decimal, **others: set[int]) -> None:
    """A handler of other types."""


def loose(first, *rest, **others):  # type: ignore[no-untyped-def]
    """A handler without annotations."""


handlers = st.sampled_from([plain, typed, loose])
stored = st.text() | json_values.map(encode_value) | st.text('[]{}",:0123456789.eE+-tfn\\u \n', max_size=40)


@pytest.mark.accepts("C12")
@unhurried
@given(handlers, stored, st.none() | stored)
def test_a_stored_row_is_read_or_is_a_payload_error(
    handler: Callable[..., None], args: str, kwargs: str | None
) -> None:
    """Whatever the row holds, nothing else is raised, and what is read is a call that fits the handler."""
    with contextlib.suppress(PayloadError):
        read_args, read_kwargs = CallSignature.of(handler).decode(args, kwargs)
        handler(*read_args, **read_kwargs)


@pytest.mark.accepts("C12")
@unhurried
@given(handlers, st.lists(json_values, max_size=3), st.dictionaries(names, json_values, max_size=3))
def test_a_call_comes_back_exactly_or_is_refused(
    handler: Callable[..., None], args: list[Any], kwargs: dict[str, Any]
) -> None:
    """Through the signature too, whether the call fits it or not."""
    signature = CallSignature.of(handler)
    with contextlib.suppress(PayloadError):
        call = signature.encode(tuple(args), kwargs)
        assert print_of(signature.decode(*call)) == print_of((tuple(args), kwargs))
