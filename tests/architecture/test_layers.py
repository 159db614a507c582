"""Imports run one way."""

import graphlib

import grimp
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.architecture.source import ROOT


def test_imports_keep_the_layers() -> None:
    """The layer contracts of pyproject.toml hold."""
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml")) == EXIT_STATUS_SUCCESS


def test_no_module_imports_itself_in_a_circle() -> None:
    """The modules can be put in an order in which each imports earlier ones only."""
    graph = grimp.build_graph("packhorse")
    order = graphlib.TopologicalSorter({one: graph.find_modules_directly_imported_by(one) for one in graph.modules})

    order.prepare()  # raises CycleError, which names the circle
