"""Databases that have the schema already: copies of one that was migrated once, each an installation of its own."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.opening import open_engine
from tests.servers import PostgresServer


class MigratedPostgres:
    """Copies of a database that was migrated once, on the server that a pytest process shares."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._template: str | None = None

    def create(self) -> str:
        """The address of a new copy."""
        if self._template is None:
            self._template = _migrated(self._server.create_database()).rpartition("/")[2]
        url = self._server.create_database(self._template)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("update packhorse.installation set id = gen_random_uuid()::text")
        return url


class MigratedSqlite:
    """Copies of a file that was migrated once."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"

    def create(self, path: Path) -> str:
        """The address of a new copy, in this place."""
        if not self._template.exists():
            _migrated(f"sqlite:///{self._template}")
        shutil.copyfile(self._template, path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("update packhorse_installation set id = ?", (uuid4().hex,))
            connection.commit()
        return f"sqlite:///{path}"


Create = Callable[[], str]
"""Makes a database, and returns its address."""


def _migrated(url: str) -> str:
    with closing(open_engine(url)) as engine:
        engine.migrate()
    return url
