"""What users type, as values: durations, moments, queues with their slots, ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from packhorse.domain.package import Reference

UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.ASCII)
SIZES = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.ASCII)
SLOTS = re.compile(r"\d{1,9}", re.ASCII)
ALL_SLOTS = "*"
"""Stands where the number of slots would, for as many as there are."""


class Integer(click.IntRange):
    """A whole number, with bounds or without; it is refused in plain words."""

    name: str = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number, and refuse one out of range."""
        number = int(click.INT.convert(value, param, ctx))
        least, most = self.min, self.max
        if (least is not None and number < least) or (most is not None and number > most):
            bounds = f"at least {least}" if most is None else f"from {least} to {most}"
            self.fail(f"{number} is not in the range: it must be {bounds}", param, ctx)
        return number


class ProcessCount(Integer):
    """How many worker processes: a number, or `auto` for one for each processor."""

    name: str = "integer|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number, or count the processors."""
        if value == "auto":
            from packhorse.runtime.settings import processors

            value = processors()
        return super().convert(value, param, ctx)


ID: Integer = Integer(min=1, max=2**63 - 1)
"""What the id of a job may be."""


def duration(text: str) -> timedelta:
    """A length of time: `90` (seconds), `250ms`, `30s`, `5m`, `2h`, `1d`.

    Raises:
        click.BadParameter: naming the forms that are understood.
    """
    match = DURATION.fullmatch(text.strip().lower())
    if match is None or match[2] not in UNITS:
        raise click.BadParameter(f"{text!r} is no duration; write 90 (seconds), 250ms, 30s, 5m, 2h or 1d")
    try:
        return timedelta(seconds=float(match[1]) * UNITS[match[2]])
    except OverflowError:
        raise click.BadParameter(f"{text!r} is too long") from None


def duration_between(least: str, most: str) -> Callable[[str], timedelta]:
    """What reads a length of time for an option that takes none shorter or longer than these."""
    shortest, longest = duration(least), duration(most)

    def read(text: str) -> timedelta:
        length = duration(text)
        if not shortest <= length <= longest:
            raise click.BadParameter(f"{text!r} is not in the range: it must be from {least} to {most}")
        return length

    read.__name__ = duration.__name__  # click names the option's type after it
    return read


def size(text: str) -> int:
    """A number of bytes: `512MB`, `1.5GB`; `MiB` and `GiB` are understood, too.

    Raises:
        click.BadParameter: naming the forms that are understood.
    """
    match = SIZE.fullmatch(text.strip().lower())
    if match is None or match[2] not in SIZES or float(match[1]) <= 0:
        raise click.BadParameter(f"{text!r} is no size; write 512MB, 1.5GB, 512MiB or 2GiB")
    return round(float(match[1]) * SIZES[match[2]])


def moment(text: str) -> datetime:
    """A moment with its time zone, in ISO 8601: `2026-12-24T18:00:00+01:00`, `2026-12-24T17:00Z`.

    Raises:
        click.BadParameter: saying what is missing.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no moment; write 2026-12-24T18:00:00+01:00 or 2026-12-24T17:00Z"
        ) from None
    if read.tzinfo is None:
        raise click.BadParameter(f"{text!r} names no time zone; add Z (for UTC) or an offset such as +01:00")
    return read


def record(text: str) -> Reference:
    """A business record, by its type and its key: `order:42`.

    Raises:
        click.BadParameter: one of them is missing.
    """
    from packhorse.domain.package import parsed

    try:
        return parsed(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def queues(text: str) -> dict[str, int | None]:
    """Queues and how many slots each may take, None for as many as there are: `billing:10,mail:5,reports`.

    A queue whose own name has a colon is always followed by its slots: `eu:billing:10`, or `eu:billing:*` for as many
    as there are.

    Raises:
        click.BadParameter: naming the part that is wrong.
    """
    return merged([_queue(part.strip(), text) for part in text.split(",")])


def queues_text(queues: Mapping[str, int | None]) -> str:
    """The queues as one `-q` option says them."""
    return ",".join(_queue_text(name, slots) for name, slots in queues.items())


def merged(queues: Iterable[Mapping[str, int | None]]) -> dict[str, int | None]:
    """The queues of all `-q` options together.

    Raises:
        click.BadParameter: one of them is named twice.
    """
    together: dict[str, int | None] = {}
    for one in queues:
        for name, slots in one.items():
            if name in together:
                raise click.BadParameter(f"queue {name!r} is named twice")
            together[name] = slots
    return together


def priority(text: str) -> int | str:
    """A priority by number or by name.

    Raises:
        click.BadParameter: it is neither.
    """
    from packhorse.domain.order import priority_number
    from packhorse.errors import ConfigurationError

    chosen = int(text) if re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII) else text
    try:
        priority_number(chosen)
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None
    return chosen


def _queue(part: str, text: str) -> dict[str, int | None]:
    name, colon, slots = part.rpartition(":")
    if not colon:
        return {_queue_name(part, text): None}
    return {_queue_name(name, text): _slots(slots, part)}


def _queue_name(name: str, text: str) -> str:
    from packhorse.errors import ConfigurationError
    from packhorse.options import check_queue

    if not name:
        raise click.BadParameter(f"a queue without a name in {text!r}; leave the option out to serve all queues")
    try:
        return check_queue(name)
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None


def _slots(slots: str, part: str) -> int | None:
    if slots == ALL_SLOTS:
        return None
    if not SLOTS.fullmatch(slots):
        raise click.BadParameter(
            f"{slots!r} in {part!r} is no number of slots; write billing:10, or {part}:* if that is the queue's name"
        )
    if int(slots) < 1:
        raise click.BadParameter(f"{part!r} leaves the queue no slot: it needs at least 1 slot, or leave it out")
    return int(slots)


def _queue_text(name: str, slots: int | None) -> str:
    if slots is None:
        return f"{name}:{ALL_SLOTS}" if ":" in name else name
    return f"{name}:{slots}"
