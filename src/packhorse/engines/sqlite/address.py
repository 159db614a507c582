"""Where the file is: a path, or `sqlite:///relative.db` and `sqlite:////absolute.db`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from packhorse.errors import ConfigurationError

SCHEME = "sqlite"


def database_path(address: str | Path) -> Path:
    """The file's absolute path; a relative one is resolved here, once, from the working directory.

    Raises:
        ConfigurationError: the address is another database's, or `:memory:`.
    """
    path = address if isinstance(address, Path) else Path(_path_in(address))
    if path.name in {"", ":memory:"}:
        raise ConfigurationError(
            "Packhorse needs a SQLite file: a database in memory has no write-ahead log and no second connection"
        )
    return path.expanduser().absolute()


def _path_in(address: str) -> str:
    scheme, is_url, rest = address.partition("://")
    if not is_url and not address.startswith(f"{SCHEME}:"):
        return address
    if scheme.partition("+")[0] != SCHEME or not rest.startswith("/"):
        raise ConfigurationError(
            f"{address!r} is no SQLite address; write sqlite:///relative.db or sqlite:////absolute.db"
        )
    if "?" in rest:
        raise ConfigurationError(f"{address!r}: a SQLite address takes no options after `?`")
    return unquote(rest[1:])
