"""docs/deferred.md: its code runs as it is written."""

import sys
from pathlib import Path

import pytest

from tests.acceptance.command import CommandLine
from tests.acceptance.test_guide import write_files

PAGE = "docs/deferred.md"
ADDRESS = '"sqlite:///shop.db"'


@pytest.mark.accepts("T1", "T3", "T6", "T20")
def test_the_page_on_deferred_calls_runs_as_it_is_written(
    cli: CommandLine, tmp_path: Path, database_url: str, engine_name: str
) -> None:
    """Each assertion on it holds."""
    address = database_url if engine_name == "postgresql" else "sqlite:///shop.db"
    write_files(PAGE, engine_name, tmp_path)
    models = tmp_path / "models.py"
    models.write_text(models.read_text().replace(ADDRESS, repr(address)))
    migrated = cli("migrate", "up", PACKHORSE_DATABASE_URL=address)
    assert migrated.code == 0, migrated.err
    done = cli.run(
        [sys.executable, "-m", "tests.acceptance.run_page", PAGE, engine_name], PACKHORSE_DATABASE_URL=address
    )
    assert done.code == 0, done.err
