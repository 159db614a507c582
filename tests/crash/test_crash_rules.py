"""Whom a crash is charged to, how soon jobs run again, and who is not taken for dead."""

import time
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.fleet import fleet
from tests.waiting import wait_until


@pytest.mark.slow
@pytest.mark.accepts("C6")
def test_one_killer_among_500_fails_alone(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """A job that kills its process three times fails as worker_lost, and is logged; its 500 neighbours all succeed."""
    with fleet(oracle_url, folder) as ships:
        calls = [oracle.named("note").call(n) for n in range(500)]
        oracle.enqueue_many([*calls[:250], oracle.named("die").call(), *calls[250:]])
        ships.start()
        wait_until(lambda: oracle.count_jobs()[JobState.SUCCEEDED] == 500, 90, "the neighbours' success")
        wait_until(lambda: oracle.count_jobs()[JobState.FAILED] == 1, 90, "the killer's end")
        [killer] = oracle.list_jobs(state=JobState.FAILED)
        neighbours = oracle.list_jobs(state=JobState.SUCCEEDED, limit=500)

    assert (killer.task, killer.reason, killer.crashes) == ("die", "worker_lost", 3)
    assert f"job {killer.id} (die), attempt {killer.attempt} failed for good: worker_lost" in ships.log()
    assert len(ships.traces("died")) == 3
    assert max(job.crashes for job in neighbours) <= 1


@pytest.mark.slow
@pytest.mark.accepts("C6", "T17")
def test_jobs_of_a_killed_fleet_run_again_within_the_lease_and_two_seconds(
    oracle_url: str, oracle: Packhorse, folder: Path
) -> None:
    """Supervisor and worker killed with the default lease of 15 s: the job starts again in at most 17 s."""
    with fleet(oracle_url, folder) as ships:
        ships.start()
        oracle.enqueue("hold", 60.0, 1)
        wait_until(lambda: ships.traces("started"), 15, "the start of the job")
        ships.kill_everything()
        killed_at = time.monotonic()
        ships.start()
        wait_until(lambda: len(ships.traces("started")) == 2, 30, "its second start")
        recovery = time.monotonic() - killed_at

    assert recovery <= 17.0


@pytest.mark.accepts("C6", "T17", "T19")
def test_a_killed_worker_process_is_noticed_at_once(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """The supervisor declares its dead child dead: the job runs again long before the lease of 15 s is over."""
    with fleet(oracle_url, folder) as ships:
        ships.start(processes=2)
        oracle.enqueue("hold", 60.0, 1)
        pid = int(wait_until(lambda: ships.traces("started"), 15, "the start of the job")[0][3])
        ships.kill_worker(ships.workers().index(pid))
        killed_at = time.monotonic()
        wait_until(lambda: len(ships.traces("started")) == 2, 30, "its second start")

    assert time.monotonic() - killed_at < 8.0


@pytest.mark.slow
@pytest.mark.accepts("C6")
def test_a_handler_that_stalls_the_interpreter_makes_nobody_look_dead(
    oracle_url: str, oracle: Packhorse, folder: Path
) -> None:
    """The interpreter held for three leases: the job is not rescued, another worker takes nothing away."""
    with fleet(oracle_url, folder, "--lease", "2") as ships:
        ships.start()
        job = oracle.enqueue("stall", 6)
        wait_until(lambda: ships.traces("stalling"), 15, "the stall")
        ships.start()
        wait_until(lambda: oracle.get_job(job.id).state == JobState.SUCCEEDED, 30, "its end")

    assert len(ships.traces("stalling")) == 1
    assert oracle.get_job(job.id).crashes == 0


@pytest.mark.slow
@pytest.mark.accepts("C6")
def test_a_handler_that_holds_the_write_lock_makes_nobody_look_dead(
    oracle_url: str, oracle: Packhorse, folder: Path
) -> None:
    """A transaction that stays open for three leases: no worker is given up, and the others' acks go through later."""
    with fleet(oracle_url, folder, "--lease", "2") as ships:
        ships.start(processes=2)
        beside = oracle.enqueue("hold", 1.0, 1)
        wait_until(lambda: ships.traces("started"), 15, "the neighbour's start")
        job = oracle.enqueue("lock", 6.0)
        wait_until(lambda: oracle.get_job(job.id).state == JobState.SUCCEEDED, 30, "its end")
        wait_until(lambda: oracle.get_job(beside.id).state == JobState.SUCCEEDED, 30, "the neighbour's ack")

    assert len(ships.traces("locking")) == 1
    assert oracle.get_job(job.id).crashes == oracle.get_job(beside.id).crashes == 0
    assert "lost" not in ships.log()
