"""docs/waiting.md: its code runs as it is written."""

import sys
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.acceptance.command import CommandLine
from tests.acceptance.test_guide import write_files

PAGE = "docs/waiting.md"
ADDRESS = '"sqlite:///shop.db"'


@pytest.mark.accepts("M21", "M22")
def test_the_page_on_waiting_runs_as_it_is_written(
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


@pytest.mark.accepts("M22")
def test_packages_are_listed_by_their_correlation_id(cli: CommandLine, shop: Packhorse, database_url: str) -> None:
    """A page of them says how to get the next one."""
    task = shop.work_package(name="shop.post")(lambda package: None)
    ids = [task.package().correlation("import 7").enqueue().id for _ in range(3)]
    task.package().correlation("import 8").enqueue()

    listed = cli("jobs", "list", "--correlation", "import 7", "--json", PACKHORSE_DATABASE_URL=database_url)
    assert [job["id"] for job in listed.json] == ids[::-1]
    page = cli("jobs", "list", "--correlation", "import 7", "--limit", "2", PACKHORSE_DATABASE_URL=database_url)
    assert f"packhorse jobs list --correlation 'import 7' --limit 2 --before {ids[1]}" in page.err
