"""How workers end when they are asked to."""

import os
import signal
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.fleet import fleet, state_of
from tests.waiting import wait_until


@pytest.mark.accepts("C9", "T19")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_stop_lets_running_jobs_end_and_hands_the_others_back(
    oracle_url: str, oracle: Packhorse, folder: Path, number: int
) -> None:
    """What runs comes to its end, what was claimed and has not started goes back with no attempt burned, exit 0."""
    with fleet(oracle_url, folder, "-c", "2") as ships:
        oracle.enqueue_many([oracle.named("hold").call(1.0, n) for n in range(10)])
        ships.start()
        wait_until(lambda: len(ships.traces("started")) >= 2, 15, "the start of two jobs")
        statuses = ships.stop(number)
        started = {int(words[1]) for words in ships.traces("started")}
        ended = {int(words[1]) for words in ships.traces("ended")}

    left = oracle.list_jobs(state=JobState.AVAILABLE)
    assert statuses == [0]
    assert started == ended
    assert oracle.count_jobs()[JobState.SUCCEEDED] == len(started)
    assert len(left) == 10 - len(started) > 0
    assert {job.attempt for job in left} == {0}


@pytest.mark.accepts("C9")
def test_a_second_interrupt_forces_the_end(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """A job that takes a minute doesn't hold up somebody who presses Ctrl-C twice; exit 5, and it runs again.

    It is not to blame: after three such ends it has not failed as one that kills its workers.
    """
    with fleet(oracle_url, folder) as ships:
        supervisor = ships.start()
        job = oracle.enqueue("hold", 60.0, 1)
        wait_until(lambda: ships.traces("started"), 15, "the start of the job")
        os.kill(supervisor, signal.SIGINT)
        wait_until(lambda: "stopping" in ships.log(), 10, "the first interrupt's effect")
        statuses = ships.stop(signal.SIGINT, timeout=10)

    record = oracle.get_job(job.id)
    assert statuses == [5]
    assert record.state in (JobState.SCHEDULED, JobState.AVAILABLE)
    assert (record.failures, record.crashes, record.skips) == (0, 0, 1)


@pytest.mark.accepts("C9")
def test_a_job_over_the_shutdown_timeout_is_handed_back(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """It is interrupted with the process (exit 5) and runs again later, not counted as a failure or a crash."""
    with fleet(oracle_url, folder, "--shutdown-timeout", "0.5") as ships:
        ships.start()
        job = oracle.enqueue("hold", 60.0, 1)
        wait_until(lambda: ships.traces("started"), 15, "the start of the job")
        statuses = ships.stop()

    record = oracle.get_job(job.id)
    assert statuses == [5]
    assert record.state in (JobState.SCHEDULED, JobState.AVAILABLE)
    assert (record.failures, record.crashes, record.skips) == (0, 0, 1)


@pytest.mark.accepts("C19")
def test_workers_never_outlive_their_supervisor(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """The supervisor is killed: its worker processes are gone within two seconds."""
    with fleet(oracle_url, folder) as ships:
        supervisor = ships.start(processes=2)
        wait_until(lambda: len(ships.workers()) == 2, 15, "two workers")
        workers = ships.workers()
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: all(state_of(pid) in ("", "Z") for pid in workers), 2, "their end")
