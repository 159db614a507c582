"""Which statements a database was sent, and how long each took there, from the server's log."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from psycopg import sql

from benchmarks.postgres import Postgres

SETTINGS = {"log_min_duration_statement": "0", "log_parameter_max_length": "0"}
"""All statements, without their parameters, which would fill the disk."""

ENTRY = re.compile(r"^LOG:  duration: ([\d.]+) ms  (parse|bind|execute|statement)[^:]*: (.*)", re.DOTALL)
START = re.compile(r"^@(\d+) ", re.MULTILINE)
SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Logged:
    """One statement that ran.

    Attributes:
        text: with single spaces, in lower case.
        milliseconds: parsing, planning and running it.
    """

    text: str
    milliseconds: float

    @property
    def is_claim(self) -> bool:
        """Whether it is our workers' claim."""
        return "skip locked" in self.text and "set state = 'executing'" in self.text

    @property
    def is_bracket(self) -> bool:
        """Whether it only opens or ends a transaction."""
        return self.text.split(" ", 1)[0].rstrip(";") in ("begin", "commit", "rollback")


@contextlib.contextmanager
def logged(server: Postgres, url: str) -> Iterator[Callable[[], list[Logged]]]:
    """Log the statements of connections that are opened from now on.

    Yields:
        what gives the statements since the last call.
    """
    name = sql.Identifier(urlsplit(url).path.lstrip("/"))
    for setting, value in SETTINGS.items():
        change = sql.SQL("ALTER DATABASE {} SET {} = {}")
        server.administer(change.format(name, sql.Identifier(setting), sql.Literal(value)))
    position = server.log.stat().st_size

    def read() -> list[Logged]:
        nonlocal position
        with server.log.open("rb") as log:
            log.seek(position)
            content = log.read()
        position += len(content)
        return parsed(content.decode(errors="replace"))

    yield read


def parsed(text: str) -> list[Logged]:
    """The statements in a piece of the server's log; parsing and binding belong to the execution that follows."""
    found: list[Logged] = []
    pending: dict[str, float] = {}
    for process, entry in _entries(text):
        match = ENTRY.match(entry)
        if match is None:
            continue
        milliseconds = pending.pop(process, 0.0) + float(match[1])
        if match[2] in ("parse", "bind"):
            pending[process] = milliseconds
        else:
            found.append(Logged(SPACES.sub(" ", _bare(match[3])).strip().lower(), milliseconds))
    return found


def _entries(text: str) -> Iterator[tuple[str, str]]:
    parts: Sequence[str] = START.split(text)
    yield from zip(parts[1::2], parts[2::2], strict=False)


def _bare(statement: str) -> str:
    """Without the comments that it begins with."""
    return "\n".join(line for line in statement.splitlines() if not line.lstrip().startswith("--"))
