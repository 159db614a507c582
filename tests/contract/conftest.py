"""New databases for the contract suites."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from packhorse.testing.contract.subject import ProducerConnection, Subject
from tests.contract.connections import PostgresProducer, SqliteProducer
from tests.migrated import Create, MigratedPostgres, MigratedSqlite
from tests.opening import open_engine
from tests.servers import PostgresServer

PRODUCERS: dict[str, Callable[[str], ProducerConnection]] = {
    "sqlite": SqliteProducer,
    "postgresql": PostgresProducer,
}
"""The engines under test: one line each."""


@pytest.fixture
def new_subject(engine_name: str, new_migrated_url: Create) -> Callable[[], Subject]:
    """What the suites of `packhorse.testing.contract` ask for: databases that have the schema already."""
    return lambda: subject_at(engine_name, new_migrated_url())


@pytest.fixture
def new_empty_subject(engine_name: str, new_url: Create) -> Callable[[], Subject]:
    """The same for databases that have nothing."""
    return lambda: subject_at(engine_name, new_url())


def subject_at(engine_name: str, url: str) -> Subject:
    """A database and the ways to it."""
    return Subject(open=partial(open_engine, url), connect=partial(PRODUCERS[engine_name], url))


@pytest.fixture
def new_migrated_url(engine_name: str, request: pytest.FixtureRequest) -> Create:
    """Makes a database that has the schema, and returns its address, on each engine in turn."""
    make: Create = request.getfixturevalue(f"new_migrated_{engine_name}_url")
    return make


@pytest.fixture
def new_migrated_sqlite_url(migrated_sqlite: MigratedSqlite, database_folder: Path) -> Create:
    """The address of a file that has the schema already."""
    numbers = itertools.count(1)
    return lambda: migrated_sqlite.create(database_folder / f"{next(numbers)}.db")


@pytest.fixture
def new_migrated_postgresql_url(
    migrated_postgres: MigratedPostgres, postgres_server: PostgresServer
) -> Iterator[Create]:
    """The address of a database that has the schema already, which is dropped after the test."""
    yield from _dropping(postgres_server, migrated_postgres.create)


@pytest.fixture
def new_url(engine_name: str, request: pytest.FixtureRequest) -> Create:
    """Makes an empty database, and returns its address, on each engine in turn."""
    make: Create = request.getfixturevalue(f"new_{engine_name}_url")
    return make


@pytest.fixture
def new_sqlite_url(database_folder: Path) -> Create:
    """The address of a file that does not exist yet."""
    numbers = itertools.count(1)
    return lambda: f"sqlite:///{database_folder / f'{next(numbers)}.db'}"


@pytest.fixture
def new_postgresql_url(postgres_server: PostgresServer) -> Iterator[Create]:
    """The address of an empty database, which is dropped after the test."""
    yield from _dropping(postgres_server, postgres_server.create_database)


def _dropping(server: PostgresServer, create: Create) -> Iterator[Create]:
    made: list[str] = []

    def make() -> str:
        made.append(create())
        return made[-1]

    yield make
    for url in made:
        server.drop_database(url)
