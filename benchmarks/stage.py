"""Where measurements take place: the server, the environments, empty databases, and the peers' commands."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.commands import Command, Started
from benchmarks.environments import Environment
from benchmarks.peers.peer import Peer
from benchmarks.postgres import Postgres
from benchmarks.tally import Tally


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured.

    Attributes:
        name: `full`, `quick`, or `smoke`, which only shows that everything runs.
        share: of the jobs of a full run.
        rounds: how often each case is measured.
        soak_seconds: how long the soak lasts.
    """

    name: str
    share: float
    rounds: int
    soak_seconds: float

    def jobs(self, full: int, least: int = 1000) -> int:
        """How many jobs stand for `full` of them."""
        return max(least, int(full * self.share))


FULL = Scale("full", 1.0, 3, 1800.0)
QUICK = Scale("quick", 0.3, 3, 60.0)
SMOKE = Scale("smoke", 0.01, 1, 15.0)


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a measurement uses.

    Attributes:
        server: the PostgreSQL.
        peers: the peers that can be measured here, by name.
        environments: where they are installed.
        scale: how much is measured.
        folder: on disk, for SQLite files.
        memory: for what must not cost time, such as the counts of workers.
    """

    server: Postgres
    peers: Mapping[str, Peer]
    environments: Mapping[str, Environment]
    scale: Scale
    folder: Path
    memory: Path

    def has(self, name: str) -> bool:
        """Whether the peer can be measured here."""
        return name in self.environments

    def command(self, name: str) -> Command:
        """How to start the peer."""
        return Command(self.peers[name], self.environments[name])

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[str]:
        """The address of an empty database of the peer's engine, with the peer installed, removed at the end."""
        with self._empty(self.peers[name].engine) as url:
            self.command(name).run("install", url)
            yield url

    def settle(self, url: str) -> None:
        """Let the database finish what filling it has left to do, so that nothing of it falls into a measurement."""
        if url.startswith("sqlite"):
            return
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")

    @contextlib.contextmanager
    def workers(
        self, name: str, url: str, processes: int, tally: Tally, variables: Mapping[str, str] | None = None
    ) -> Iterator[Sequence[Started]]:
        """So many worker processes of the peer, ended with the block."""
        peer, command = self.peers[name], self.command(name)
        count, each = (1, processes) if peer.has_own_fleet else (processes, 1)
        given = tally.variables() | dict(variables or {})
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(command.start("work", url, given, processes=each)) for _ in range(count)]

    @contextlib.contextmanager
    def tally(self, starts: int = 0) -> Iterator[Tally]:
        """Where workers count their jobs."""
        folder = Path(tempfile.mkdtemp(prefix="packhorse-bench-", dir=self.memory))
        try:
            yield Tally(folder, starts)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def question(self, name: str, url: str) -> Iterator[Callable[[], bool]]:
        """Asks whether the peer has unfinished jobs, on a connection that stays open."""
        query = self.peers[name].unfinished
        if url.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as file:
                yield lambda: bool(file.execute(query).fetchone()[0])
        else:
            with psycopg.connect(url, autocommit=True) as connection:
                yield lambda: bool((connection.execute(query.encode()).fetchone() or (False,))[0])

    @contextlib.contextmanager
    def _empty(self, engine: str) -> Iterator[str]:
        if engine == "postgresql":
            with self.server.database() as url:
                yield url
        else:
            folder = Path(tempfile.mkdtemp(prefix="packhorse-bench-sqlite-", dir=self.folder))
            try:
                yield f"sqlite:///{folder / 'bench.db'}"
            finally:
                shutil.rmtree(folder, ignore_errors=True)
