"""What SQLite reports, in our own errors: what was wrong, where, and what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from packhorse.errors import (
    DatabaseBusy,
    DatabaseError,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnreachable,
    NotADatabase,
    SchemaMissing,
    SchemaOutdated,
)

SHARED_MEMORY_BYTES = 32 * 1024
"""What SQLite needs for the index beside the write-ahead log."""

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_KINDS: dict[int, tuple[type[DatabaseError], str]] = {
    sqlite3.SQLITE_BUSY: (
        DatabaseBusy,
        "another connection held the write lock for too long: keep write transactions short, and try again",
    ),
    sqlite3.SQLITE_LOCKED: (DatabaseBusy, "a table is locked by another statement: try again"),
    sqlite3.SQLITE_READONLY: (
        DatabaseReadOnly,
        "the file or its folder takes no writes: give this user write access to both",
    ),
    sqlite3.SQLITE_FULL: (DatabaseFull, "the disk is full; nothing was stored: free some space"),
    sqlite3.SQLITE_NOTADB: (NotADatabase, "the file is no SQLite database: give the path of another one"),
    sqlite3.SQLITE_CANTOPEN: (DatabaseUnreachable, "the file can't be opened: look at its path and permissions"),
    sqlite3.SQLITE_PERM: (DatabaseUnreachable, "access is denied: look at the file's permissions"),
    sqlite3.SQLITE_IOERR: (DatabaseError, "reading or writing failed: look at the disk and at the system's log"),
    sqlite3.SQLITE_CORRUPT: (DatabaseError, "the file is damaged: restore it from a backup"),
}


def is_undecodable(error: sqlite3.Error) -> bool:
    """Whether a row held a text that is no UTF-8; what the statement did is undone with its transaction."""
    return "Could not decode to UTF-8" in str(error)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether trying again is right, because somebody else had a lock."""
    return _code(error) in _BUSY


def translated(error: sqlite3.Error, path: Path) -> DatabaseError:
    """The error of ours that says the same of the file at `path`."""
    message = str(error)
    if "no such table: packhorse_" in message:
        return SchemaMissing(f"{path} has no Packhorse schema: run `packhorse migrate up`")
    if "no such column" in message or "has no column named" in message:
        return SchemaOutdated(f"the schema of {path} does not fit this version ({message}): run `packhorse migrate up`")
    kind, advice = _KINDS.get(_cause(error, path), (DatabaseError, ""))
    return kind(f"{path}: {message}" + (f"; {advice}" if advice else ""))


def unopenable(error: sqlite3.Error, path: Path) -> DatabaseError:
    """The same for an error while the file was being opened, when more can be said."""
    if not path.parent.is_dir():
        return DatabaseUnreachable(f"{path}: the folder {path.parent} does not exist: create it, or correct the path")
    if path.is_dir():
        return NotADatabase(f"{path} is a folder: give the path of a file in it")
    if not os.access(path.parent, os.W_OK):
        return DatabaseReadOnly(
            f"{path}: the folder {path.parent} takes no writes, and SQLite keeps its log beside the file: "
            "give this user write access to both"
        )
    return translated(error, path)


def _cause(error: sqlite3.Error, path: Path) -> int:
    """The code, where SQLite calls a full disk a failure to write one of its auxiliary files."""
    code = _code(error)
    return sqlite3.SQLITE_FULL if code == sqlite3.SQLITE_IOERR and _is_full(path) else code


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < SHARED_MEMORY_BYTES
    except OSError:
        return False


def _code(error: sqlite3.Error) -> int:
    """The primary result code; SQLite keeps it in the lowest byte."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
