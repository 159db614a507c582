"""What a worker does when it is sent a signal, with one process and with several."""

import os
import pty
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.conftest import effects
from tests.crash.fleet import Fleet, children_of, fleet, send
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


@contextmanager
def steered(oracle_url: str, code: Path, *options: str, processes: int = 1) -> Iterator[tuple[Fleet, int]]:
    """A worker of the steered application, once all its processes work, and the pid of its supervisor."""
    with fleet(oracle_url, code.parent, "--poll", "50ms", *options, app=STEERED) as ships:
        supervisor = ships.start(processes)
        app = Packhorse(oracle_url)
        wait_until(lambda: len(app.list_workers()) == processes, 30, "the start of all processes")
        app.close()
        yield ships, supervisor


def let_go(code: Path, *names: str) -> None:
    """Let the handlers of these names go on."""
    for name in names:
        open_gate(code.parent / f"gate-{name}", failing=False)


def started(ships: Fleet, *names: str) -> None:
    """Wait until handlers of these names have begun."""
    wait_until(lambda: set(names) <= {words[1] for words in ships.traces("started")}, 20, f"the start of {names}")


def test_a_quiet_worker_claims_nothing_until_it_goes_on(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """TSTP: what runs comes to its end and another worker gets what is new; CONT: it takes jobs again."""
    with steered(oracle_url, code, processes=2) as (ships, supervisor):
        mine = ships.workers()
        running = oracle.enqueue("work", "before")
        started(ships, "before")
        send(supervisor, signal.SIGTSTP)
        wait_until(lambda: "quiet: jobs running" in ships.log(), 10, "the worker to be quiet")
        new = [oracle.enqueue("tell") for _ in range(20)]
        with fleet(oracle_url, code.parent, "--drain", "--poll", "50ms", app=STEERED) as others:
            others.start()
            assert others.wait(30) == [0]
        taken = {job.result(10)[1] for job in new}
        let_go(code, "before")
        running.result(20)
        assert taken.isdisjoint(mine)

        send(supervisor, signal.SIGCONT)
        assert oracle.enqueue("tell").result(20)[1] in mine
        assert ships.stop() == [0]


def test_a_process_that_starts_while_the_worker_is_quiet_is_quiet_too(
    oracle_url: str, oracle: Packhorse, code: Path
) -> None:
    """A crash does not end the silence."""
    with steered(oracle_url, code) as (ships, supervisor):
        send(supervisor, signal.SIGTSTP)
        wait_until(lambda: "quiet: jobs running" in ships.log(), 10, "the worker to be quiet")
        ships.kill_worker()
        wait_until(lambda: ships.log().count(" started") == 2, 20, "another process")
        job = oracle.enqueue("tell")
        with fleet(oracle_url, code.parent, "--drain", "--poll", "50ms", app=STEERED) as others:
            others.start()
            assert others.wait(30) == [0]
        assert job.result(10)[1] not in ships.workers()


def test_every_process_tells_what_it_does(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """USR1: the stacks of all threads and coroutines, the isolated children's too, and which jobs run how long."""
    with steered(oracle_url, code, processes=2) as (ships, supervisor):
        jobs = {name: oracle.enqueue(name, name) for name in ("work", "awork", "iwork")}
        started(ships, *jobs)
        isolated = next(int(words[2]) for words in ships.traces("started") if words[1] == "iwork")
        processes = [supervisor, *ships.workers(), isolated]
        send(supervisor, signal.SIGUSR1)
        wait_until(lambda: all(f"process {pid}, jobs running" in ships.log() for pid in processes), 10, "all stacks")
        wait_until(lambda: "in wait_long" in ships.log() and ships.log().count("in pass_gate") >= 2, 10, "the places")
        log = ships.log()
        for name, job in jobs.items():
            assert re.search(rf"job {job.id} \({name}\), attempt 1: running for \d+\.\d s", log)
        assert re.search(rf"^thread packhorse-thread-\d+, job {jobs['work'].id}$", log, re.MULTILINE)
        assert re.search(rf"^coroutine job {jobs['awork'].id}$", log, re.MULTILINE)

        let_go(code, *jobs)
        for job in jobs.values():
            job.result(20)
        assert ships.stop() == [0]


@pytest.mark.engines("sqlite")
def test_a_process_whose_interpreter_is_held_tells_what_holds_it(
    oracle_url: str, oracle: Packhorse, folder: Path
) -> None:
    """No code of Python runs in it: it is made to write its stacks without."""
    with fleet(oracle_url, folder) as ships:
        supervisor = ships.start()
        oracle.enqueue("stall", 8)
        wait_until(lambda: ships.traces("stalling"), 15, "the stall")
        send(supervisor, signal.SIGUSR1)
        wait_until(lambda: re.search(r"File .*oracle_app.py\", line \d+ in stall", ships.log()), 15, "the stack")
        assert not ships.traces("stalled")


def test_a_hangup_brings_the_new_code_without_a_gap(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """HUP: new processes import the application anew; the old ones end after their jobs, and there is always one."""
    with steered(oracle_url, code, processes=2) as (ships, supervisor):
        old = ships.workers()
        running = oracle.enqueue("work", "long")
        started(ships, "long")
        code.write_text("second")
        send(supervisor, signal.SIGHUP)
        wait_until(lambda: _reloaded(ships, oracle), 30, "the end of the reload")
        answers = [job.result(20) for job in [oracle.enqueue("tell") for _ in range(20)]]
        busy = next(int(words[2]) for words in ships.traces("started"))
        idle = next(pid for pid in old if pid != busy)
        wait_until(lambda: idle not in ships.workers(), 10, "the end of the process that had nothing to do")
        assert {text for text, _ in answers} == {"second"}
        assert {pid for _, pid in answers}.isdisjoint(old)
        assert busy in ships.workers()

        let_go(code, "long")
        running.result(20)
        wait_until(lambda: busy not in ships.workers(), 10, "the end of the process whose job was long")
        assert oracle.get_job(running.id).attempt == 1
        assert len(ships.workers()) == 2
        assert ships.stop() == [0]


def _reloaded(ships: Fleet, oracle: Packhorse) -> bool:
    assert oracle.list_workers()
    return "reloaded:" in ships.log()


def test_a_hangup_with_broken_code_leaves_the_old_processes_at_work(
    oracle_url: str, oracle: Packhorse, code: Path
) -> None:
    """It is told, and nothing else happens; the next hangup finds the code repaired."""
    with steered(oracle_url, code) as (ships, supervisor):
        old = ships.workers()
        code.write_text("broken")
        send(supervisor, signal.SIGHUP)
        wait_until(lambda: "the worker processes from before go on" in ships.log(), 20, "the message")
        assert oracle.enqueue("tell").result(20) == ["first", old[0]]

        code.write_text("repaired")
        send(supervisor, signal.SIGHUP)
        wait_until(lambda: "reloaded:" in ships.log(), 20, "the end of the reload")
        assert oracle.enqueue("tell").result(20)[0] == "repaired"
        assert ships.stop() == [0]


def test_a_hangup_on_a_terminal_stops(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """Whoever closes the window wants an end, not a new beginning."""
    ours, theirs = pty.openpty()
    try:
        with fleet(oracle_url, code.parent, app=STEERED) as ships:
            supervisor = ships.start(stdin=theirs)
            wait_until(oracle.list_workers, 20, "the start")
            send(supervisor, signal.SIGHUP)
            assert ships.wait(20) == [0]
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.accepts("C9")
@pytest.mark.parametrize("processes", [1, 2])
def test_quit_hands_back_what_runs_at_once(oracle_url: str, oracle: Packhorse, code: Path, processes: int) -> None:
    """Nobody waits for the shutdown timeout, no job is to blame, and the exit code says that some were cut off."""
    with steered(oracle_url, code, processes=processes) as (ships, _):
        jobs = [oracle.enqueue(name, name) for name in ("work", "awork", "iwork")]
        started(ships, "work", "awork", "iwork")
        statuses = ships.stop(signal.SIGQUIT, timeout=10)

    assert statuses == [5]
    for job in jobs:
        record = oracle.get_job(job.id)
        assert record.state in (JobState.SCHEDULED, JobState.AVAILABLE)
        assert (record.failures, record.crashes, record.skips) == (0, 0, 1)


def test_quit_without_running_jobs_ends_well(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """There is nothing to cut off: 0."""
    with steered(oracle_url, code) as (ships, _):
        assert ships.stop(signal.SIGQUIT, timeout=10) == [0]


@pytest.mark.accepts("C9")
def test_a_stop_reaches_processes_that_were_replaced(oracle_url: str, oracle: Packhorse, code: Path) -> None:
    """One that still runs a job from before a hangup has the shutdown timeout from the stop on, as all have."""
    with steered(oracle_url, code, "--shutdown-timeout", "300ms") as (ships, supervisor):
        job = oracle.enqueue("work", "long")
        started(ships, "long")
        send(supervisor, signal.SIGHUP)
        wait_until(lambda: "reloaded:" in ships.log(), 20, "the end of the reload")
        statuses = ships.stop(timeout=10)

    record = oracle.get_job(job.id)
    assert statuses == [5]
    assert record.state in (JobState.SCHEDULED, JobState.AVAILABLE)
    assert (record.failures, record.crashes, record.skips) == (0, 0, 1)


def test_no_signal_disturbs_a_job(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """While jobs commit, each process gets harmless signals again and again: all run once, at the first attempt.

    The supervisor takes them as orders, worker processes that are sent them directly, as a whole group is, ignore them.
    """
    count = 400
    with fleet(oracle_url, folder, "--poll", "50ms") as ships:
        supervisor = ships.start(2)
        wait_until(lambda: len(oracle.list_workers()) == 2, 20, "the start")
        oracle.enqueue_many([oracle.named("book").call(n) for n in range(count)])
        storm = (signal.SIGTSTP, signal.SIGHUP, signal.SIGCONT)

        def is_done() -> bool:
            for number in storm:
                send(supervisor, number)
                for worker in children_of(supervisor):
                    if _has_begun(worker):
                        send(worker, number)
            return len(effects(oracle_url)) >= count

        wait_until(is_done, 40, "all jobs")
        assert ships.stop() == [0]

    assert effects(oracle_url) == list(range(count))
    assert "Traceback" not in ships.log()
    assert {(job.attempt, job.failures) for job in oracle.list_jobs(state=JobState.SUCCEEDED, limit=count)} == {(1, 0)}


def _has_begun(pid: int) -> bool:
    """Whether a process takes signals already: SIGHUP, at least."""
    caught = next(
        (line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt")),
        "0",
    )
    return bool(int(caught, 16) >> (signal.SIGHUP - 1) & 1)
