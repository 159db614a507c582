"""The ready-made tools agree: rules, layout, types. `make lint` and `make types` run the same commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

COMMANDS = (
    "ruff check .",
    "ruff format --check .",
    "mypy",
    "pyright",
    "pyright --verifytypes packhorse --ignoreexternal",
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", COMMANDS)
def test_has_no_complaint(command: str) -> None:
    """The tool, with the settings of pyproject.toml, finds nothing in the whole project."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        command.split(), cwd=ROOT, env={**os.environ, "PATH": tools}, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
