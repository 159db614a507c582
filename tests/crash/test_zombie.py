"""A worker that was stopped for longer than its lease, and then goes on, can do no harm."""

import os
import signal
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.crash.conftest import effects
from tests.crash.fleet import fleet, freeze
from tests.waiting import wait_until


@pytest.mark.accepts("C5")
def test_the_ack_of_a_stopped_worker_changes_nothing(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """Stopped by SIGSTOP past its lease, its job runs elsewhere; when it goes on, its ack is refused and reported."""
    with fleet(oracle_url, folder, "--lease", "2") as ships:
        ships.start()
        job = oracle.enqueue("hold", 1.5, 1)
        zombie = int(wait_until(lambda: ships.traces("started"), 15, "the start of the job")[0][3])
        freeze(zombie, oracle_url)
        ships.start()
        wait_until(lambda: oracle.get_job(job.id).state == "succeeded", 30, "the job's second run")
        finished = oracle.get_job(job.id)
        os.kill(zombie, signal.SIGCONT)
        wait_until(lambda: len(ships.traces("ended")) == 2, 15, "the zombie's end of the job")
        wait_until(lambda: "lease was lost" in ships.log(), 15, "the report of the refused ack")

    assert finished.attempt == 2
    assert finished.crashes == 1
    assert oracle.get_job(job.id) == finished


@pytest.mark.slow
@pytest.mark.accepts("C5", "C7")
def test_the_writes_of_a_stopped_worker_are_rolled_back(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """An atomic handler that wakes up after its job was rescued and done elsewhere: one effect, not two."""
    with fleet(oracle_url, folder, "--lease", "2") as ships:
        ships.start()
        job = oracle.enqueue("book_slowly", 1.5, 1)
        zombie = int(wait_until(lambda: ships.traces("booking"), 15, "the start of the job")[0][3])
        freeze(zombie, oracle_url)
        ships.start()
        wait_until(lambda: oracle.get_job(job.id).state == "succeeded", 30, "the job's second run")
        os.kill(zombie, signal.SIGCONT)
        wait_until(lambda: "lease was lost" in ships.log(), 15, "the report of the refused ack")

    assert effects(oracle_url) == [1]


@pytest.mark.slow
@pytest.mark.accepts("C5")
def test_a_stopped_supervisor_loses_its_leases_too(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """When nobody renews the heartbeat, the job of a worker that is itself healthy moves on, and is counted once."""
    with fleet(oracle_url, folder, "--lease", "2") as ships:
        supervisor = ships.start()
        job = oracle.enqueue("book_slowly", 8.0, 1)
        wait_until(lambda: ships.traces("booking"), 15, "the start of the job")
        freeze(supervisor, oracle_url)
        ships.start()
        wait_until(lambda: len(ships.traces("booking")) == 2, 30, "the job's second run")
        wait_until(lambda: oracle.get_job(job.id).state == "succeeded", 30, "its end")
        wait_until(lambda: "lease was lost" in ships.log(), 15, "the report of the refused ack")
        os.kill(supervisor, signal.SIGCONT)

    assert effects(oracle_url) == [1]
