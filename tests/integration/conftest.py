"""Where `packhorse_kit` has the jobs of a test."""

import pytest


@pytest.fixture
def packhorse_url(database_url: str) -> str:
    """A database of each engine in turn."""
    return database_url
