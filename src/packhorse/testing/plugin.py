"""The pytest plugin. It imports nothing of the application, and little of ours, before one of its fixtures is used."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.testing.kit import Kit

HOW = (
    'write `app = "shop.jobs:app"` under [tool.packhorse] in pyproject.toml, or a fixture packhorse_app that returns it'
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--packhorse-url`."""
    parser.getgroup("packhorse").addoption(
        "--packhorse-url",
        metavar="URL",
        help="where each test that uses packhorse_kit makes a schema of its own: postgresql://… "
        "(default: a new SQLite file for each test)",
    )


@pytest.fixture
def packhorse_app(pytestconfig: pytest.Config) -> Packhorse:
    """The application under test: the one that the commands find, too. Write a fixture of this name for another."""
    from packhorse.config import Settings

    path = Settings.load(folder=pytestconfig.rootpath).app
    if path is None:
        pytest.fail(f"packhorse_kit does not know the application: {HOW}", pytrace=False)
    return _loaded(path)


@pytest.fixture
def packhorse_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Where the jobs of the test are. Write a fixture of this name to have them beside the application's tables."""
    from packhorse.testing.database import new_file

    url: str | None = pytestconfig.getoption("packhorse_url")
    if url is not None:
        yield url
    else:
        with new_file() as address:
            yield address


@pytest.fixture
def packhorse_kit(packhorse_app: Packhorse, packhorse_url: str) -> Iterator[Kit]:
    """The application's jobs in this test's hands; see `packhorse.testing.Kit`."""
    from packhorse.testing.database import open_kit

    with open_kit(packhorse_app, packhorse_url) as kit:
        yield kit


def _loaded(path: str) -> Packhorse:
    from packhorse.app import Packhorse

    module, _, attribute = path.partition(":")
    found = _found(module, attribute or "app")
    if not isinstance(found, Packhorse):
        pytest.fail(f"packhorse_kit can't use {path}, which is no Packhorse app: {HOW}", pytrace=False)
    return found


def _found(module: str, attribute: str) -> object:
    """What the module has of that name, or None; an error of the module's own code goes on as it is."""
    try:
        found: object = import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        pytest.fail(
            f"packhorse_kit finds no module {error.name!r} on the Python path: {HOW}; "
            'or add its folder with `pythonpath = ["."]` under [tool.pytest.ini_options]',
            pytrace=False,
        )
    for name in attribute.split("."):
        found = getattr(found, name, None)
    return found
