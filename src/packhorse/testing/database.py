"""Where the jobs of a test are: a new file, or on a server a schema of the test's own."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from packhorse.app import Packhorse
from packhorse.backends import DJANGO, open_engine
from packhorse.config import Settings
from packhorse.engine import Engine
from packhorse.errors import DatabaseBusy, UsageError
from packhorse.testing.kit import Kit

__tracebackhide__ = True  # pytest shows the line of the test, not ours

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only the root of unique folders made by mkdtemp
ROOM = 256 * 1024 * 1024
"""Bytes that it must have free before files go there; containers often give it 64 MB only."""

_holders: dict[Packhorse, object] = {}
"""Who has which application: one kit at a time."""


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
        url: on a server, where to make a schema for this test, which is dropped at the end; or a SQLite file that
            Packhorse has not used yet; by default a new file, in memory where that is possible, and removed at the end.

    Raises:
        UsageError: the file has been used, another kit has the application, or it is one of Django; at the end, a
            transaction of the test's own is still open in the schema, which then stays.
        DatabaseError: there is no such database, or nothing can be made in it.
    """
    for address in (app.settings.database_url, url):
        if (address or "").startswith(DJANGO):
            raise UsageError(f"the testing kit can't take an application at {address}: docs/django.md shows its tests")
    with _held(app), new_file() if url is None else nullcontext(url) as address:
        schema = f"packhorse_test_{secrets.token_hex(6)}"
        settings = replace(app.settings, database_url=address, schema=schema, worker="processes")
        with _installed(settings), app.moved_to(settings, _engine(settings)), closing(app):
            kit = Kit(app, settings)
            app.schedules.sync()
            try:
                yield kit
            finally:
                if kit.clock.offset:  # a file may stay where it is
                    kit.clock.reset()


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
def _held(app: Packhorse) -> Iterator[None]:
    """Refuse a second kit: the first to end would give the other one's application back its own database."""
    me = object()
    if _holders.setdefault(app, me) is not me:
        raise UsageError("another kit has this application until its block ends: one at a time, so use that one")
    try:
        yield
    finally:
        del _holders[app]


@contextmanager
def _installed(settings: Settings) -> Iterator[None]:
    """Have the schema there, which was not before; on a server it is dropped at the end.

    By an engine of its own: the application's may have been closed by then, or be at another database.
    """
    with closing(_engine(settings)) as engine:
        if engine.schema_status().current is not None:  # before anything is changed: it may be anybody's
            raise UsageError(
                f"{engine.address} has been used by Packhorse before: give each test a new file (packhorse_url)"
            )
        try:
            engine.migrate()
            yield
        finally:
            if isinstance(engine, HasSchema):
                _drop(engine, settings.schema)


def _drop(engine: HasSchema, schema: str) -> None:
    try:
        engine.drop_schema()
    except DatabaseBusy as error:
        raise UsageError(
            f"schema {schema} is left behind, because a transaction of the test is still open in it: drop it by hand, "
            "and end what the test begins before the kit ends (let the fixture of its connection ask for packhorse_kit)"
        ) from error


def _engine(settings: Settings) -> Engine:
    """The file of a test need not survive a power cut, so nobody waits for the disk."""
    if (settings.database_url or "").startswith("sqlite"):
        from packhorse.engines.sqlite.engine import SqliteEngine

        return SqliteEngine(settings.database_url or "", synchronous="OFF")
    return open_engine(settings)
