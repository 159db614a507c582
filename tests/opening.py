"""Engines for the tests, opened by address."""

from pathlib import Path

from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine


def open_engine(url: str) -> SqliteEngine | PostgresEngine:
    """The engine for an address, the way the tests want it: on SQLite it does not wait for the disk."""
    return SqliteEngine(url, synchronous="OFF") if url.startswith("sqlite:") else PostgresEngine(url)


def path_of(sqlite_url: str) -> Path:
    """The file of a SQLite address of the tests."""
    return Path(sqlite_url.removeprefix("sqlite:///"))
