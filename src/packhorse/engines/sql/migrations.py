"""The migrations of a dialect: numbered files that run in order, once each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from packhorse.engines.sql.statements import render

_FILE = re.compile(r"(\d{3})_([a-z0-9_]+)\.sql")
_SUPPORT = re.compile(r"^-- oldest_supported: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a schema to the next.

    Attributes:
        number: its place, from 1.
        name: the file's name without `.sql`.
        oldest_supported: software that knows at least this migration may work with the schema after this one.
        sql: the statements, rendered.
    """

    number: int
    name: str
    oldest_supported: int
    sql: str


def load_migrations(package: str, slots: Mapping[str, str]) -> tuple[Migration, ...]:
    """The migrations in a package's `migrations` folder, in order.

    Raises:
        LookupError: a number is missing or used twice, or a file lacks its `-- oldest_supported:` line.
    """
    found = [
        _migration(match, path.read_text(encoding="utf-8"), slots)
        for path in (files(package) / "migrations").iterdir()
        if (match := _FILE.fullmatch(path.name))
    ]
    migrations = sorted(found, key=lambda migration: migration.number)
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise LookupError(f"the migrations of {package} are not numbered 1 to {len(migrations)}")
    return tuple(migrations)


def _migration(match: re.Match[str], text: str, slots: Mapping[str, str]) -> Migration:
    support = _SUPPORT.search(text)
    if support is None:
        raise LookupError(f"{match[0]} lacks the line `-- oldest_supported: N`")
    return Migration(int(match[1]), match[0].removesuffix(".sql"), int(support[1]), render(text, slots))
