"""The classes that an application may give its parameters, and strategies for their values."""

import dataclasses
import enum
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any, NewType
from uuid import UUID

import msgspec
from hypothesis import strategies as st

CustomerId = NewType("CustomerId", int)


class Mode(enum.Enum):
    """An enum of texts."""

    FAST = "fast"
    SLOW = "slow"


class Step(enum.IntEnum):
    """An enum whose members are integers too."""

    ONE = 1
    TWO = 2


class Right(enum.IntFlag):
    """Flags that can be combined."""

    READ = 1
    WRITE = 2


class Rate(enum.Enum):
    """An enum of values that JSON does not have."""

    FULL = Decimal("1.90")
    NONE = None
    EXACT = True


class Invoicing(enum.Enum):
    """An enum with a code beside the value."""

    AT_ONCE = ("I", "at once")
    LATER = ("D", "after delivery")

    @property
    def code(self) -> str:
        """What the database knows it by."""
        return self.value[0]


class Unit(enum.Enum):
    """A member that happens to be called as a code would be."""

    code = "C"
    PIECE = "P"


class OrderId(int):
    """An integer with a type of its own."""


class Sku(str):
    """A text with a type of its own."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True)
class ProductId:
    """A dataclass around an id."""

    value: int


class BoxId(msgspec.Struct, frozen=True):
    """A Struct around an id that is no JSON."""

    uuid: UUID


@dataclasses.dataclass(frozen=True)
class Wish:
    """A dataclass around an enum."""

    mode: Mode


def values() -> st.SearchStrategy[Any]:
    """Values of every type that a parameter can be of."""
    offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    return st.one_of(
        st.none(),
        st.booleans(),
        texts,
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.dates(),
        st.datetimes(timezones=offsets),
        st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000)),
        st.uuids(),
        st.sampled_from([*Mode, *Step, *Rate, *Invoicing, *Unit, *Right, Right(3), Right(0)]),
        st.integers().map(OrderId),
        texts.map(Sku),
        st.integers().map(ProductId),
        st.uuids().map(BoxId),
        st.sampled_from(list(Mode)).map(Wish),
    )


def names() -> st.SearchStrategy[str]:
    """Names that a parameter may have."""
    letters = st.characters(categories=["L", "N", "P"])
    return st.text(letters, min_size=1, max_size=200).filter(lambda name: not name.startswith("packhorse."))
