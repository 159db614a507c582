"""The guard against SQLite's WAL-reset bug.

Before 3.51.3 a checkpoint that runs at the very moment at which another connection's commit starts the write-ahead log
anew can lose committed transactions. Where the library has that bug, no connection of ours checkpoints by itself, and
we checkpoint only while we hold the write lock, so that no commit can start the log anew meanwhile.
See docs/decisions for what was considered.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from packhorse.errors import DatabaseError

Version = tuple[int, ...]

FIXED_IN: Version = (3, 51, 3)
BACKPORTED_IN: tuple[Version, ...] = ((3, 50, 7), (3, 44, 6))
WAL_LIMIT = 4 * 1024 * 1024
"""Bytes of write-ahead log above which we checkpoint; what SQLite itself takes by default (1,000 pages)."""
LOOK_AFTER = 256
"""Writes of this process after which it looks at the log's size."""


def needs_guard(version: Version = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite library has the bug."""
    backport = next((fixed for fixed in BACKPORTED_IN if fixed[:2] == version[:2]), None)
    return version < (backport or FIXED_IN)


def remark(version: Version = sqlite3.sqlite_version_info) -> str | None:
    """What an operator should know about this SQLite library, or None."""
    if not needs_guard(version):
        return None
    return (
        f"SQLite {'.'.join(map(str, version))} can lose a commit when two connections write and one checkpoints; "
        "Packhorse keeps its own connections from that, and yours need PRAGMA wal_autocheckpoint = 0. "
        f"Versions from {'.'.join(map(str, FIXED_IN))} on do not have this fault"
    )


def prepare(connection: sqlite3.Connection) -> None:
    """Keep a connection from checkpointing by itself, where the library has the bug."""
    if needs_guard():
        connection.execute("PRAGMA wal_autocheckpoint = 0")


class WalKeeper:
    """Keeps the write-ahead log short where no connection does so by itself.

    Args:
        path: the database file.
        checkpoint: runs one guarded checkpoint.
    """

    def __init__(self, path: Path, checkpoint: Callable[[], None]) -> None:
        self._log = path.with_name(f"{path.name}-wal")
        self._checkpoint = checkpoint
        self._writes = 0
        self._is_needed = needs_guard()

    def note_write(self) -> None:
        """Count a write of this process; now and then look whether the log has grown, even with no worker running."""
        self._writes += 1
        if self._writes % LOOK_AFTER == 0:
            with contextlib.suppress(DatabaseError):  # what was written is written
                self.keep_short()

    def keep_short(self) -> None:
        """Checkpoint if the log has grown above its limit."""
        if self._is_needed and self._size() > WAL_LIMIT:
            self._checkpoint()

    def _size(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0
