"""A worker that was frozen by SIGSTOP hears the SIGTERM that came meanwhile."""

import os
import signal
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.crash.fleet import fleet, state_of
from tests.waiting import wait_until

WORKERS = 4
SOON = 15.0
"""Seconds: less than the 25 that running jobs may take."""


@pytest.mark.engines("sqlite")
def test_workers_that_were_stopped_end_when_told_to(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """The kernel may hand the signal to any thread when they go on, and none of them may let it lie."""
    with fleet(oracle_url, folder) as ships:
        ships.start(WORKERS)
        wait_until(lambda: len(oracle.list_workers()) == WORKERS, 30, "the start of the workers")
        for pid in ships.workers():
            os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: all(state_of(pid) == "T" for pid in ships.workers()), 5, "workers that stand still")

        assert ships.stop(timeout=SOON) == [0]
