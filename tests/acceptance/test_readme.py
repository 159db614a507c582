"""The README's blocks, word for word."""

import re
import sys
from pathlib import Path

import pytest

from tests.acceptance.command import ROOT, CommandLine
from tests.acceptance.pages import blocks
from tests.waiting import wait_until

PAGE = "README.md"
LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")
ADDRESS = '"sqlite:///shop.db"'


@pytest.mark.engines("sqlite")
def test_the_first_example_stands_on_the_first_screen() -> None:
    """A reader finds a runnable example within the first 25 lines."""
    first_screen = "\n".join((ROOT / PAGE).read_text().splitlines()[:25])

    assert blocks(PAGE, "python")[0].code.rstrip() in first_screen


@pytest.mark.engines("sqlite")
@pytest.mark.accepts("C2")
def test_the_first_example_runs_as_it_is_written(cli: CommandLine, tmp_path: Path) -> None:
    """The script, the worker, and the look at the job, as the console block under it says."""
    (tmp_path / "shop.py").write_text(blocks(PAGE, "python")[0].code)
    console = blocks(PAGE, "console")[0]
    [script, worker, show] = [command.split() for command in console.commands]
    [promised] = [line for line in console.code.splitlines() if line[0] != "$"]

    ran = cli.run([sys.executable, *script[1:]])
    assert (ran.code, ran.out.strip()) == (0, promised)
    cli.start(*worker[1:])
    wait_until(lambda: "succeeded" in cli(*show[1:]).out, 20, "the job's success")

    assert "invoice for order 1" in cli(*show[1:]).out


@pytest.mark.engines("postgresql")
def test_the_example_moves_to_a_server_as_the_page_says(cli: CommandLine, tmp_path: Path, postgresql_url: str) -> None:
    """With the address left to the environment, after the migration, by two processes."""
    example = blocks(PAGE, "python")[0].code
    assert ADDRESS in example
    (tmp_path / "shop.py").write_text(example.replace(ADDRESS, ""))
    [_, export, migrate, worker] = [command.split() for command in blocks(PAGE, "console")[1].commands]
    environ = {export[1].partition("=")[0]: postgresql_url}

    assert cli(*migrate[1:], **environ).code == 0
    assert cli("enqueue", "send_invoice", "1", "-A", "shop:app", **environ).code == 0
    cli.start(*worker[1:], **environ)
    show = ("jobs", "show", "1", "-A", "shop:app")
    wait_until(lambda: "invoice for order 1" in cli(*show, **environ).out, 20, "the job's success")


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_link_leads_somewhere(page: str) -> None:
    """To a file that is there."""
    for target in LINK.findall((ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target
