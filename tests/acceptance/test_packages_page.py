"""docs/packages.md: its code runs as it is written."""

import sys
from pathlib import Path

from packhorse import Packhorse
from tests.acceptance.command import CommandLine
from tests.acceptance.test_guide import write_files

PAGE = "docs/packages.md"
ADDRESS = '"sqlite:///shop.db"'


def test_the_page_on_packages_runs_as_it_is_written(
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
