"""`Operations` on SQLite."""

from __future__ import annotations

from packhorse.engines.sql.operations import SqlOperations


class SqliteOperations(SqlOperations):
    """The shared one, with patterns for GLOB: SQLite's LIKE takes no notice of case."""

    def _pattern(self, text: str) -> str:
        return text.replace("[", "[[]")
