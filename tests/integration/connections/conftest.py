"""Every kind of connection, on the engines that it exists for."""

from collections.abc import Iterator

import pytest
from _pytest.mark.structures import ParameterSet

from packhorse import Packhorse
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import DRIVERS, Wired
from tests.integration.connections.wired_django import DJANGO
from tests.integration.connections.wired_sqlalchemy import SQLALCHEMY

KINDS = [(engine, kind) for engine, drivers in DRIVERS.items() for kind in (*drivers, *SQLALCHEMY, *DJANGO)]


def cases(kinds: list[tuple[str, type[Wired]]]) -> list[ParameterSet]:
    """Test cases named after engine and kind, each on its engine."""
    return [
        pytest.param((engine, kind), id=f"{engine}-{kind.__name__}", marks=pytest.mark.engines(engine))
        for engine, kind in kinds
    ]


SEEING = cases([(engine, kind) for engine, kind in KINDS if kind.sees_commits])
"""Those whose adapter can see the end of a transaction that the application ends by itself."""


@pytest.fixture(params=cases(KINDS))
def case(request: pytest.FixtureRequest) -> tuple[str, type[Wired]]:
    """An engine's name and a kind of connection to it."""
    engine, kind = request.param
    return engine, kind


@pytest.fixture
def url(case: tuple[str, type[Wired]], request: pytest.FixtureRequest) -> str:
    """The address of a fresh database on the case's engine."""
    url: str = request.getfixturevalue(f"migrated_{case[0]}_url")
    return url


@pytest.fixture
def shop(url: str) -> Iterator[Shop]:
    """An application with a table of its own and one task, in the case's database."""
    with Shop.opened(Packhorse(url), url) as shop:
        yield shop


@pytest.fixture
def wired(case: tuple[str, type[Wired]], url: str, shop: Shop) -> Iterator[Wired]:
    """The case's connection."""
    wired = case[1](url)
    yield wired
    wired.close()
