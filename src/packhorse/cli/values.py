"""What users type, as values: durations, moments, queues with their slots, ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import click

UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.ASCII)
QUEUE_WITH_SLOTS = re.compile(r"(?P<name>.+?)(?::(?P<slots>\d{1,9}))?", re.ASCII | re.DOTALL)

ID = click.IntRange(min=1, max=2**63 - 1)
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


def queues(text: str) -> dict[str, int | None]:
    """Queues and how many slots each may take, None for any number: `billing:10,mail:5,reports`.

    Raises:
        click.BadParameter: naming the part that is wrong.
    """
    return dict(_queue(part.strip()) for part in text.split(",") if part.strip())


def queues_text(queues: Mapping[str, int | None]) -> str:
    """The queues as one `-q` option says them."""
    return ",".join(name if slots is None else f"{name}:{slots}" for name, slots in queues.items())


def merged(queues: Iterable[Mapping[str, int | None]]) -> dict[str, int | None]:
    """The queues of all `-q` options together."""
    return {name: slots for one in queues for name, slots in one.items()}


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


def _queue(part: str) -> tuple[str, int | None]:
    from packhorse.errors import ConfigurationError
    from packhorse.options import check_queue

    match = QUEUE_WITH_SLOTS.fullmatch(part)
    assert match is not None  # noqa: S101 - it fits every text that is not empty
    try:
        name = check_queue(match["name"])
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None
    if match["slots"] is None:
        return name, None
    if int(match["slots"]) < 1:
        raise click.BadParameter(f"queue {name!r} needs at least 1 slot; leave it out to not serve it")
    return name, int(match["slots"])
