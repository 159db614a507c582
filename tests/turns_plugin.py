"""Tests marked `alone` measure time: while one runs, no other test of the same pytest-xdist run does.

Every test holds a shared lock while it runs, one that is `alone` an exclusive one. The door in front of it keeps
newcomers out while such a test waits for the others to finish.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

FOLDER = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each xdist worker where the locks are."""
    stash = node.config.stash
    if FOLDER not in stash:
        stash[FOLDER] = tempfile.mkdtemp(prefix="packhorse-turns-")
    node.workerinput["turns"] = stash[FOLDER]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the locks when all workers have ended."""
    if FOLDER in config.stash:
        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Wait for this test's turn before its time limit begins to run."""
    folder = getattr(item.config, "workerinput", {}).get("turns")
    if folder is None:
        return (yield)
    how = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
    with Path(folder, "run").open("w") as run:
        with Path(folder, "door").open("w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(run, how)
        return (yield)
