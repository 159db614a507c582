"""A bare two-phase loop on PostgreSQL: what is left of a queue when all that makes it one is taken away.

It claims 500 jobs (the most that our workers claim at once) in one transaction, calls the handler for each, and
acknowledges them in another; rows are kept. The driver is ours, psycopg, with prepared statements. No heartbeat, no
threads, no retries, no retention: a limit to compare with, not a competitor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import Peer, Producer, Sent, text
from benchmarks.peers.statements import statement

IDLE_SECONDS = 0.01


class BareProducer(Producer):
    """One psycopg connection."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url, autocommit=True)

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """Not what this peer is for; COPY of one row each."""
        for n in numbers:
            self.bulk(range(n, n + 1))
            sent(n)

    def bulk(self, numbers: range) -> None:
        """COPY."""
        now = datetime.now(UTC)
        with self._connection.cursor() as cursor, cursor.copy(statement("bare_copy").encode()) as copy:
            for n in numbers:
                copy.write_row(("default", "available", 5, now, text(n)))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class BareTwoPhase(Peer):
    """Claim, run, acknowledge, 500 at a time."""

    name = "bare_two_phase"
    requirements = ()
    settings = "a loop of two statements, 500 jobs each, psycopg, handlers called inline, rows kept"
    unfinished = "select exists (select from bare_job where state in ('available', 'executing'))"

    def install(self, url: str) -> None:
        """One table, one index."""
        import psycopg

        with psycopg.connect(url) as connection:
            connection.execute(statement("bare_tables").encode())

    def producer(self, url: str) -> Producer:
        """One connection."""
        return BareProducer(url)

    def work(self, url: str, processes: int) -> None:
        """The loop; SIGTERM ends it as it ends any program."""
        import psycopg

        claim, ack = statement("bare_claim").encode(), statement("bare_ack").encode()
        lease = 0
        with psycopg.connect(url, autocommit=True) as connection:
            while True:
                lease += 1
                rows = connection.execute(claim, (lease,), prepare=True).fetchall()
                for _, args in rows:
                    handle(json.loads(args)["n"])
                connection.execute(ack, ([id for id, _ in rows], lease), prepare=True)
                if not rows:
                    connection.execute(b"select pg_sleep(%s)", (IDLE_SECONDS,))


PEERS = (BareTwoPhase(),)
