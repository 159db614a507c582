"""Threads that hang beyond their time limit go with their process."""

from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.fleet import fleet
from tests.waiting import wait_until


@pytest.mark.accepts("C20")
def test_a_process_whose_slots_all_hang_is_replaced(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """Its late jobs count as failures, it ends and takes the threads along, and a new process runs the next job."""
    with fleet(oracle_url, folder, "-c", "1", "--shutdown-timeout", "1") as ships:
        ships.start()
        late = oracle.enqueue("hang")
        wait_until(lambda: oracle.get_job(late.id).state == JobState.FAILED, 20, "the late job's failure")
        [[_, pid]] = ships.traces("hanging")
        wait_until(lambda: int(pid) not in ships.workers(), 10, "the end of the process")
        after = oracle.enqueue("stamp")
        wait_until(lambda: oracle.get_job(after.id).state == JobState.SUCCEEDED, 20, "the next job")

    assert f"worker process {pid} ended with status 75; a new one starts at once" in ships.log()
    record = oracle.get_job(late.id)
    assert (record.error_type, record.failures, record.crashes) == ("TimeLimit", 1, 0)
