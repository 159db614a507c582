"""A bare batched loop on SQLite, WAL and synchronous FULL: 500 jobs a transaction, rows kept; see `bare_two_phase`."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import Peer, Producer, Sent, text
from benchmarks.peers.statements import statement

IDLE_SECONDS = 0.01


class BareProducer(Producer):
    """One connection."""

    def __init__(self, url: str) -> None:
        self._connection = _connect(url)

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """One row in a transaction of its own."""
        for n in numbers:
            self._connection.execute(statement("bare_sqlite_insert"), (time.time_ns(), text(n)))
            sent(n)

    def bulk(self, numbers: range) -> None:
        """`executemany` in one transaction."""
        now = time.time_ns()
        self._connection.execute("begin immediate")
        self._connection.executemany(statement("bare_sqlite_insert"), ((now, text(n)) for n in numbers))
        self._connection.execute("commit")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class BareSqlite(Peer):
    """Claim, run, acknowledge, 500 at a time."""

    name = "bare_sqlite"
    requirements = ()
    settings = "a loop of two transactions, 500 jobs each, synchronous FULL, handlers called inline, rows kept"
    unfinished = "select exists (select 1 from bare_job where state in ('available', 'executing'))"
    engine = "sqlite"

    def install(self, url: str) -> None:
        """One table, one index."""
        with contextlib.closing(_connect(url)) as connection:
            connection.executescript(statement("bare_sqlite_tables"))

    def producer(self, url: str) -> Producer:
        """One connection."""
        return BareProducer(url)

    def work(self, url: str, processes: int) -> None:
        """The loop; SIGTERM ends it as it ends any program."""
        claim, ack = statement("bare_sqlite_claim"), statement("bare_sqlite_ack")
        connection, lease = _connect(url), 0
        while True:
            lease += 1
            connection.execute("begin immediate")
            rows = connection.execute(claim, (lease,)).fetchall()
            connection.execute("commit")
            for _, args in rows:
                handle(json.loads(args)["n"])
            connection.execute("begin immediate")
            connection.execute(ack, (time.time_ns(), json.dumps([id for id, _ in rows]), lease))
            connection.execute("commit")
            if not rows:
                time.sleep(IDLE_SECONDS)


def _connect(url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    return connection


PEERS = (BareSqlite(),)
