"""The contract of a peer: how it is installed in a database, filled, and set to work."""

from __future__ import annotations

import abc
import json
from collections.abc import Callable, Iterable
from typing import ClassVar

NOTE = "x" * 64
"""What each job carries beside its number, so that rows have a usual size."""

Sent = Callable[[int], None]
"""Told of each job, by its number, right after its commit."""


def payload(n: int) -> dict[str, object]:
    """What each job carries."""
    return {"n": n, "note": NOTE}


def text(n: int) -> str:
    """The same as JSON, for peers that take bytes or text."""
    return json.dumps(payload(n))


class Unsupported(Exception):
    """The peer has no such thing; the message says what."""


class Producer(abc.ABC):
    """One connection that enqueues; opened before the clock starts, and closed after it has stopped."""

    @abc.abstractmethod
    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """One job after the other, each in a transaction of its own, as fast as `numbers` come."""

    def bulk(self, numbers: range) -> None:
        """All of them, in the fastest way that the peer documents.

        Raises:
            Unsupported: it has none.
        """
        raise Unsupported("no bulk enqueue")

    def flow(self, rate: float, seconds: float) -> int:
        """Enqueue at a steady rate, in small batches, jobs that tell how late they are; how many there were.

        Raises:
            Unsupported: it is not made for a soak.
        """
        raise Unsupported("no flow")

    def close(self) -> None:
        """Let the connection go."""
        return


class Peer(abc.ABC):
    """A queue, with the settings that it is measured with.

    Attributes:
        name: as the results call it.
        requirements: what pip or npm installs into its environment, pinned; empty for our own package.
        settings: what is set and why, for the report.
        unfinished: a query of one boolean: whether jobs are left, running ones included. In SQL, so that the suite can
            ask it without starting the peer.
        engine: `postgresql` or `sqlite`.
        python: the least version that it runs on, if the suite's own may be too old.
        is_node: whether it runs on Node.js, from a script beside its file.
        has_own_fleet: whether one `work` starts all the worker processes; otherwise there is one `work` for each.
    """

    name: ClassVar[str]
    requirements: ClassVar[tuple[str, ...]]
    settings: ClassVar[str]
    unfinished: ClassVar[str]
    engine: ClassVar[str] = "postgresql"
    python: ClassVar[tuple[int, int]] = (3, 11)
    is_node: ClassVar[bool] = False
    has_own_fleet: ClassVar[bool] = False

    @abc.abstractmethod
    def install(self, url: str) -> None:
        """Make its tables in an empty database."""

    @abc.abstractmethod
    def producer(self, url: str) -> Producer:
        """Open a connection that enqueues."""

    @abc.abstractmethod
    def work(self, url: str, processes: int) -> None:
        """Run jobs until SIGTERM; every handler calls `handling.handle` with its number."""


class NodePeer(Peer):
    """One that runs on Node.js: the script beside its file, of the same name, speaks the protocol itself."""

    is_node = True

    def install(self, url: str) -> None:
        """See the script."""
        raise Unsupported(f"{self.name} runs on Node.js")

    def producer(self, url: str) -> Producer:
        """See the script."""
        raise Unsupported(f"{self.name} runs on Node.js")

    def work(self, url: str, processes: int) -> None:
        """See the script."""
        raise Unsupported(f"{self.name} runs on Node.js")
