"""The arguments of a job as users write them: JSON values, an array of them, or lines of them on standard input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

JSON_BEGINNINGS = tuple('[{"')
"""A word that begins so is meant as JSON, and must then be JSON."""


@dataclass(frozen=True, slots=True)
class CallArguments:
    """What a job is called with."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    line: int | None = None
    """The number of the line of standard input that it was read from."""


def from_words(words: Sequence[str], kwargs: str | None) -> CallArguments:
    """The arguments from the command line.

    Each word is a JSON value if it reads as one, else text. A single word that is a JSON array is the whole list.

    Raises:
        click.UsageError: a word that begins like JSON is none.
    """
    values = [_value(word, f"argument {number}") for number, word in enumerate(words, start=1)]
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    return CallArguments(tuple(values), _object(kwargs) if kwargs is not None else {})


def from_lines(lines: Iterable[str], kwargs: str | None) -> list[CallArguments]:
    """The arguments of one job for each line: a JSON array of arguments, a JSON object of keywords, or one value.

    Raises:
        click.UsageError: a line is no JSON; it is named by its number.
    """
    common = _object(kwargs) if kwargs is not None else {}
    return [_from_line(line, number, common) for number, line in enumerate(lines, start=1) if line.strip()]


def _from_line(line: str, number: int, common: dict[str, Any]) -> CallArguments:
    value = _json(line, f"line {number} of standard input")
    if isinstance(value, dict):
        return CallArguments((), common | value, number)
    return CallArguments(tuple(value) if isinstance(value, list) else (value,), common, number)


def _value(word: str, what: str) -> Any:
    if word.startswith(JSON_BEGINNINGS):
        return _json(word, what)
    try:
        return json.loads(word, parse_constant=_refuse_constant)
    except ValueError:
        return word


def _object(text: str) -> dict[str, Any]:
    value = _json(text, "--kwargs")
    if not isinstance(value, dict):
        raise click.UsageError(f"--kwargs must be a JSON object such as '{{\"copy\": true}}', not {text[:60]}")
    return value


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise click.UsageError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise click.UsageError(f"{what} is no JSON ({error}): {text.strip()[:60]}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is a number that JSON does not have")
