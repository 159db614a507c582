"""The shop's own tables, on SQLite or PostgreSQL, in the database that carries its background jobs too."""

import shutil
import sqlite3
from contextlib import closing
from glob import escape
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

DEFAULT_FILE = Path(__file__).resolve().parents[2] / "build" / "demo" / "shop.db"
SHOP_SCHEMA, PACKHORSE_SCHEMA = "packhorse_demo_shop", "packhorse_demo"
"""On PostgreSQL everything of the demo is in these two schemas; nothing else is touched."""
APPLICATION_ID = 0x53484F50
"""Marks a SQLite file as made by this demo ("SHOP" in ASCII): no other file is ever replaced."""
BUSY_SECONDS = 30.0

MARK_SQLITE = (f"pragma application_id = {APPLICATION_ID}",)
DROP_POSTGRES = (
    "set local lock_timeout = '10s'",
    f"drop schema if exists {PACKHORSE_SCHEMA}, {SHOP_SCHEMA} cascade",
    f"create schema {SHOP_SCHEMA}",
)
TABLES = """
create table shop.orders (
    order_id text primary key,
    customer text not null,
    country text not null,
    ordered_at {moment} not null,
    currency text not null
);
create table shop.lines (
    order_id text not null references shop.orders,
    position integer not null,
    product text not null,
    quantity {amount} not null,
    unit_price {amount} not null,
    discount {amount} not null,
    primary key (order_id, position)
);
create table shop.invoices (
    order_id text not null,
    total {amount} not null,
    currency text not null,
    worker_pid integer not null
);
create index invoices_by_order on shop.invoices (order_id);
create table shop.tax_calls (
    order_id text not null,
    attempt integer not null,
    worker_pid integer not null,
    answered boolean not null
);
create index tax_calls_by_worker on shop.tax_calls (worker_pid);
create table shop.kills (
    worker_pid integer not null
)
"""
"""Nothing makes an invoice unique or ties it to an order: were Packhorse to run a job twice, or one that was rolled
back, the tables would take it, and the audit would find it."""


class ShopDatabaseError(Exception):
    """The database can't be used for the demo; the message says why."""


class BadAddress(ShopDatabaseError):
    """The address is no database's that the shop can use."""


class Connection(Protocol):
    """What the shop needs of a `sqlite3.Connection` or a `psycopg.Connection`."""

    def execute(self, query: Any, params: Any = ..., /) -> Any:
        """Run a statement; returns the driver's cursor."""
        ...

    def commit(self) -> None:
        """Commit."""
        ...

    def rollback(self) -> None:
        """Roll back."""
        ...

    def close(self) -> None:
        """Close; what is not committed is rolled back."""
        ...


class ShopDatabase:
    """Where the shop keeps its tables.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://…`.

    Attributes:
        url: the same; a relative file is resolved, so that it means the same to a process in another folder.
        is_sqlite: which of the two it is.

    Raises:
        BadAddress: it is none of these.
    """

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        if scheme not in {"sqlite", "postgresql", "postgres"} or (scheme == "sqlite" and not rest.strip("/")):
            raise BadAddress(f"the database must be sqlite:///file.db or postgresql://…, not {url!r}")
        self.is_sqlite = scheme == "sqlite"
        self.path = Path(unquote(rest.removeprefix("/"))).absolute()
        self.url = sqlite_url(self.path) if self.is_sqlite else url

    @property
    def driver_error(self) -> type[Exception]:
        """What every error of the driver is."""
        if self.is_sqlite:
            return sqlite3.Error
        import psycopg

        return psycopg.Error

    def connect(self) -> Connection:
        """A plain connection of the driver, as any application opens one.

        Raises:
            ShopDatabaseError: the server can't be reached, or the file not be opened.
        """
        return _connect_sqlite(self.path) if self.is_sqlite else _connect_postgres(self.url)

    def recreate(self) -> None:
        """Make the tables anew, empty; what an earlier demo left in this database goes.

        Raises:
            ShopDatabaseError: the file is not one of this demo's, or the database refuses.
        """
        if self.is_sqlite:
            _remove_old_file(self.path)
        begin = MARK_SQLITE if self.is_sqlite else DROP_POSTGRES
        with closing(self.connect()) as connection:
            try:
                for statement in (*begin, *TABLES.split(";")):
                    connection.execute(self.sql(statement))
                connection.commit()
            except self.driver_error as error:
                raise ShopDatabaseError(f"the shop's tables can't be made: {str(error).strip()}") from error

    def sql(self, text: str) -> str:
        """A statement in the words of this database.

        Args:
            text: says `shop.orders` for a table, `?` for a value, `{amount}` and `{moment}` for a column's type.
        """
        if self.is_sqlite:
            return text.replace("shop.", "shop_").format(amount="text", moment="text")
        return (
            text.replace("shop.", f"{SHOP_SCHEMA}.").replace("?", "%s").format(amount="numeric", moment="timestamptz")
        )


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file."""
    return f"sqlite:///{quote(str(path.absolute()))}"


def _connect_sqlite(path: Path) -> Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level="IMMEDIATE")
        connection.execute("pragma wal_autocheckpoint = 0")  # left to Packhorse, which does it safely with old SQLite
        return connection
    except (OSError, sqlite3.Error) as error:
        raise ShopDatabaseError(f"{path} can't be opened: {error}") from error


def _connect_postgres(url: str) -> Connection:
    import psycopg

    try:
        return psycopg.connect(url, prepare_threshold=None)  # prepared statements would not survive a pooler
    except psycopg.Error as error:
        raise ShopDatabaseError(f"no connection to the database: {str(error).strip()}") from error


def _remove_old_file(path: Path) -> None:
    if not path.exists():
        return
    if path.stat().st_size and _application_id(path) != APPLICATION_ID:
        raise ShopDatabaseError(f"{path} was not made by this demo, which begins with an empty file: name another one")
    for beside in path.parent.glob(f"{escape(path.name)}-*"):
        shutil.rmtree(beside) if beside.is_dir() else beside.unlink()
    path.unlink()


def _application_id(path: Path) -> int | None:
    """Bytes 68 to 71 of a SQLite file (https://www.sqlite.org/fileformat.html), read without opening it as one."""
    with path.open("rb") as file:
        head = file.read(72)
    return int.from_bytes(head[68:72], "big") if head.startswith(b"SQLite format 3\0") else None
