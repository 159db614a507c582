"""Why a job could not be written on the caller's connection, said so that the caller knows what to do."""

from __future__ import annotations

from packhorse.connection import AnyConnection
from packhorse.domain.causes import causes
from packhorse.engine import Engine
from packhorse.errors import TransactionNotWritable, UsageError, WrongDatabase

NO_SUCH_SCHEMA = frozenset({"42P01", "3F000"})
"""PostgreSQL: undefined table, invalid schema name."""


def is_foreign(connection: AnyConnection, engine: Engine) -> bool:
    """Whether the connection is to another kind of database."""
    return connection.dialect not in ("", engine.dialect)


def foreign(dialect: str, place: str, engine: Engine) -> WrongDatabase:
    """What to raise for a connection to another kind of database."""
    return WrongDatabase(
        f"conn reaches {place} ({dialect}), but the application's jobs are in {engine.address} ({engine.dialect})"
    )


def nothing_stored(place: str, engine: Engine) -> WrongDatabase:
    """What to raise when the statement ran and stored nothing: its condition names the installation."""
    return WrongDatabase(
        f"conn reaches {place}, which has a Packhorse installation of its own; "
        f"the application's jobs are in {engine.address}; nothing was enqueued"
    )


def find_refusal(error: Exception, place: str, engine: Engine) -> UsageError | None:
    """The error to raise in place of one of the driver's, where we know more; None leaves the driver's own."""
    for cause in causes(error):
        if _is_missing_schema(cause):
            return WrongDatabase(
                f"conn reaches {place}, which has no Packhorse schema; "
                f"the application's jobs are in {engine.address}; nothing was enqueued"
            )
        if getattr(cause, "sqlite_errorname", "") == "SQLITE_BUSY_SNAPSHOT":
            return TransactionNotWritable(
                "this SQLite transaction began with a read, and another one has written since, so it can't write any "
                "more: roll back, and begin transactions that will write with BEGIN IMMEDIATE"
            )
    return None


def _is_missing_schema(error: BaseException) -> bool:
    if getattr(error, "sqlstate", None) in NO_SUCH_SCHEMA:
        return True
    return getattr(error, "sqlite_errorname", "") == "SQLITE_ERROR" and "no such table: packhorse_" in str(error)
