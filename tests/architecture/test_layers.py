"""Imports run one way."""

import graphlib
import subprocess
import sys
from pathlib import Path

import grimp

from tests.architecture.source import ROOT

LINTER = Path(sys.executable).with_name("lint-imports")


def test_imports_keep_the_layers() -> None:
    """The layer contracts of pyproject.toml hold. They are read in another process, since that switches loggers off."""
    ended = subprocess.run([LINTER, "--no-logo"], check=False, cwd=ROOT, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_no_module_imports_itself_in_a_circle() -> None:
    """The modules can be put in an order in which each imports earlier ones only."""
    graph = grimp.build_graph("packhorse")
    order = graphlib.TopologicalSorter({one: graph.find_modules_directly_imported_by(one) for one in graph.modules})

    order.prepare()  # raises CycleError, which names the circle
