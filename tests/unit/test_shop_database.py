"""Where the example shop takes its database from, and what it removes for it."""

import os
from pathlib import Path

import pytest

from shop.database import BadAddress, ShopDatabase, ShopDatabaseError, sqlite_url


@pytest.mark.parametrize(
    "url",
    [
        *("", "shop.db", ":memory:", "mysql://u:secret@host/db", "host=127.0.0.1 password=secret"),
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://tmp/shop.db", "sqlite:///shop.db?mode=ro"),
        *("sqlite:///shop%00.db", "sqlite:////nowhere/at/all/shop.db", f"sqlite:////tmp/{'x' * 300}.db"),
    ],
)
def test_an_address_that_can_be_none_is_refused(url: str) -> None:
    """In one line, and without a password that may be in it."""
    with pytest.raises(BadAddress) as refused:
        ShopDatabase(url)

    assert "secret" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_only_an_ordinary_file_will_do(tmp_path: Path) -> None:
    """A folder, or a device, is neither opened nor removed."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BadAddress, match="is a folder: name a file"):
        ShopDatabase(sqlite_url(tmp_path))
    with pytest.raises(BadAddress, match="is no ordinary file"):
        ShopDatabase(sqlite_url(tmp_path / "pipe"))
    assert (tmp_path / "pipe").is_fifo()


def test_nothing_but_its_own_files_is_removed(tmp_path: Path) -> None:
    """What merely begins with the name of the database belongs to somebody else."""
    for own in ("shop.db-wal", "shop.db-workers.log"):
        (tmp_path / own).write_text("old")
    (tmp_path / "shop.db-packhorse-workers").mkdir()
    (tmp_path / "shop.db-photos").mkdir()
    (tmp_path / "shop.log").write_text("precious")

    ShopDatabase(sqlite_url(tmp_path / "shop.db")).recreate()
    ShopDatabase(sqlite_url(tmp_path / "shop.db")).recreate()

    assert {path.name for path in tmp_path.iterdir()} == {"shop.db", "shop.db-photos", "shop.log"}
    assert (tmp_path / "shop.log").read_text() == "precious"


def test_a_check_before_any_run_says_so_and_makes_nothing(tmp_path: Path) -> None:
    """Not even the file."""
    with pytest.raises(ShopDatabaseError, match="no demo has run on this database yet"):
        ShopDatabase(sqlite_url(tmp_path / "shop.db")).require_tables()

    assert list(tmp_path.iterdir()) == []
