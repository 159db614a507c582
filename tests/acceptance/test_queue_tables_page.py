"""docs/queue-tables.md: its code runs as it is written."""

import sys
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.acceptance.command import CommandLine
from tests.acceptance.test_guide import write_files

PAGE = "docs/queue-tables.md"
ADDRESS = '"sqlite:///shop.db"'


@pytest.mark.accepts("O2", "O3", "O5")
def test_the_page_on_queue_tables_runs_as_it_is_written(
    cli: CommandLine, tmp_path: Path, shop: Packhorse, database_url: str, engine_name: str
) -> None:
    """Each assertion on it holds."""
    assert shop.queues.list() == []
    write_files(PAGE, engine_name, tmp_path)
    jobs = tmp_path / "jobs.py"
    jobs.write_text(jobs.read_text().replace(ADDRESS, repr(database_url)))
    done = cli.run(
        [sys.executable, "-m", "tests.acceptance.run_page", PAGE, engine_name], PACKHORSE_DATABASE_URL=database_url
    )
    assert done.code == 0, done.err
