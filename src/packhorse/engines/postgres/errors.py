"""What PostgreSQL and its driver report, in our own errors: what was wrong, where, and what to do."""

from __future__ import annotations

import psycopg

from packhorse.engines.postgres.dialect import LEASE_LOST
from packhorse.errors import (
    DatabaseBusy,
    DatabaseError,
    DatabaseForbidden,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnreachable,
    SchemaMissing,
    SchemaOutdated,
)

_BY_STATE: dict[str, tuple[type[DatabaseError], str]] = {
    "25006": (DatabaseReadOnly, "the server takes no writes: connect to the primary (target_session_attrs=read-write)"),
    "3F000": (SchemaMissing, "there is no Packhorse schema: run `packhorse migrate up`"),
    "40001": (DatabaseBusy, "another transaction was in the way: try again"),
    "40P01": (DatabaseBusy, "another transaction was in the way: try again"),
    "42501": (DatabaseForbidden, "this user lacks a permission: grant it, or connect as the owner of the schema"),
    "42703": (SchemaOutdated, "the schema does not fit this version: run `packhorse migrate up`"),
    "42883": (SchemaMissing, "there is no Packhorse schema: run `packhorse migrate up`"),
    "42P01": (SchemaMissing, "there is no Packhorse schema: run `packhorse migrate up`"),
    "53100": (DatabaseFull, "the server's disk is full; nothing was stored: free some space"),
    "55P03": (DatabaseBusy, "a lock was held for too long by another transaction: try again"),
    "57014": (DatabaseBusy, "the statement took too long and was cancelled: try again"),
}
_BY_CLASS: dict[str, tuple[type[DatabaseError], str]] = {
    "08": (DatabaseUnreachable, "the connection broke"),
    "22": (DatabaseError, "the server can't store this value"),
    "57": (DatabaseUnreachable, "the server is going down or coming up: try again"),
}
_REFUSALS = (
    ("too many connections", "raise the limit, or use a pooler"),
    ("connection slots", "raise max_connections, or use a pooler"),
    ("password", "look at the user and the password in the address"),
    ("pg_hba.conf", "let this user in there, or correct the address"),
    ("does not exist", "create it, or correct the address"),
    ("starting up", "try again"),
    ("shutting down", "try again"),
    ("Is the server running", ""),
)
"""What a server says that refuses a connection, and what to do about it."""
_UNDONE = frozenset({"40001", "40P01", "57P01"})


def is_undone(error: psycopg.Error) -> bool:
    """Whether the server says that nothing took place: a deadlock, a conflict of snapshots, a session ended."""
    return error.sqlstate in _UNDONE


def is_fenced_off(error: DatabaseError) -> bool:
    """Whether it is a fenced acknowledgement's that was refused."""
    return isinstance(error.__cause__, psycopg.Error) and error.__cause__.diag.sqlstate == LEASE_LOST


def is_unreadable(error: DatabaseError) -> bool:
    """Whether the driver can't make a Python value of what the server sent, such as a time that is infinite."""
    cause = error.__cause__
    return isinstance(cause, psycopg.DataError) and cause.sqlstate is None


def is_cut(error: psycopg.Error) -> bool:
    """Whether the connection broke, so that nobody knows what took place."""
    return error.sqlstate is None and isinstance(error, psycopg.OperationalError)


def translated(error: psycopg.Error, address: str) -> DatabaseError:
    """The error of ours that says the same of the server at `address`."""
    message = (error.diag.message_primary or str(error)).strip()
    kind, advice = _kind(error)
    return kind(f"{address}: {message}" + (f"; {advice}" if advice else ""))


def unopenable(error: psycopg.Error, address: str) -> DatabaseError:
    """The same for an error while connecting: the driver gives it no code, so its words are looked at."""
    message = "; ".join(line.strip() for line in str(error).strip().splitlines()).replace(":; ", ": ")
    advice = next((advice for words, advice in _REFUSALS if words in message), "is the server running, and is that it?")
    return DatabaseUnreachable(f"{address}: {message}" + (f"; {advice}" if advice else ""))


def _kind(error: psycopg.Error) -> tuple[type[DatabaseError], str]:
    state = error.sqlstate or ""
    if state in _BY_STATE:
        return _BY_STATE[state]
    if state[:2] in _BY_CLASS:
        return _BY_CLASS[state[:2]]
    if not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return DatabaseUnreachable, "look at the address and whether the server is running"
    return DatabaseError, ""
