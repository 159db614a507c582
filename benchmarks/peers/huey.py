"""huey on SQLite: a job is deleted before it runs, so a crash loses it (at most once); results off.

`fsync=True` is its documented setting for durability (synchronous FULL). It has no setting for NORMAL, which SQLite
recommends with WAL, only the library's default and OFF; NORMAL is set here on its connections, as users do. One worker
in a process (`-k process -w 1`), which was faster than threads, polling every 5 ms at most. It has no bulk enqueue.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# What it measures is installed in an environment of its own; pyright then takes this file for it.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import Peer, Producer, Sent, payload

LONGEST_POLL = 0.005


class HueyProducer(Producer):
    """One connection."""

    def __init__(self, huey: Any) -> None:
        self._huey = huey
        self._task = huey.task(name="nothing")(_nothing)

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """Call the task."""
        for n in numbers:
            self._task(**payload(n))
            sent(n)

    def bulk(self, numbers: range) -> None:
        """One by one, since it has nothing else, without waiting for the disk: only what comes after is measured."""
        self._huey.storage.conn.execute("pragma synchronous=off")
        self.enqueue(numbers, lambda n: None)


class HueyFull(Peer):
    """huey with synchronous FULL."""

    name = "huey_full"
    requirements = ("huey==3.5.4",)
    settings = "fsync=True (synchronous FULL), results off, one process worker; at most once"
    unfinished = "select exists (select 1 from task)"
    engine = "sqlite"
    synchronous = 2

    def install(self, url: str) -> None:
        """Its tables are made at the first connection."""
        _huey(url, self.synchronous).storage.conn.execute("select 1")

    def producer(self, url: str) -> Producer:
        """One connection, with the same synchronous setting."""
        return HueyProducer(_huey(url, self.synchronous))

    def work(self, url: str, processes: int) -> None:
        """Its consumer, with so many workers."""
        huey = _huey(url, self.synchronous)
        huey.task(name="nothing")(_nothing)
        huey.create_consumer(
            workers=processes,
            worker_type="process",
            initial_delay=LONGEST_POLL,
            max_delay=LONGEST_POLL,
            periodic=False,
            graceful_signal="TERM",
        ).run()

    has_own_fleet = True


class HueyNormal(HueyFull):
    """huey with synchronous NORMAL: the last commits may be lost at a power cut."""

    name = "huey_normal"
    settings = "synchronous NORMAL, results off, one process worker; at most once"
    synchronous = 1


def _huey(url: str, synchronous: int) -> Any:
    from huey import SqliteHuey
    from huey.storage import SqliteStorage

    class Storage(SqliteStorage):  # type: ignore[misc]  # it ships no types
        """Its own storage, with any synchronous setting on each connection."""

        def _create_connection(self) -> Any:
            connection = super()._create_connection()
            connection.execute(f"pragma synchronous={synchronous}")
            return connection

    return SqliteHuey(
        "bench", storage_class=Storage, filename=url.removeprefix("sqlite:///"), results=False, immediate=False
    )


def _nothing(n: int, note: str) -> None:
    handle(n)


PEERS = (HueyFull(), HueyNormal())
