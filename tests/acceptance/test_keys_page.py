"""docs/keys.md: its code runs as it is written, and what it enqueues is run."""

import sys
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import CommandLine
from tests.acceptance.pages import blocks
from tests.acceptance.test_guide import write_files

PAGE = "docs/keys.md"
ADDRESS = '"sqlite:///shop.db"'


@pytest.mark.accepts("C14", "C15", "C16")
def test_the_page_on_keys_runs_as_it_is_written(
    cli: CommandLine, tmp_path: Path, shop: Packhorse, database_url: str, engine_name: str
) -> None:
    """Its assertions hold, its commands work, and a worker runs all that is due."""
    write_files(PAGE, engine_name, tmp_path)
    jobs = tmp_path / "jobs.py"
    jobs.write_text(jobs.read_text().replace(ADDRESS, repr(database_url)))
    done = cli.run(
        [sys.executable, "-m", "tests.acceptance.run_page", PAGE, engine_name], PACKHORSE_DATABASE_URL=database_url
    )
    assert (done.code, done.err) == (0, ""), done.err
    waiting = shop.list_jobs(state=JobState.BLOCKED)[0].id
    for block in blocks(PAGE, "console"):
        for command in block.commands:
            yes = ["--yes"] if " cancel " in command else []
            assert cli(*command.replace(" 4", f" {waiting}").split()[1:], *yes, PACKHORSE_APP="jobs:app").code == 0, (
                command
            )

    assert cli("worker", "--drain", PACKHORSE_APP="jobs:app").code == 0
    counts = {state: count for state, count in shop.count_jobs().items() if count}
    assert counts == {JobState.SUCCEEDED: 13, JobState.CANCELLED: 3, JobState.SCHEDULED: 1}
