"""Inline mode: when the jobs that were just enqueued may run, by how their commit can be seen."""

from __future__ import annotations

import threading
from collections.abc import Callable

from packhorse.connection import AnyConnection
from packhorse.context import find_current


class CommitWatch:
    """Calls `run_pending` after each commit that can be seen, in the producer's thread.

    On a connection whose commit can't be seen it is called at the next call of ours outside a transaction.
    """

    def __init__(self, run_pending: Callable[[], object]) -> None:
        self._run_pending = run_pending
        self._local = threading.local()

    def enqueued(self, connection: AnyConnection | None) -> None:
        """Jobs were written on the connection, or, with None, in a transaction of their own."""
        if connection is None or not _is_open(connection):
            self.run()
        elif not connection.on_commit(self.run):
            self._unseen.append(connection)

    def catch_up(self) -> None:
        """Another call of ours: run what was enqueued on connections whose transaction has ended meanwhile."""
        unseen = self._unseen
        if unseen and not any(_is_open(connection) for connection in unseen):
            unseen.clear()
            self.run()

    def run(self) -> None:
        """Run what is due, unless a job is running here: what it enqueues follows it, never inside it."""
        if find_current() is None:
            self._run_pending()

    @property
    def _unseen(self) -> list[AnyConnection]:
        unseen: list[AnyConnection] = self._local.__dict__.setdefault("unseen", [])
        return unseen


def _is_open(connection: AnyConnection) -> bool:
    try:
        return connection.in_transaction()
    except Exception:  # noqa: BLE001 - every driver says in its own way that a connection is closed
        return False
