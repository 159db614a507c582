"""Connections as an application has them, for the suites' producers."""

import re
import sqlite3

import psycopg

from packhorse.statement import Row, Statement

PARAMETER = re.compile(r":([A-Za-z_]\w*)")


class SqliteProducer:
    """A connection of the standard library's, in its own mode: the first write begins a transaction."""

    def __init__(self, url: str) -> None:
        self.raw = sqlite3.connect(url.removeprefix("sqlite:///"))

    def run(self, statement: Statement) -> list[Row]:
        """Run a statement of the engine's; its rows."""
        return self.raw.execute(statement.text, statement.params).fetchall()

    def begin_savepoint(self) -> None:
        """Begin a savepoint inside the transaction."""
        self.raw.execute("SAVEPOINT here")

    def undo_savepoint(self) -> None:
        """Undo all since the savepoint."""
        self.raw.execute("ROLLBACK TO here")

    def commit(self) -> None:
        """Commit the transaction."""
        self.raw.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        self.raw.rollback()

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()


class PostgresProducer:
    """A connection of psycopg, in its own mode: the first statement begins a transaction."""

    def __init__(self, url: str) -> None:
        self.raw = psycopg.connect(url)

    def run(self, statement: Statement) -> list[Row]:
        """Run a statement of the engine's; its rows."""
        text = PARAMETER.sub(r"%(\1)s", statement.text.replace("%", "%%"))
        cursor = self.raw.execute(text.encode(), statement.params)
        return list(cursor.fetchall()) if cursor.description else []

    def begin_savepoint(self) -> None:
        """Begin a savepoint inside the transaction."""
        self.raw.execute("SAVEPOINT here")

    def undo_savepoint(self) -> None:
        """Undo all since the savepoint."""
        self.raw.execute("ROLLBACK TO SAVEPOINT here")

    def commit(self) -> None:
        """Commit the transaction."""
        self.raw.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        self.raw.rollback()

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()
