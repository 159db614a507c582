"""Where SQLite's file is."""

from pathlib import Path

import pytest

from packhorse.engines.sqlite.address import database_path
from packhorse.errors import ConfigurationError


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("sqlite:////var/lib/shop.db", "/var/lib/shop.db"),
        ("sqlite:////var/lib/my%20shop.db", "/var/lib/my shop.db"),
        ("sqlite+aiosqlite:////var/lib/shop.db", "/var/lib/shop.db"),
        ("/var/lib/shop.db", "/var/lib/shop.db"),
        (Path("/var/lib/shop.db"), "/var/lib/shop.db"),
    ],
)
def test_an_absolute_address_is_that_file(address: str | Path, path: str) -> None:
    """Four slashes, a path as text, or a Path."""
    assert database_path(address) == Path(path)


@pytest.mark.parametrize("address", ["sqlite:///shop.db", "shop.db", Path("shop.db")])
def test_a_relative_address_is_resolved_once(
    address: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the folder in which the process is at that moment, whatever folder it goes to later."""
    monkeypatch.chdir(tmp_path)

    assert database_path(address) == tmp_path / "shop.db"


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", ":memory:", "", Path(":memory:")])
def test_a_database_in_memory_is_refused(address: str | Path) -> None:
    """It has no second connection."""
    with pytest.raises(ConfigurationError):
        database_path(address)


@pytest.mark.parametrize(
    "address",
    ["sqlite://host/shop.db", "sqlite:shop.db", "sqlite:/shop.db", "mysql:///shop.db", "sqlite:///shop.db?mode=ro"],
)
def test_another_kind_of_address_is_refused(address: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(ConfigurationError, match=r"sqlite|SQLite"):
        database_path(address)
