"""docs/schedules.md: what a reader copies from the page works as it is written."""

import shlex
import sys
from pathlib import Path

import pytest

from tests.acceptance.command import CommandLine
from tests.acceptance.pages import blocks
from tests.acceptance.test_guide import write_files

PAGE = "docs/schedules.md"
TABLES = """
import pytest

@pytest.fixture(autouse=True)
def tables(packhorse_app, packhorse_kit):
    transaction = packhorse_app.engine.begin()
    transaction.execute("create table visit (id integer primary key, expires_at timestamp)")
    transaction.execute("create table purge (what text)")
    transaction.commit()
    yield
    transaction = packhorse_app.engine.begin()
    transaction.execute("drop table visit")
    transaction.execute("drop table purge")
    transaction.commit()
"""
"""What the reader has anyway."""


@pytest.mark.slow
@pytest.mark.accepts("C18", "O9", "M29")
def test_the_page_on_schedules_runs_as_it_is_written(engine_name: str, database_url: str, tmp_path: Path) -> None:
    """Its tests pass, with its applications; its commands do what they say."""
    write_files(PAGE, engine_name, tmp_path)
    (tmp_path / "conftest.py").write_text(TABLES)
    (tmp_path / "pyproject.toml").write_text('[tool.packhorse]\napp = "jobs:app"\n')
    reader = CommandLine(tmp_path, {"PACKHORSE_APP": "jobs:app", "PACKHORSE_DATABASE_URL": database_url})
    url = [] if engine_name == "sqlite" else ["--packhorse-url", database_url]
    tested = reader.run([sys.executable, "-m", "pytest", "-q", *url])
    assert (tested.code, "3 passed" in tested.out) == (0, True), tested.out

    jobs = tmp_path / "jobs.py"
    jobs.write_text(jobs.read_text().replace('"sqlite:///shop.db"', ""))
    assert reader("migrate", "up").code == 0
    assert "schedule jobs.report: new" in reader("schedules", "sync").out
    [commands] = [block.commands for block in blocks(PAGE, "console")]
    for command in commands:
        done = reader.run(["sh", "-c", " ".join([*map(shlex.quote, reader.words()), *command.split(" ")[1:]])])
        assert (done.code, done.err) == (0, ""), done
    assert "jobs.fetch_orders" in reader("schedules", "list").out
