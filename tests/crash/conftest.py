"""An installed database with a table for effects, and what is needed to look into it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from packhorse import Packhorse


@contextmanager
def connected(database_url: str) -> Iterator[Any]:
    """An autocommit connection of the plain driver."""
    if database_url.startswith("sqlite"):
        import sqlite3

        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=60, isolation_level=None)) as db:
            yield db
    else:
        with psycopg.connect(database_url, autocommit=True) as db:
            yield db


@pytest.fixture
def oracle_url(database_url: str) -> str:
    """The address of a database with a Packhorse schema and the oracle's own table of effects."""
    return install(database_url)


def install(database_url: str) -> str:
    """Make the schema and the oracle's table; the address again."""
    app = Packhorse(database_url)
    app.engine.migrate()
    app.close()
    with connected(database_url) as db:
        db.execute("create table effects (n bigint not null)")
    return database_url


@pytest.fixture
def oracle(oracle_url: str) -> Iterator[Packhorse]:
    """A client of that database; it knows no task, it only enqueues and looks."""
    app = Packhorse(oracle_url)
    yield app
    app.close()


def effects(database_url: str) -> list[int]:
    """What atomic handlers wrote, in order."""
    with connected(database_url) as db:
        return [n for (n,) in db.execute("select n from effects order by n").fetchall()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where logs and traces go."""
    return tmp_path
