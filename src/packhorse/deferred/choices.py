"""How a deferred call is to be enqueued: what is said around it, and what is said with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, TypedDict, TypeVar, Unpack

from packhorse.context import Context, find_current
from packhorse.domain.batch import SomeBatch
from packhorse.domain.job import OnDuplicate
from packhorse.errors import ConfigurationError
from packhorse.options import HasId, Options, check_names

T = TypeVar("T")

DEFAULT_BATCH_SIZE: Final = 20
MOST_IN_BATCH: Final = 100_000
_MOMENTS: Final = (("scheduled_at", "delay"), ("expected_at", "expected_in"))
"""Each pair says one thing, as a moment and as a duration from now."""


class CallOptions(TypedDict, total=False):
    """How a deferred call is enqueued; all of it may be left out.

    `scheduled_at` and `expected_at` take durations from now as well. `batch_size` cuts a list of records into calls of
    so many records each; True is the size that was configured. The others are those of `task.using`.
    """

    conn: object
    queue: str
    priority: int | str
    delay: timedelta
    scheduled_at: datetime | timedelta
    expected_in: timedelta
    expected_at: datetime | timedelta
    max_attempts: int
    unique_key: str
    unique_until: Literal["start", "end"]
    on_duplicate: OnDuplicate
    serial_key: str
    group: str
    after: Sequence[HasId | int]
    after_needs: Literal["success", "end"]
    responsible: str
    batch: SomeBatch | int
    batch_size: int | bool | None


class Choice(NamedTuple):
    """What was chosen for a call.

    Attributes:
        conn: the caller's connection; None leaves it to the records.
        batch_size: how many records a job is about at most; None is all of them.
        options: of the enqueue, as `task.using` takes them.
    """

    conn: object | None
    batch_size: int | None
    options: Mapping[str, Any]


class _Block(NamedTuple):
    """What the open blocks of `deferring` say together."""

    context: Context | None
    """The job inside which they were entered: they say nothing about the calls of others, which may run inline here."""
    options: Mapping[str, Any]


_block: ContextVar[_Block | None] = ContextVar("packhorse_deferring", default=None)


@contextmanager
def deferring(**options: Unpack[CallOptions]) -> Iterator[None]:
    """Have the deferred calls that are made inside the block enqueued like this, unless they say otherwise.

        with deferring(queue="mail", scheduled_at=timedelta(minutes=5), batch_size=20):
            Order.__queue__.send(orders)

    It holds in this thread or coroutine, and is no part of what the calls take along: those that run later, or inline,
    and defer calls of their own begin without it. Blocks inside one another add up.

    Args:
        options: see `CallOptions`.

    Raises:
        ConfigurationError: an option is wrong.
    """
    changes = checked(options)
    context, around = find_current(), _block.get()
    before = around.options if around is not None and around.context is context else {}
    token = _block.set(_Block(context, joined(before, changes)))
    try:
        yield
    finally:
        _block.reset(token)


def chosen(configured: int, *said: Mapping[str, Any]) -> Choice:
    """What holds for a call made here, of what is said around it and then of these, the last one winning.

    Args:
        configured: what `batch_size=True` means.
        said: checked options.
    """
    block = _block.get()
    options: dict[str, Any] = dict(block.options) if block is not None and block.context is find_current() else {}
    for more in said:
        options = joined(options, more)
    size = options.pop("batch_size", None)
    return Choice(options.pop("conn", None), configured if size is True else size or None, options)


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, a duration in place of a moment under its own name.

    Raises:
        ConfigurationError: one is unknown or wrong.
    """
    check_names("a deferred call", options, CallOptions.__annotations__)
    given = {name: value for name, value in options.items() if value is not None or name == "batch_size"}
    for moment, duration in _MOMENTS:
        if isinstance(given.get(moment), timedelta):
            if duration in given:
                raise ConfigurationError(f"give {duration} or {moment}, not both")
            given[duration] = given.pop(moment)
    if "batch_size" in given:
        check_batch_size(given["batch_size"])
    Options(**{name: value for name, value in given.items() if name not in ("conn", "batch_size")})
    return given


def joined(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Both, the later one winning, also where it says the same thing in the other way."""
    others = {one: other for pair in _MOMENTS for one, other in (pair, pair[::-1])}
    replaced = {others.get(name) for name in after}
    return {**{name: value for name, value in before.items() if name not in replaced}, **after}


def check_batch_size(size: object) -> None:
    """Whether so many records may be in one call.

    Raises:
        ConfigurationError: they may not.
    """
    if isinstance(size, bool) or size is None:
        return
    if not isinstance(size, int) or not 1 <= size <= MOST_IN_BATCH:
        raise ConfigurationError(f"batch_size must be True or a whole number from 1 to {MOST_IN_BATCH:,}, not {size!r}")


def slices(records: Sequence[T], size: int | None) -> list[Sequence[T]]:
    """The records in order, `size` together; all of them where that is None. No records are no slices."""
    step = size or max(1, len(records))
    return [records[start : start + step] for start in range(0, len(records), step)]
