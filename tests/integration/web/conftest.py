"""The application of jobs behind a web application."""

from collections.abc import Iterator

import pytest

from packhorse import Packhorse
from tests.integration.web.kit import jobs_app


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """With its task `note`, on each engine in turn."""
    made = jobs_app(database_url)
    made.engine.migrate()
    yield made
    made.close()
