"""docs/queues.md: its code runs as it is written, and its commands do what they say."""

import sys
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.acceptance.command import CommandLine
from tests.acceptance.pages import blocks

PAGE = "docs/queues.md"
ADDRESS = '"sqlite:///shop.db"'


@pytest.mark.accepts("M12", "C17", "T20")
def test_the_page_on_queues_runs_as_it_is_written(
    cli: CommandLine, tmp_path: Path, shop: Packhorse, database_url: str
) -> None:
    """Each assertion on it holds."""
    assert shop.queues.list() == []
    code = "".join(block.code for block in blocks(PAGE, "python") if block.file is None)
    (tmp_path / "page.py").write_text(code.replace(ADDRESS, repr(database_url)))
    done = cli.run([sys.executable, "page.py"])
    assert (done.code, done.err) == (0, ""), done.err


@pytest.mark.accepts("M12", "C17")
def test_the_commands_on_the_page_work(cli: CommandLine, tmp_path: Path, shop: Packhorse, database_url: str) -> None:
    """With the application that the page begins with."""
    assert shop.queues.list() == []
    [application] = [block for block in blocks(PAGE, "python") if block.file == "shop/app.py"]
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "app.py").write_text(application.code.replace(ADDRESS, repr(database_url)))
    for block in blocks(PAGE, "console"):
        for command in block.commands:
            words = command.replace('"', "").split("--reason")
            reason = ["--reason", words[1].strip()] if len(words) > 1 else []
            done = cli(*words[0].split()[1:], *reason, PACKHORSE_APP="shop.app:app")
            assert done.code == 0, done.err
    assert shop.queues.get("mail").settings.slots == 8
