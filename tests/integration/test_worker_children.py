"""Isolated children: how they start, how long they live, and what they may not know."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from packhorse.runtime.isolation import Children
from tests.integration.worker_kit import WRITTEN, wait_for, working, written_app
from tests.unit.claimed import claimed_job
from tests.waiting import wait_until

APP = """
import os, time
from pathlib import Path
from packhorse import Packhorse
app = Packhorse(os.environ["WRITTEN_APP_URL"])

@app.task(name="where", isolation="process")
def where() -> int:
    return os.getpid()

@app.task(name="meet", isolation="process")
def meet(folder: str, count: int) -> None:
    (Path(folder) / str(os.getpid())).touch()
    while len(os.listdir(folder)) < count: time.sleep(0.01)

@app.task(name="KNOWN", isolation="process", max_attempts=1)
def known() -> None:
    pass
"""


@pytest.fixture
def app(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packhorse]:
    """An application whose tasks run in children, importable by them."""
    with written_app(APP, database_url, tmp_path, monkeypatch) as app:
        yield app


def in_a_thread(work: Callable[[], object]) -> None:
    """Do it in a thread that has ended afterwards."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def lane_threads() -> list[threading.Thread]:
    """The threads that wait for children."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("packhorse-child-")]


@pytest.mark.accepts("C19")
def test_a_child_outlives_the_thread_that_asked_for_it(app: Packhorse) -> None:
    """The kernel kills it with the thread that started it; that must not be one that comes and goes."""
    children, job = Children(WRITTEN), claimed_job(task="where")
    pids: list[object] = []
    for _ in range(2):
        in_a_thread(lambda: pids.append(children.run(job, None)))
    children.close()

    assert pids[0] == pids[1]
    assert pids[0] is not None


@pytest.mark.accepts("C9", "C19")
def test_a_stop_lets_isolated_jobs_end(app: Packhorse, tmp_path: Path) -> None:
    """Within the shutdown timeout, although the idle threads of the lane end at once."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with working(app, app_path=WRITTEN, children=3, shutdown_timeout=30.0) as worker:
        for job in [app.named("meet").enqueue(str(first), 3) for _ in range(3)]:
            wait_for(app, job.id, timeout=60)
        late = app.named("meet").enqueue(str(second), 2)
        wait_until(lambda: list(second.iterdir()), what="the last job to run")
        ending = threading.Thread(target=worker.end)
        ending.start()
        wait_until(lambda: len(lane_threads()) == 1, what="the idle threads to end")
        (second / "visitor").touch()
        ending.join(30)
        record = app.get_job(late.id)

    assert (record.state, record.crashes, record.attempt) == (JobState.SUCCEEDED, 0, 1)


@pytest.mark.accepts("C8", "C19")
def test_a_child_that_cannot_be_started_is_a_failure_of_its_job(
    app: Packhorse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment has replaced the virtual environment: the job says so, and the slot is free for the next one."""
    with working(app, app_path=WRITTEN, children=1) as worker:
        with monkeypatch.context() as replaced:
            replaced.setattr(sys, "executable", "/nowhere/bin/python")
            record = wait_for(app, app.named("KNOWN").enqueue().id)
        assert app.named("where").enqueue().result(timeout=30)
        wait_until(lambda: worker._executor.held("default") == 0, what="nothing to be held")

    assert (record.state, record.error_type) == (JobState.FAILED, "FileNotFoundError")


@pytest.mark.accepts("C11", "C19")
def test_a_task_that_only_the_children_do_not_know_is_parked(app: Packhorse, tmp_path: Path) -> None:
    """A deployment has renamed it under a running worker, which is replaced: no crash, no attempt is counted."""
    (tmp_path / "written_app.py").write_text(APP.replace("KNOWN", "RENAMED"))
    with working(app, app_path=WRITTEN, children=1) as worker:
        job = app.named("KNOWN").enqueue()
        wait_until(lambda: worker.is_ending, 30, "the worker to end")
    record = job.record()

    assert record.state in {JobState.BLOCKED, JobState.AVAILABLE}
    assert (record.attempt, record.crashes, record.failures) == (0, 0, 0)


def test_a_child_ends_with_its_worker_even_while_a_handler_runs() -> None:
    """The end of the pipe is enough where the kernel does not do it."""
    code = (
        "import sys, time; from packhorse.runtime.child import lines_of\n"
        "lines = lines_of(sys.stdin.buffer); print(next(lines), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"a job\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"b'a job\\n'\n"
        child.stdin.close()
        assert child.wait(10) == 1
