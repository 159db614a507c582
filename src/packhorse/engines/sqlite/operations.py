"""`Operations` and `InboxStore` on SQLite."""

from __future__ import annotations

from packhorse.engines.sql.inbox import SqlInbox


class SqliteOperations(SqlInbox):
    """The shared ones, with patterns for GLOB: SQLite's LIKE takes no notice of case."""

    def _pattern(self, text: str) -> str:
        return text.replace("[", "[[]")
