"""What the tests of the command line ask for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.acceptance.command import APP, CommandLine
from tests.acceptance.shop_app import make_app
from tests.acceptance.webshop import Project


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[CommandLine]:
    """The command line in an empty folder, where nothing names an application or a database."""
    commands = CommandLine(tmp_path, {})
    yield commands
    commands.stop_all()


@pytest.fixture
def shop_cli(tmp_path: Path, database_url: str) -> Iterator[CommandLine]:
    """The command line with the shop's application, on an empty database of each engine."""
    commands = CommandLine(tmp_path, {"PACKHORSE_APP": APP, "PACKHORSE_DATABASE_URL": database_url})
    yield commands
    commands.stop_all()


@pytest.fixture
def shop(database_url: str) -> Iterator[Packhorse]:
    """The shop's application in this process, its schema installed in the same database."""
    app = make_app(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.fixture
def project(tmp_path: Path, engine_name: str, request: pytest.FixtureRequest) -> Iterator[Project]:
    """The example's Django project, as somebody finds it who has only copied it."""
    url = None if engine_name == "sqlite" else str(request.getfixturevalue("postgresql_url"))
    project = Project(tmp_path, url)
    yield project
    project.stop_all()


@pytest.fixture
def namespace() -> list[str]:
    """The words that start a command in which we may mount, whoever runs the tests."""
    words = ["unshare", "--user", "--map-root-user", "--mount"]
    if os.system(f"{' '.join(words)} true 2>/dev/null") != 0:  # noqa: S605 - fixed words
        pytest.skip("this machine allows no mount namespaces (unshare -rm)")
    return words
