"""Where the server is: a libpq connection string, passed on as it is, and how messages name it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from packhorse.errors import ConfigurationError

_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+://")
_TWO_AT = re.compile(r"^[^/?]*://[^/?]*@[^/?]*@")
"""libpq takes all after the first @ for the host, and would tell it: a part of the password."""
_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""What we ask of a connection where the address says nothing: no endless waiting on a network that has gone. Nothing
here is a session setting that a pooler would refuse."""


def connection_string(address: str) -> str:
    """The string for the driver; several hosts and all of libpq's parameters are kept.

    But for the encoding: what an application and its workers tell each other must arrive as it is, so it is UTF-8.

    Raises:
        ConfigurationError: it can't be read. The message does not repeat it, as it may hold a password.
    """
    given = _parameters(address)
    missing = {name: value for name, value in _DEFAULTS.items() if name not in given}
    return make_conninfo(_DRIVER.sub(r"\1://", address), client_encoding="utf8", **missing)


def shown(address: str) -> str:
    """The address for messages: hosts, port and database, and nothing secret."""
    given = _parameters(address)
    hosts = (given.get("host") or given.get("hostaddr") or "localhost").split(",")
    ports = (given.get("port") or "5432").split(",")
    places = [f"{host}:{ports[min(index, len(ports) - 1)]}" for index, host in enumerate(hosts)]
    database = given.get("dbname") or given.get("user") or ""
    return f"postgresql://{','.join(places)}/{database}"


def _parameters(address: str) -> dict[str, str]:
    if _TWO_AT.match(address):
        raise ConfigurationError(
            "the PostgreSQL address has more than one @ before the database: percent-encode an @ in the password "
            "(or in the user) as %40"
        )
    try:
        read = conninfo_to_dict(_DRIVER.sub(r"\1://", address))
    except ProgrammingError:
        read = {"port": "unreadable"}
    parameters = {name: str(value) for name, value in read.items() if value is not None}
    if not _is_plausible(parameters):
        raise ConfigurationError(
            "the PostgreSQL address can't be read; write postgresql://user:password@host:5432/database, "
            "with special characters in the password as %XX"
        )
    return parameters


def _is_plausible(parameters: Mapping[str, str]) -> bool:
    """False when a part of the password may have been taken for a port or a database: libpq's errors would tell it."""
    ports = parameters.get("port", "").split(",")
    return all(port.isdigit() or not port for port in ports) and "@" not in parameters.get("dbname", "")
