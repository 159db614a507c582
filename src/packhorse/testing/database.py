"""Where the jobs of a test are: a new file, or on a server a schema of the test's own."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from packhorse.app import DJANGO, Packhorse, open_engine
from packhorse.config import Settings
from packhorse.engine import Engine
from packhorse.errors import UsageError
from packhorse.testing.kit import Kit

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only the root of unique folders made by mkdtemp
ROOM = 256 * 1024 * 1024
"""Bytes that it must have free before files go there; containers often give it 64 MB only."""


@runtime_checkable
class HasSchema(Protocol):
    """An engine whose tables lie in a schema, so that each test can have one of its own."""

    def drop_schema(self) -> None:
        """Drop the schema with all that is in it."""
        ...


@contextmanager
def open_kit(app: Packhorse, url: str | None = None) -> Iterator[Kit]:
    """The kit for an application, whose jobs are in a database of the test's own until the block ends.

    Whatever mode the application is in, no job runs there before the test runs it.

    Args:
        app: the application; also one that is in use already.
        url: on a server, where to make a schema for this test, which is dropped at the end; or a SQLite file that holds
            no jobs; by default a new file, in memory where that is possible, and removed at the end.

    Raises:
        UsageError: the file holds jobs, or the application is one of Django.
        DatabaseError: there is no such database, or nothing can be made in it.
    """
    for address in (app.settings.database_url, url):
        if (address or "").startswith(DJANGO):
            raise UsageError(f"the testing kit can't take an application at {address}: docs/django.md shows its tests")
    with new_file() if url is None else nullcontext(url) as address:
        schema = f"packhorse_test_{secrets.token_hex(6)}"
        settings = replace(app.settings, database_url=address, schema=schema, worker="processes")
        with _opened(settings) as engine, app.moved_to(settings, engine):
            kit = Kit(app)
            try:
                yield kit
            finally:
                _leave(kit)


@contextmanager
def new_file() -> Iterator[str]:
    """The address of a SQLite file that does not exist yet, in a folder of its own that is removed at the end."""
    folder = tempfile.mkdtemp(prefix="packhorse-test-", dir=SHARED_MEMORY if _has_room() else None)
    try:
        yield f"sqlite:///{Path(folder) / 'jobs.db'}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room() -> bool:
    try:
        return shutil.disk_usage(SHARED_MEMORY).free > ROOM
    except OSError:
        return False


@contextmanager
def _opened(settings: Settings) -> Iterator[Engine]:
    """The engine with its schema installed, and without a job."""
    engine = _engine(settings)
    try:
        engine.migrate()
        if any(engine.count_jobs().values()):
            raise UsageError(f"{engine.address} holds jobs: give each test a database of its own (packhorse_url)")
        yield engine
    finally:
        engine.close()


def _engine(settings: Settings) -> Engine:
    """The file of a test need not survive a power cut, so nobody waits for the disk."""
    if (settings.database_url or "").startswith("sqlite"):
        from packhorse.engines.sqlite.engine import SqliteEngine

        return SqliteEngine(settings.database_url or "", synchronous="OFF")
    return open_engine(settings)


def _leave(kit: Kit) -> None:
    """Leave the database as it was found."""
    engine = kit.app.engine
    try:
        if isinstance(engine, HasSchema):
            engine.drop_schema()
        elif kit.clock.offset:
            kit.clock.reset()
    finally:
        kit.app.close()
