"""New databases for the contract suites."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from packhorse.testing.contract.subject import ProducerConnection, Subject
from tests.contract.connections import PostgresProducer, SqliteProducer
from tests.opening import open_engine
from tests.servers import PostgresServer

PRODUCERS: dict[str, Callable[[str], ProducerConnection]] = {
    "sqlite": SqliteProducer,
    "postgresql": PostgresProducer,
}
"""The engines under test: one line each."""


@pytest.fixture
def new_subject(engine_name: str, new_url: Callable[[], str]) -> Callable[[], Subject]:
    """What the suites of `packhorse.testing.contract` ask for."""

    def make() -> Subject:
        url = new_url()
        return Subject(open=partial(open_engine, url), connect=partial(PRODUCERS[engine_name], url))

    return make


@pytest.fixture
def new_url(engine_name: str, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes an empty database, and returns its address, on each engine in turn."""
    make: Callable[[], str] = request.getfixturevalue(f"new_{engine_name}_url")
    return make


@pytest.fixture
def new_sqlite_url(database_folder: Path) -> Callable[[], str]:
    """The address of a file that does not exist yet."""
    numbers = itertools.count(1)
    return lambda: f"sqlite:///{database_folder / f'{next(numbers)}.db'}"


@pytest.fixture
def new_postgresql_url(postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    """The address of an empty database, which is dropped after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres_server.create_database())
        return made[-1]

    yield make
    for url in made:
        postgres_server.drop_database(url)
