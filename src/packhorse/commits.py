"""Inline mode: when the jobs that were just enqueued may run, by how their commit can be seen."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module

from packhorse.blocks import OpenBlocks
from packhorse.connection import AnyConnection
from packhorse.context import find_current

log: logging.Logger = logging.getLogger("packhorse")

Run = Callable[[], object]


@dataclass(slots=True)
class Unseen:
    """What one thread enqueued where no commit can be seen."""

    open: list[AnyConnection] = field(default_factory=list)
    """The connections whose transaction was still open when we looked, each of them once."""
    is_due: bool = False
    """Whether another one's transaction has ended since jobs were run."""


class CommitWatch:
    """Runs what is due after each commit that can be seen, in the producer's thread.

    After one that can't be seen it does so at the next call of ours outside a transaction, or at the program's end:
    whatever that comes from, a commit stands.

    Args:
        run: runs every job that is due.
        run_committed: the same, called from a connection's own hook after its commit.
        blocks: tells whether a block of `app.transaction` is open here; nothing is run inside one.
        at_once: whether to run at the enqueue, inside the open transaction; for tests that never commit.
    """

    def __init__(self, run: Run, run_committed: Run, blocks: OpenBlocks, *, at_once: bool = False) -> None:
        self._run = run
        self._run_committed = run_committed
        self._blocks = blocks
        self._at_once = at_once
        self._local = threading.local()
        self._left: set[int] = set()
        """The threads that enqueued something on a connection whose commit can't be seen, and ran nothing since."""
        self._end_of: int | None = None
        """The process at whose end we are called."""

    def enqueued(self, connection: AnyConnection | None) -> None:
        """Jobs were written on the connection, or, with None, in a transaction of their own."""
        if connection is None or not _is_open(connection):
            self._outside_blocks(self._run)
        elif self._at_once:
            self._outside_jobs(self._run_committed)
        elif not connection.on_commit(self._committed):
            self._keep(connection)

    def catch_up(self, connection: AnyConnection | None = None) -> None:
        """Another call of ours, on the caller's connection if one is given: run what was committed meanwhile.

        Nothing is run while a transaction is open, on that connection or on one that jobs wait for.
        """
        unseen = self._unseen
        still_open = [one for one in unseen.open if _is_open(one)]
        unseen.is_due = unseen.is_due or len(still_open) < len(unseen.open)
        unseen.open = still_open
        if not unseen.is_due or still_open or find_current() is not None:
            return
        if connection is None or not _is_open(connection):
            unseen.is_due = False
            self._outside_blocks(self._run)

    def run_due(self) -> None:
        """Somebody waits here for a job that has become due since the commit: a retry, or a delayed one."""
        if find_current() is None and not any(_is_open(one) for one in self._unseen.open):
            self._outside_blocks(self._run)

    def ran(self) -> None:
        """All that was due has run: what ended transactions held needs no other occasion."""
        unseen = self._unseen
        unseen.open = [one for one in unseen.open if _is_open(one)]
        if not unseen.open:
            self._left.discard(threading.get_ident())

    def close(self) -> None:
        """The application is closed: run what was committed meanwhile; the program's end is no occasion any more."""
        self.catch_up()
        self._left.clear()

    def _keep(self, connection: AnyConnection) -> None:
        unseen = self._unseen
        if all(one.raw is not connection.raw for one in unseen.open):
            unseen.open.append(connection)
        self._left.add(threading.get_ident())
        self._watch_end()

    def _watch_end(self) -> None:
        """Be called while threads can still be started, which is before `atexit`, and executors still take work."""
        if self._end_of == os.getpid():
            return
        import_module("concurrent.futures.thread")  # what is registered last is called first
        with suppress(RuntimeError):  # the end has come already
            getattr(threading, "_register_atexit", atexit.register)(self._end)
            self._end_of = os.getpid()

    def _end(self) -> None:
        if not self._left or self._end_of != os.getpid():
            return
        if any(_is_open(one) for one in self._unseen.open):
            log.warning(
                "a transaction that jobs were enqueued in is still open at the program's end: nothing is run inline; "
                "commit it, and call app.run_pending()"
            )
            return
        try:
            self._run()
        except (KeyboardInterrupt, SystemExit):
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the program has ended
            log.warning("jobs could not be run inline at the program's end; app.run_pending() runs them: %s", error)

    def _committed(self) -> None:
        self._outside_blocks(self._run_committed)

    def _outside_blocks(self, run: Run) -> None:
        """Not inside a block of `app.transaction`, which may hold what the jobs need: its end is the next occasion."""
        if self._blocks.find_here() is not None:
            self._unseen.is_due = True
        else:
            self._outside_jobs(run)

    def _outside_jobs(self, run: Run) -> None:
        """Not inside a job: what that enqueues follows it. The producer's commit stands, whatever happens here."""
        if find_current() is not None:
            return
        try:
            run()
        except Exception:
            log.exception("jobs were stored but could not be run inline; the next enqueue or run_pending() runs them")

    @property
    def _unseen(self) -> Unseen:
        unseen: Unseen = self._local.__dict__.setdefault("unseen", Unseen())
        return unseen


def _is_open(connection: AnyConnection) -> bool:
    try:
        return connection.in_transaction()
    except Exception:  # noqa: BLE001 - every driver says in its own way that a connection is closed
        return False
