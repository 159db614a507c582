"""A database for a benchmark alone: a new SQLite file, or a new schema beside the user's on PostgreSQL."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from packhorse.app import Packhorse
from packhorse.bench.jobs import make_app
from packhorse.errors import ConfigurationError, DatabaseReadOnly

POSTGRESQL = ("postgresql:", "postgres:")


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where a benchmark works.

    Attributes:
        app: its application, with the schema installed.
        url: the address for the worker processes.
        schema: the PostgreSQL schema; without meaning on SQLite.
    """

    app: Packhorse
    url: str
    schema: str


@contextmanager
def scratch(url: str | None) -> Iterator[Scratch]:
    """Set one up, and remove it at the end however the benchmark ends.

    Args:
        url: on PostgreSQL the database that gets a schema more; on SQLite a file that gets a new one beside it, so
            that the same disk is measured; None is a new file in the system's folder for temporary files.

    Raises:
        ConfigurationError: the address is of another kind.
        DatabaseError: nothing can be created there.
    """
    if url is not None and url.startswith(POSTGRESQL):
        with _schema(url) as made:
            yield made
    elif url is None or url.startswith("sqlite:"):
        with _file(url) as made:
            yield made
    else:
        raise ConfigurationError(
            f"bench measures SQLite and PostgreSQL; {url.partition(':')[0]}: is neither. Give --database-url"
        )


@contextmanager
def _file(url: str | None) -> Iterator[Scratch]:
    parent = Path(tempfile.gettempdir()) if url is None else _folder_of(url)
    folder = parent / f"packhorse-bench-{secrets.token_hex(4)}"
    made = f"sqlite:///{folder / 'bench.db'}"
    app = make_app(made)
    try:
        _make(folder)
        app.engine.installation_id()
        yield Scratch(app, made, app.settings.schema)
    finally:
        app.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _schema(url: str) -> Iterator[Scratch]:
    app = make_app(url, f"packhorse_bench_{secrets.token_hex(4)}")
    try:
        app.engine.migrate()
        yield Scratch(app, url, app.settings.schema)
    finally:
        _drop(app)
        app.close()


def _folder_of(url: str) -> Path:
    app = Packhorse(url, worker="processes")
    folder = Path(app.engine.address).parent
    if not folder.is_dir():
        raise ConfigurationError(f"the folder {folder} does not exist: create it, or correct the address")
    return folder


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise DatabaseReadOnly(
            f"no scratch folder can be made in {folder.parent}: {error.strerror}; "
            "give an address in a folder that takes writes"
        ) from error


def _drop(app: Packhorse) -> None:
    text = files("packhorse.bench").joinpath("queries", "drop_schema.sql").read_text(encoding="utf-8")
    transaction = app.engine.begin()
    try:
        transaction.execute(text.format(schema=f'"{app.settings.schema}"'))
        transaction.commit()
    except BaseException:
        transaction.rollback()
        raise
