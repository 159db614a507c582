"""Real servers for the tests: PostgreSQL, PgBouncer, and a proxy that cuts connections."""

from tests.servers.cut_proxy import CutProxy
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import ExternalPostgres, LocalPostgres, PostgresServer, find_postgres
from tests.servers.processes import ServerUnavailable

__all__ = [
    "CutProxy",
    "ExternalPostgres",
    "LocalPostgres",
    "PgBouncer",
    "PostgresServer",
    "ServerUnavailable",
    "find_postgres",
]
