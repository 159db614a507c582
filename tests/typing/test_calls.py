"""mypy and pyright accept right calls of a task and reject wrong ones."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

CALLS = Path(__file__).with_name("calls.py.txt")
COMMANDS = {
    "mypy": ["mypy", "--strict", "--no-error-summary", "--no-incremental", "--enable-error-code=unused-awaitable"],
    "pyright": ["pyright"],
}
REPORTED = re.compile(r"calls\.py:(\d+)(?::\d+)?(?: -|:) (error|note|information)(?::)? (.*)")
REVEALED = re.compile(r"""Revealed type is "([^"]+)"|^Type of .* is "([^"]+)"$""")


@pytest.mark.slow
@pytest.mark.accepts("C23")
@pytest.mark.parametrize("checker", COMMANDS)
def test_wrong_calls_are_rejected_and_right_ones_understood(checker: str, tmp_path: Path) -> None:
    """Exactly the lines marked as wrong are reported, and results have the type that the function returns."""
    reports = list(_reports(checker, tmp_path))
    lines = CALLS.read_text().splitlines()

    errors = {number for number, kind, _ in reports if kind == "error"}
    assert errors == {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    revealed = {number: _short(match) for number, _, text in reports if (match := REVEALED.search(text))}
    assert {number: revealed.get(number) for number, _ in _reveals(lines)} == dict(_reveals(lines))


def _reports(checker: str, folder: Path) -> Iterator[tuple[int, str, str]]:
    """Line, kind and text of everything that the checker says of the file."""
    (folder / "calls.py").write_text(CALLS.read_text())
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    command = [sys.executable, "-m", *COMMANDS[checker], "calls.py"]
    if checker == "pyright":
        command += ["--pythonpath", sys.executable]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    found = [REPORTED.search(line) for line in done.stdout.splitlines()]
    assert any(found), done.stdout + done.stderr
    return ((int(match[1]), match[2], match[3]) for match in found if match)


def _reveals(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if "# reveals " in line:
            yield number, line.partition("# reveals ")[2]


def _short(match: re.Match[str]) -> str:
    """The revealed type without modules."""
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", match[1] or match[2])
