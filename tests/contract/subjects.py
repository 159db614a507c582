"""The engines under test: one entry each."""

from collections.abc import Callable
from functools import partial

from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.testing.contract.subject import Subject
from tests.contract.connections import PostgresProducer, SqliteProducer


def sqlite_subject(url: str) -> Subject:
    """SQLite; nothing waits for the disk, since no test here pulls the plug."""
    return Subject(open=partial(SqliteEngine, url, synchronous="OFF"), connect=partial(SqliteProducer, url))


def postgresql_subject(url: str) -> Subject:
    """PostgreSQL."""
    return Subject(open=partial(PostgresEngine, url), connect=partial(PostgresProducer, url))


SUBJECTS: dict[str, Callable[[str], Subject]] = {"sqlite": sqlite_subject, "postgresql": postgresql_subject}
