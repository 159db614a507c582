"""A worker that ends by itself, or replaces a process by itself: --max-jobs, --drain, --idle-timeout, --max-memory."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from packhorse.runtime.turns import FIRST_LIMIT
from packhorse.testing.contract.steps import settle
from tests.crash.fleet import fleet
from tests.crash.gates import open_gate
from tests.waiting import wait_until

STEERED = "tests.crash.steered_app:app"


@pytest.fixture
def code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that stands for the application's code."""
    path = folder / "code"
    path.write_text("first")
    monkeypatch.setenv("STEERED_CODE", str(path))
    return path


@pytest.mark.parametrize("processes", [1, 3])
def test_exactly_so_many_jobs_are_run_as_were_asked_for(
    oracle_url: str, oracle: Packhorse, code: Path, processes: int
) -> None:
    """--max-jobs: never one more, over all processes; exit 9; what is left waits with no attempt burned."""
    with fleet(oracle_url, code.parent, "--max-jobs", "25", "--poll", "50ms", app=STEERED) as ships:
        oracle.enqueue_many([oracle.named("tell").call() for _ in range(60)])
        ships.start(processes)
        assert ships.wait(40) == [9]

    counts = oracle.count_jobs()
    assert (counts[JobState.SUCCEEDED], counts[JobState.AVAILABLE]) == (25, 35)
    assert {job.attempt for job in oracle.list_jobs(state=JobState.AVAILABLE)} == {0}
    assert oracle.list_workers() == []


def test_a_run_counts_however_it_ended(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """A failure that will be tried again is a run, and so is what a process held when it died."""
    with fleet(oracle_url, code.parent, "--max-jobs", "3", "--poll", "50ms", app=STEERED) as ships:
        open_gate(code.parent / "gate-well", failing=False)
        open_gate(code.parent / "gate-badly", failing=True)
        well, badly = oracle.enqueue("work", "well"), oracle.enqueue("work", "badly")
        ships.start()
        well.result(20)
        wait_until(lambda: oracle.get_job(badly.id).failures == 1, 20, "the failure")
        oracle.enqueue("kill")
        assert ships.wait(40) == [9]


@pytest.mark.parametrize("processes", [1, 3])
def test_a_drain_ends_when_nothing_is_left(oracle_url: str, oracle: Packhorse, code: Path, processes: int) -> None:
    """--drain: jobs that jobs enqueue are run, too, by whichever process; what is due later is left; exit 0."""
    later = oracle.named("tell").using(delay=timedelta(hours=1)).enqueue()
    jobs = [oracle.enqueue("chain", 15) for _ in range(4)]
    with fleet(oracle_url, code.parent, "--drain", "--poll", "50ms", app=STEERED) as ships:
        ships.start(processes)
        assert ships.wait(40) == [0]

    assert oracle.count_jobs()[JobState.SUCCEEDED] == 15 * len(jobs)
    assert oracle.get_job(later.id).state == JobState.SCHEDULED


def test_a_drain_goes_on_behind_a_long_line_that_can_not(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """More jobs wait for a key than some passes settle, and a held job has it: what came behind them runs."""
    tell = oracle.named("tell")
    holder = tell.using(serial_key="a").enqueue()
    settle(oracle.engine)
    oracle.hold(holder.id, by="ann")
    oracle.enqueue_many([tell.using(serial_key="a").call() for _ in range(6 * FIRST_LIMIT)])
    behind = tell.using(serial_key="b").enqueue()
    with fleet(oracle_url, code.parent, "--drain", "--poll", "60", app=STEERED) as ships:
        ships.start()
        assert ships.wait(40) == [0]

    assert oracle.get_job(behind.id).state == JobState.SUCCEEDED


def test_a_drain_waits_for_what_runs(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """A long job may enqueue another at its end: nobody ends before, and idle processes are there to help."""
    with fleet(oracle_url, code.parent, "--drain", "--poll", "50ms", app=STEERED) as ships:
        job = oracle.enqueue("work", "long")
        supervisor = ships.start(2)
        wait_until(lambda: ships.traces("started"), 20, "the start of the job")
        assert len(ships.workers()) == 2
        open_gate(code.parent / "gate-long", failing=False)
        assert ships.wait(20) == [0]

    assert supervisor
    assert oracle.get_job(job.id).state == JobState.SUCCEEDED


def test_a_drain_of_nothing_ends_at_once(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """In a second or so, of which most is the start."""
    with fleet(oracle_url, code.parent, "--drain", app=STEERED) as ships:
        ships.start()
        assert ships.wait(10) == [0]


def test_a_worker_without_jobs_for_long_ends(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """--idle-timeout: exit 0; a job that runs is no idleness, however long it takes."""
    with fleet(oracle_url, code.parent, "--idle-timeout", "600ms", "--poll", "50ms", app=STEERED) as ships:
        job = oracle.enqueue("work", "long")
        ships.start(2)
        wait_until(lambda: ships.traces("started"), 20, "the start of the job")
        seconds = oracle.enqueue("sleep", 1.5)
        seconds.result(20)
        assert len(ships.workers()) == 2
        open_gate(code.parent / "gate-long", failing=False)
        assert ships.wait(20) == [0]

    assert oracle.get_job(job.id).state == JobState.SUCCEEDED
    assert "no job came for 0.6 s" in ships.log()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_has_grown_too_large_is_replaced(
    oracle_url: str, oracle: Packhorse, code: Path, processes: int
) -> None:
    """--max-memory: its running job comes to its end, another process takes new jobs meanwhile, the log has figures."""
    with fleet(oracle_url, code.parent, "--max-memory", "200MiB", "--poll", "50ms", app=STEERED) as ships:
        running = oracle.enqueue("work", "long")
        ships.start(processes)
        wait_until(lambda: ships.traces("started"), 20, "the start of the job")
        large = oracle.enqueue("grow", 300).result(20)
        wait_until(lambda: f"worker process {large} occupies" in ships.log(), 20, "the message")
        busy = int(ships.traces("started")[0][2])
        wait_until(lambda: large not in ships.workers() or large == busy, 20, "the end of the large process")
        wait_until(lambda: oracle.enqueue("tell").result(20)[1] != large, 20, "a job in another process")
        assert oracle.get_job(running.id).state == JobState.EXECUTING
        open_gate(code.parent / "gate-long", failing=False)
        running.result(20)
        wait_until(lambda: large not in ships.workers(), 20, "the end of the large process")
        assert ships.stop() == [0]

    assert re.search(rf"process {large} occupies 3\d\d MiB, more than the 200 MiB of --max-memory, after", ships.log())
    assert oracle.get_job(running.id).attempt == 1


@pytest.mark.accepts("T19")
def test_a_process_that_has_run_enough_jobs_is_replaced(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """Others take the next jobs; none is lost or tried twice."""
    with fleet(oracle_url, code.parent, "--max-jobs-per-process", "3", "--poll", "50ms", app=STEERED) as ships:
        ships.start()
        seen: set[int] = set()

        def has_seen_three() -> bool:
            seen.add(oracle.enqueue("tell").result(20)[1])
            return len(seen) >= 3

        wait_until(has_seen_three, 60, "a third process")
        assert ships.stop() == [0]

    assert "with --max-jobs-per-process 3; it is replaced" in ships.log()
    assert all(job.attempt == 1 for job in oracle.list_jobs(limit=1000))


def test_a_limit_that_is_too_small_for_any_process_is_told_once(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """It would be replaced for ever: it works on, and says what is wrong."""
    with fleet(oracle_url, code.parent, "--max-memory", "1MiB", app=STEERED) as ships:
        ships.start()
        wait_until(lambda: "--max-memory 1 MiB is too small" in ships.log(), 20, "the message")
        assert ships.log().count(" started") == 1
        assert ships.stop() == [0]
