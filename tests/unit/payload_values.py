"""The types and the checks that the tests of values as text share."""

import dataclasses
import enum
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, NotRequired, TypedDict
from zoneinfo import ZoneInfo

import msgspec
import pytest

from packhorse.domain.payload import decode_value, encode_value
from packhorse.errors import PayloadError

BERLIN = ZoneInfo("Europe/Berlin")


class Colour(enum.Enum):
    """An enum of texts."""

    RED = "red"


class Level(enum.IntEnum):
    """An enum whose members are integers too."""

    LOW = 1


class Tag(enum.StrEnum):
    """An enum whose members are texts too."""

    NEW = "new"


class Right(enum.IntFlag):
    """Flags that can be combined."""

    READ = 1
    WRITE = 2


class Pair(enum.Enum):
    """An enum that JSON cannot carry."""

    BOTH = (1, 2)


class Point(NamedTuple):
    """A named tuple."""

    x: int
    on: date


class Options(TypedDict):
    """A typed dict."""

    on: date
    note: NotRequired[str]


class Text(str):
    """A text with a type of its own."""

    __slots__ = ()


@dataclasses.dataclass
class Line:
    """A dataclass."""

    sku: str
    price: Decimal
    extra: Any = None

    @cached_property
    def label(self) -> str:
        """Computed, and then kept beside the fields."""
        return f"{self.sku} {self.price}"


@dataclasses.dataclass
class SpecialLine(Line):
    """A subclass, which its base class's annotation does not promise."""


@dataclasses.dataclass
class Order:
    """A dataclass of dataclasses."""

    id: int
    lines: list[Line]
    by_day: dict[date, Line] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Upper:
    """A dataclass that changes what it is given."""

    text: str

    def __post_init__(self) -> None:
        self.text += "!"


@dataclasses.dataclass
class Picky:
    """A dataclass that refuses what it is given."""

    text: str

    def __post_init__(self) -> None:
        if self.text == "bad":
            raise KeyError(self.text)


class Parcel(msgspec.Struct, rename="camel"):
    """A struct with other names in its text."""

    sent_on: date


class Stranger:
    """No JSON, and nothing that an annotation can help."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: {}


class NamelessZone(tzinfo):
    """A time zone that tells no offset."""

    def utcoffset(self, _when: datetime | None) -> timedelta | None:
        """None, which makes its datetimes naive though they have a zone."""
        return None

    def dst(self, _when: datetime | None) -> timedelta | None:
        """None as well."""
        return None

    def tzname(self, _when: datetime | None) -> str | None:
        """None as well."""
        return None


def kind_of(value: object) -> str:
    """A short name for a row of a table, the same in every process."""
    return value.__name__ if isinstance(value, type) else type(value).__name__


def there_and_back(value: object, annotation: Any = Any) -> Any:
    """The value that arrives."""
    return decode_value(encode_value(value, annotation), annotation)


def deep(levels: int) -> list[Any]:
    """Lists inside each other, `levels` of them."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def refusal(value: object, annotation: Any = Any, **options: Any) -> str:
    """The message of the error with which a value is refused."""
    with pytest.raises(PayloadError) as caught:
        encode_value(value, annotation, **options)
    return str(caught.value)
