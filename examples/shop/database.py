"""The shop's own tables, on SQLite or PostgreSQL, in the database that carries its background jobs too."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

DEFAULT_FILE = Path(__file__).resolve().parents[2] / "build" / "demo" / "shop.db"
SHOP_SCHEMA, PACKHORSE_SCHEMA = "packhorse_demo_shop", "packhorse_demo"
"""On PostgreSQL everything of the demo is in these two schemas; nothing else is touched."""
APPLICATION_ID = 0x53484F50
"""Marks a SQLite file as made by this demo ("SHOP" in ASCII): no other file is ever replaced."""
BUSY_SECONDS = 30.0
CONNECT_SECONDS = 10
BESIDE = ("-wal", "-shm", "-journal", "-workers.log", "-packhorse-workers")
"""What a demo leaves beside its SQLite file, under the file's name with one of these; only the last one is a folder."""

MARK_SQLITE = (f"pragma application_id = {APPLICATION_ID}",)
DROP_POSTGRES = (
    "set local lock_timeout = '10s'",
    f"drop schema if exists {PACKHORSE_SCHEMA}, {SHOP_SCHEMA} cascade",
    f"create schema {SHOP_SCHEMA}",
)
FIND_SQLITE = "select count(*) from sqlite_master where name = 'shop_kills'"
FIND_POSTGRES = f"select to_regclass('{SHOP_SCHEMA}.kills')"
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
        scheme = url.partition(":")[0]  # the rest may hold a password, which no message repeats
        if scheme not in {"sqlite", "postgresql", "postgres"} or not url.startswith(f"{scheme}://"):
            raise BadAddress("the database's address must be sqlite:///file.db or postgresql://…")
        self.is_sqlite = scheme == "sqlite"
        self.path = _sqlite_path(url) if self.is_sqlite else Path()
        self.url = sqlite_url(self.path) if self.is_sqlite else url

    @property
    def log(self) -> Path:
        """On SQLite: where the workers' log goes, beside the database."""
        return _beside(self.path, "-workers.log")

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
            _make_room(self.path)
        begin = MARK_SQLITE if self.is_sqlite else DROP_POSTGRES
        with closing(self.connect()) as connection:
            try:
                for statement in (*begin, *TABLES.split(";")):
                    connection.execute(self.sql(statement))
                connection.commit()
            except self.driver_error as error:
                raise ShopDatabaseError(f"the shop's tables can't be made: {in_one_line(error)}") from error

    def require_tables(self) -> None:
        """See that a demo has made its tables here, without making anything.

        Raises:
            ShopDatabaseError: none has, or the database refuses.
        """
        nothing = ShopDatabaseError("no demo has run on this database yet: leave out --check to run it")
        if self.is_sqlite and not (self.path.is_file() and _application_id(self.path) == APPLICATION_ID):
            raise nothing
        with closing(self.connect()) as connection:
            if not connection.execute(FIND_SQLITE if self.is_sqlite else FIND_POSTGRES).fetchone()[0]:
                raise nothing

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


def in_one_line(error: Exception) -> str:
    """A driver's message, which may have several."""
    return " ".join(str(error).split())


def _sqlite_path(url: str) -> Path:
    text = unquote(url.removeprefix("sqlite://"))
    if not text.startswith("/") or "?" in text or "\0" in text:
        raise BadAddress(f"{url!r} is no SQLite address: write sqlite:///relative.db or sqlite:////absolute.db")
    path = Path(text[1:]).expanduser().absolute()
    if text.endswith("/") or path.name in {"", ":memory:"}:
        raise BadAddress(f"{url!r} names no file: the shop and its workers need one that they can share")
    _require_place(path)
    return path


def _require_place(path: Path) -> None:
    """The folder must be there (build/demo is made), and the file be one if it is there."""
    if path == DEFAULT_FILE:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.is_dir():
            raise BadAddress(f"{path} is a folder: name a file")
        if path.exists() and not path.is_file():
            raise BadAddress(f"{path} is no ordinary file: name another one")
        if not path.parent.is_dir():
            raise BadAddress(f"there is no folder {path.parent}: make it, or name a file elsewhere")
    except OSError as error:
        raise BadAddress(f"{path} can't be used: {error.strerror}") from error


def _connect_sqlite(path: Path) -> Connection:
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level="IMMEDIATE")
        connection.execute("pragma wal_autocheckpoint = 0")  # left to Packhorse, which does it safely with old SQLite
        return connection
    except sqlite3.Error as error:
        raise ShopDatabaseError(f"{path} can't be opened: {error}") from error


def _connect_postgres(url: str) -> Connection:
    import psycopg

    try:
        # Prepared statements would not survive a pooler.
        return psycopg.connect(url, connect_timeout=CONNECT_SECONDS, prepare_threshold=None)
    except psycopg.Error as error:
        raise ShopDatabaseError(f"no connection to the database: {in_one_line(error)}") from error


def _make_room(path: Path) -> None:
    """Remove what an earlier demo left, and that alone; see that a new file can be made."""
    try:
        if path.exists():
            _remove_old_file(path)
        path.touch()
    except OSError as error:
        raise ShopDatabaseError(f"{path} can't be made anew: {error.strerror}") from error


def _remove_old_file(path: Path) -> None:
    if path.stat().st_size and _application_id(path) != APPLICATION_ID:
        raise ShopDatabaseError(f"{path} was not made by this demo, which begins with an empty file: name another one")
    for ending in BESIDE:
        beside = _beside(path, ending)
        shutil.rmtree(beside) if beside.is_dir() else beside.unlink(missing_ok=True)
    path.unlink()


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _application_id(path: Path) -> int | None:
    """Bytes 68 to 71 of a SQLite file (https://www.sqlite.org/fileformat.html), read without opening it as one."""
    with path.open("rb") as file:
        head = file.read(72)
    return int.from_bytes(head[68:72], "big") if head.startswith(b"SQLite format 3\0") else None
