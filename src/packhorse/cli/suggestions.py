"""The commands that messages suggest, so that they can be copied as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import click

PROGRAM = "packhorse"
APP = re.compile(r" -A [\w.]+:\w+")
CALL = re.compile(r"(^ +|[`|&] ?)packhorse (?=[a-z])", re.MULTILINE)
"""Where the reader is told to call a command: at the beginning of an example, or in backticks."""
COMMAND = re.compile(r"`(packhorse (?!worker\b)[^`]+)`")
"""A command in a message, but for the worker: it takes no address."""
WORKER = re.compile(r"`(packhorse worker\b(?![^`]* -A )[^`]*)`")
"""A worker in a message that does not name its application."""
SECRET = re.compile(r"((?:ssl)?password=)[^&]*", re.IGNORECASE)
HIDDEN = "***"


def completed(text: str, words: Sequence[str], app: Callable[[], str]) -> str:
    """The text, with the words at the end of each command in it, and the application at that of a worker."""
    text = WORKER.sub(lambda found: f"`{found[1]} -A {app()}`", text)
    return called(COMMAND.sub(lambda found: f"`{' '.join([found[1], *words])}`", text))


def called(text: str) -> str:
    """The text with the commands in it as the present program is called, such as `manage.py packhorse`.

    One that is not called `packhorse` knows its application, so that none is named.
    """
    context = click.get_current_context(silent=True)
    program = context.find_root().info_name if context else None
    if program in (None, PROGRAM):
        return text
    return CALL.sub(rf"\1{program} ", APP.sub("", text))


def without_password(url: str) -> str:
    """The address with `***` where the password is; in doubt, more is hidden than less."""
    scheme, mark, rest = url.partition("://")
    before, at, place = rest.rpartition("@")
    user, colon, _ = before.partition(":")
    shown = f"{user}{colon}{HIDDEN if colon else ''}{at}{place}"
    return SECRET.sub(rf"\1{HIDDEN}", f"{scheme}{mark}{shown}")
