"""docs/files.md: its code runs as it is written."""

import sys
from pathlib import Path

import pytest

from tests.acceptance.command import CommandLine
from tests.acceptance.test_guide import write_files

PAGE = "docs/files.md"
ADDRESS = '"sqlite:///shop.db"'


@pytest.mark.accepts("O3")
def test_the_page_on_files_runs_as_it_is_written(
    cli: CommandLine, tmp_path: Path, database_url: str, engine_name: str
) -> None:
    """Each assertion on it holds, and `packhorse check` speaks of the folder."""
    write_files(PAGE, engine_name, tmp_path)
    jobs = tmp_path / "jobs.py"
    jobs.write_text(jobs.read_text().replace(ADDRESS, repr(database_url)))
    page = [sys.executable, "-m", "tests.acceptance.run_page", PAGE, engine_name]
    done = cli.run(page, PACKHORSE_DATABASE_URL=database_url)
    assert done.code == 0, done.err
    assert (tmp_path / "files" / "invoices" / "42.txt").read_text() == "Invoice of order 42\n"
    checked = cli("check", "-A", "jobs:app")
    assert (checked.code, ":/" in checked.out, "takes files" in checked.out) == (0, True, True)
    (tmp_path / "files").rename(tmp_path / "away")
    (tmp_path / "files").write_text("in the way")
    refused = cli("check", "-A", "jobs:app")
    assert (refused.code, "no files can be written in" in refused.out) == (2, True)
