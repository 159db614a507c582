"""A PostgreSQL of the suite's own, with durability on and otherwise the server's defaults, on a free port."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from benchmarks.processes import cpu_seconds
from tests.servers.postgres import find_binaries
from tests.servers.processes import (
    ServerUnavailable,
    free_port,
    run_as_server_user,
    server_user,
    start_as_server_user,
    stop,
)

USER = "bench"
START_SECONDS = 60.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "log_line_prefix": "@%p ",
}
"""All that differs from the server's defaults is the address, and the mark at which the log is taken apart."""

REPORTED = (
    *("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method"),
    *("shared_buffers", "max_wal_size", "checkpoint_timeout", "autovacuum", "max_connections"),
)

_numbers = itertools.count(1)


class Postgres:
    """A running cluster in a temporary folder on disk: `with Postgres() as server:`.

    Args:
        folder: where its data goes; it must be on a disk, not in memory, for the figures to mean anything.

    Raises:
        ServerUnavailable: no binaries were found, or it does not start.
    """

    def __init__(self, folder: Path) -> None:
        self._binaries = find_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="packhorse-bench-postgres-", dir=folder))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._folder / "postgres.log"

    def program(self, name: str) -> str:
        """The path of one of its programs, `pgbench` for one."""
        return str(self._binaries / name)

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{database}"

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The address of a new, empty database, dropped at the end."""
        name = f"bench_{next(_numbers)}"
        self.administer(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield self.url(name)
        finally:
            self.administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def administer(self, statement: sql.SQL | sql.Composed) -> None:
        """Run a statement that must not stand in a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def ask(self, question: str) -> Any:
        """The one value that a query gives in the `postgres` database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            row = connection.execute(question.encode()).fetchone()
        return row[0] if row else None

    def settings(self) -> dict[str, str]:
        """What the results report of its settings."""
        return {name: str(self.ask(f"show {name}")) for name in REPORTED}

    def set(self, name: str, value: str) -> None:
        """Change a setting that needs no restart; `reset` takes it back."""
        self.administer(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        self._reload(name, value)

    def reset(self, name: str) -> None:
        """Take `set` back."""
        self.administer(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
        self._reload(name, SETTINGS.get(name))

    def wal_bytes(self) -> int:
        """How much write-ahead log there has been."""
        return int(self.ask("select pg_current_wal_lsn() - '0/0'"))

    def cpu_seconds(self) -> float:
        """Processor time of all its processes, ended ones included."""
        return cpu_seconds(self._running().pid)

    def stop(self) -> None:
        """Stop it and remove its folder."""
        if self._process is not None:
            stop(self._process, signal.SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self._folder, server_user())
        data = str(self._folder / "data")
        words = [self.program("initdb"), "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]
        run_as_server_user(words)
        words = [self.program("postgres"), "-D", data, "-k", str(self._folder), "-p", str(self._port)]
        for name, value in SETTINGS.items():
            words += ["-c", f"{name}={value}"] if name != "full_page_writes" else []
        self._process = start_as_server_user(words, self.log, death_signal=signal.SIGINT)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._running().poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            time.sleep(0.05)
        raise ServerUnavailable(f"PostgreSQL did not start: {self.log.read_text(errors='replace')[-500:]}")

    def _reload(self, name: str, value: str | None) -> None:
        self.ask("select pg_reload_conf()")
        deadline = time.monotonic() + START_SECONDS
        while value is not None and self.ask(f"show {name}") != value:
            if time.monotonic() > deadline:
                raise ServerUnavailable(f"PostgreSQL did not take {name} = {value}")
            time.sleep(0.05)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was never started"
        return self._process
