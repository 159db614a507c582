"""examples/invoicing: its README is followed word for word, and what it shows is what is printed."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import ROOT, CommandLine, packhorse
from tests.acceptance.shown import is_shown, steps
from tests.waiting import wait_until

README = "examples/invoicing/README.md"


@pytest.fixture
def url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the example's tables and its jobs are."""
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'invoicing.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def reader(tmp_path: Path, url: str) -> Iterator[CommandLine]:
    """The reader's shell, in the example's folder."""
    shutil.copy(ROOT / "examples/invoicing/invoicing.py", tmp_path)
    environ = {"PACKHORSE_APP": "invoicing:app", "PACKHORSE_DATABASE_URL": url, "COLUMNS": "120"}
    commands = CommandLine(tmp_path, environ)
    yield commands
    commands.stop_all()


def follow(reader: CommandLine, words: list[str], shown: str) -> None:
    """Type a command; what only looks is typed again until the workers have come as far as the page."""
    program, *rest = words
    if program in {"export", "kill"}:
        return
    if rest[-1:] == ["&"]:
        reader.start("worker")
        return
    command = [*(packhorse() if program == "packhorse" else [sys.executable]), *rest]
    if rest[1:2] in (["list"], ["show"]):
        wait_until(lambda: is_shown(reader.run(command).out, shown), 30, f"{shlex.join(words)} to print\n{shown}")
    else:
        ended = reader.run(command)
        assert is_shown(ended.out, shown), ended


@pytest.mark.slow
@pytest.mark.accepts("M5", "M11", "M17", "M23")
def test_the_invoicing_example_goes_as_its_readme_tells(reader: CommandLine, url: str) -> None:
    """Every command prints what stands there, the tenant's user is told, and no call was made for nothing."""
    for words, shown in steps(README):
        follow(reader, words, shown)

    with closing(Packhorse(url)) as app:
        [told] = app.list_jobs(task="invoicing.tell")
        [line] = app.list_log(told.id)
        assert line.message == "to ann of acme: one has failed"
        assert [job.attempt for job in app.list_jobs(task="invoicing.invoice")[:3]] == [1, 1, 2]
        assert not app.list_jobs(state=JobState.FAILED)
