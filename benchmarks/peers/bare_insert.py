"""Bare inserts into our own table, with our own driver: the limit of what our producers could reach.

`bare_insert` inserts the same row, one by one in transactions of its own, without the trigger that notifies;
`bare_copy` is COPY into the same table.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from benchmarks.peers.packhorse import OnPostgres
from benchmarks.peers.peer import NOTE, Producer, Sent
from benchmarks.peers.statements import statement


class BareProducer(Producer):
    """One psycopg connection."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url, autocommit=True)

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """A plain INSERT."""
        execute, insert = self._connection.execute, statement("our_insert").encode()
        for n in numbers:
            execute(insert, (_args(n),))
            sent(n)

    def bulk(self, numbers: range) -> None:
        """COPY."""
        now = datetime.now(UTC)
        with self._connection.cursor() as cursor, cursor.copy(statement("our_copy").encode()) as copy:
            for n in numbers:
                copy.write_row(("nothing", "default", "available", 5, now, now, _args(n)))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class BareInsert(OnPostgres):
    """A plain INSERT into our own table, without its trigger."""

    name = "bare_insert"
    settings = "psycopg, one INSERT of the same row in a transaction of its own, no NOTIFY"

    def install(self, url: str) -> None:
        """Our own schema, without the trigger that notifies."""
        import psycopg

        super().install(url)
        with psycopg.connect(url) as connection:
            connection.execute(statement("our_silence").encode())

    def producer(self, url: str) -> Producer:
        """One connection."""
        return BareProducer(url)


class BareCopy(OnPostgres):
    """COPY into our own table, as it is."""

    name = "bare_copy"
    settings = "psycopg, COPY row by row into our own table"

    def producer(self, url: str) -> Producer:
        """One connection."""
        return BareProducer(url)


PEERS = (BareInsert(), BareCopy())


def _args(n: int) -> str:
    return f'[{n},"{NOTE}"]'
