"""The README's first screen, word for word."""

import re
import sys
from pathlib import Path

import pytest

from tests.acceptance.command import ROOT, CommandLine
from tests.waiting import wait_until

README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    """The first block of code in this language."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.engines("sqlite")
def test_the_first_example_stands_on_the_first_screen() -> None:
    """A reader finds a runnable example within the first 25 lines."""
    first_screen = "\n".join(README.splitlines()[:25])

    assert block("python").rstrip() in first_screen


@pytest.mark.engines("sqlite")
@pytest.mark.accepts("C2")
def test_the_first_example_runs_as_it_is_written(cli: CommandLine, tmp_path: Path) -> None:
    """The script, the worker, and the look at the job, as the console block under it says."""
    (tmp_path / "shop.py").write_text(block("python"))
    commands = [
        line.removeprefix("$ ").split("#")[0].split() for line in block("console").splitlines() if line[0] == "$"
    ]
    [script, worker, show] = commands
    [promised] = [line for line in block("console").splitlines() if line[0] != "$"]

    ran = cli.run([sys.executable, *script[1:]])
    assert (ran.code, ran.out.strip()) == (0, promised)
    cli.start(*worker[1:])
    wait_until(lambda: "succeeded" in cli(*show[1:]).out, 20, "the job's success")

    assert "invoice for order 1" in cli(*show[1:]).out
