"""examples/invoicing: its README is followed word for word, and what it shows is what is printed."""

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import ROOT, CommandLine, packhorse
from tests.acceptance.pages import blocks
from tests.waiting import wait_until

README = "examples/invoicing/README.md"
CHANGING = (
    (r"\d+ (ms|s|min|h|d)\b", "a while"),
    (r"(open +2 of 3 .*ago) +(a while)? +inv", r"\1 inv"),  # the time left, where it can be told already
    (r"(invoice +invoicing +5 +)\d+ ( +a while ago +95)", r"\1n\2"),  # tried again every two seconds
    (r"[ \t]+", " "),
    (r" +$", ""),
)
"""What differs from one time to the next, and by what it is replaced."""
ELLIPSIS = "…\n"


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


def steps() -> Iterator[tuple[list[str], str]]:
    """Each command of the page in words, and what it prints."""
    for block in blocks(README, "console"):
        for step in block.code.split("$ ")[1:]:
            command, _, output = step.partition("\n")
            yield shlex.split(command, comments=True), output


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


def is_shown(printed: str, shown: str) -> bool:
    """Whether that was printed, but for what changes; a line with three dots stands for any."""
    pattern = "(?:.*\n)*?".join(re.escape(one) for one in steady(shown).split(ELLIPSIS))
    return re.fullmatch(pattern, steady(printed)) is not None


def steady(text: str) -> str:
    """The text without what differs each time."""
    for changing, steady in CHANGING:
        text = re.sub(changing, steady, text, flags=re.MULTILINE)
    return text


@pytest.mark.slow
@pytest.mark.accepts("M5", "M11", "M17", "M23")
def test_the_invoicing_example_goes_as_its_readme_tells(reader: CommandLine, url: str) -> None:
    """Every command prints what stands there, the tenant's user is told, and no call was made for nothing."""
    for words, shown in steps():
        follow(reader, words, shown)

    with closing(Packhorse(url)) as app:
        [told] = app.list_jobs(task="invoicing.tell")
        [line] = app.list_log(told.id)
        assert line.message == "to ann of acme: one has failed"
        assert [job.attempt for job in app.list_jobs(task="invoicing.invoice")[:3]] == [1, 1, 2]
        assert not app.list_jobs(state=JobState.FAILED)
