"""A stock whose movements are a queue table."""

from collections.abc import Iterator

import pytest

from tests.integration.queuetables.kit import Stock


@pytest.fixture
def stock(migrated_url: str) -> Iterator[Stock]:
    """An application with a queue table, on each engine in turn."""
    with Stock.opened(migrated_url) as stock:
        yield stock
