"""PgBouncer in transaction mode, in front of a PostgreSQL of the tests."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.rows import dict_row

from tests.servers.processes import (
    ServerUnavailable,
    free_port,
    last_lines,
    server_folder,
    start_as_server_user,
    stop,
)
from tests.waiting import wait_until

# No `ignore_startup_parameters`: a client that relies on start-up options is refused, as in production.
CONFIGURATION = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
admin_users = {user}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
"""


class PgBouncer:
    """A transaction-pooling PgBouncer on a free port.

    Args:
        server_url: an address of the PostgreSQL server behind it.
        pool_size: server connections for each database and user.

    Raises:
        ServerUnavailable: the program is missing or does not start; says why.
    """

    def __init__(self, server_url: str, *, pool_size: int = 20) -> None:
        program = find_pgbouncer()
        self.port = free_port()
        self._user = urlsplit(server_url).username or ""
        self._folder = server_folder("pgbouncer")
        self._log = self._folder / "pgbouncer.log"
        configuration = self._write_configuration(server_url, pool_size)
        self._process = start_as_server_user(
            [str(program), "--quiet", str(configuration)], self._log, death_signal=signal.SIGTERM
        )
        wait_until(self._answers, timeout=20, what=f"PgBouncer on port {self.port}")

    def url(self, database_url: str) -> str:
        """The address of the same database, by way of this pooler."""
        return urlunsplit(urlsplit(database_url)._replace(netloc=f"{self._user}@127.0.0.1:{self.port}"))

    def show(self, what: str) -> list[dict[str, Any]]:
        """The rows of one of its SHOW commands: pools, clients, servers or stats."""
        with psycopg.connect(self._admin_url, autocommit=True) as console:
            return console.cursor(row_factory=dict_row).execute(f"SHOW {what}".encode()).fetchall()

    def stop(self) -> None:
        """End it and remove its folder."""
        stop(self._process, signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _admin_url(self) -> str:
        return f"postgresql://{self._user}@127.0.0.1:{self.port}/pgbouncer"

    def _write_configuration(self, server_url: str, pool_size: int) -> Path:
        server = urlsplit(server_url)
        (self._folder / "users.txt").write_text(f'"{self._user}" "{server.password or ""}"\n')
        path = self._folder / "pgbouncer.ini"
        path.write_text(
            CONFIGURATION.format(
                host=server.hostname,
                port=server.port or 5432,
                listen_port=self.port,
                folder=self._folder,
                user=self._user,
                pool_size=pool_size,
            )
        )
        return path

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise ServerUnavailable(f"PgBouncer did not start:\n{last_lines(self._log)}")
        try:
            psycopg.connect(self._admin_url, connect_timeout=5, autocommit=True).close()
        except psycopg.OperationalError:
            return False
        return True


def find_pgbouncer() -> Path:
    """The program, from PATH or the folders of system programs.

    Raises:
        ServerUnavailable: it is not installed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])
    if found := shutil.which("pgbouncer", path=path):
        return Path(found)
    raise ServerUnavailable("no pgbouncer found: install it (Debian: apt-get install pgbouncer) or run `make servers`")
