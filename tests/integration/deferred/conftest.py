"""Orders of every kind, on the engines that it exists for."""

from collections.abc import Iterator

import pytest

from tests.integration.deferred.kit import KINDS
from tests.integration.deferred.orders import Orders


@pytest.fixture(
    params=[
        pytest.param((engine, kind), id=f"{engine}-{kind.__name__}", marks=pytest.mark.engines(engine))
        for engine, kinds in KINDS.items()
        for kind in kinds
    ]
)
def case(request: pytest.FixtureRequest) -> tuple[str, type[Orders]]:
    """An engine's name, and a kind of orders on it."""
    engine, kind = request.param
    return engine, kind


@pytest.fixture
def url(case: tuple[str, type[Orders]], request: pytest.FixtureRequest) -> str:
    """The address of a fresh database on the case's engine."""
    url: str = request.getfixturevalue(f"migrated_{case[0]}_url")
    return url


@pytest.fixture
def orders(case: tuple[str, type[Orders]], url: str) -> Iterator[Orders]:
    """Ten orders, and a worker elsewhere."""
    with case[1].opened(url) as orders:
        yield orders


@pytest.fixture
def inline(case: tuple[str, type[Orders]], url: str) -> Iterator[Orders]:
    """Ten orders, and no worker."""
    with case[1].opened(url, worker="inline") as orders:
        yield orders
