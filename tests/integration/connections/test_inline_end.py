"""Inline mode at a program's end: what was committed on a plain connection runs then at the latest. Real programs."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse

pytestmark = pytest.mark.accepts("C24")

PROGRAM = """
import asyncio, os, sqlite3, sys, threading
import psycopg
from packhorse import Packhorse

url = sys.argv[1]
app = Packhorse(url, worker="inline")


@app.task(name="send")
def send(number: int) -> None:
    print("sent", number, threading.current_thread() is threading.main_thread(), flush=True)


@app.task(name="asend")
async def asend(number: int) -> None:
    print("sent", await asyncio.to_thread(lambda: number), flush=True)


@app.task(name="leave", max_attempts=1)
def leave() -> None:
    sys.exit(7)


db = sqlite3.connect(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else psycopg.connect(url)
"""


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application that looks on."""
    with closing(Packhorse(database_url)) as app:
        app.engine.migrate()
        yield app


def run(url: str, body: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    words = [sys.executable, "-c", PROGRAM + textwrap.dedent(body), url]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)


def states(app: Packhorse) -> list[JobState]:
    """The states of all jobs, the oldest first."""
    return [job.state for job in reversed(app.list_jobs())]


def test_the_last_job_runs_at_the_end(app: Packhorse, database_url: str) -> None:
    """In the main thread, without a word, and a coroutine's executor still takes work."""
    ran = run(database_url, "send.using(conn=db).enqueue(1); asend.using(conn=db).enqueue(2); db.commit()")

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "sent 1 True\nsent 2\n", "")
    assert states(app) == [JobState.SUCCEEDED] * 2


def test_the_last_job_of_a_coroutine_program_runs_at_the_end(app: Packhorse, database_url: str) -> None:
    """Its loop has ended by then."""
    ran = run(
        database_url,
        """
        async def main():
            await asend.using(conn=db).aenqueue(1)
            db.commit()
        asyncio.run(main())
        """,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "sent 1\n", "")


def test_what_another_thread_left_runs_at_the_end(app: Packhorse, database_url: str) -> None:
    """Although the thread has ended before."""
    ran = run(
        database_url,
        """
        def work():
            db = sqlite3.connect(url[10:]) if url.startswith("sqlite") else psycopg.connect(url)
            send.using(conn=db).enqueue(1)
            db.commit()
            db.close()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "sent 1 True\n", "")


def test_a_commit_stands_when_the_program_fails_after_it(app: Packhorse, database_url: str) -> None:
    """Its error and its exit code are its own."""
    ran = run(database_url, "send.using(conn=db).enqueue(1); db.commit(); raise RuntimeError('later')")

    assert (ran.returncode, ran.stdout) == (1, "sent 1 True\n")
    assert ran.stderr.endswith("RuntimeError: later\n")


def test_a_job_that_exits_ends_nothing_but_itself(app: Packhorse, database_url: str) -> None:
    """It has failed; the program's exit code is its own."""
    ran = run(database_url, "leave.using(conn=db).enqueue(); db.commit()")

    assert ran.returncode == 0
    assert re.fullmatch(r"job \d+ \(leave\), attempt 1 failed for good: SystemExit: 7\n", ran.stderr)
    assert states(app) == [JobState.FAILED]


def test_an_open_transaction_is_pointed_out(app: Packhorse, database_url: str) -> None:
    """In one line, at once: nothing waits for its locks. What was never committed does not exist."""
    ran = run(database_url, "send.using(conn=db).enqueue(1)")

    assert (ran.returncode, ran.stdout) == (0, "")
    assert re.fullmatch(r"a transaction that jobs were enqueued in is still open .* app\.run_pending\(\)\n", ran.stderr)
    assert states(app) == []


@pytest.mark.parametrize(
    "body",
    [
        "send.using(conn=db).enqueue(1); db.commit(); app.run_pending()",
        "send.using(conn=db).enqueue(1); db.commit(); app.close()",
        "send.using(conn=db).enqueue(1); db.commit(); app.count_jobs()",
        "with app.transaction(): send.enqueue(1)",
    ],
    ids=["run_pending", "close", "another-call", "seen"],
)
def test_what_has_run_is_left_alone(app: Packhorse, database_url: str, body: str) -> None:
    """Once is enough."""
    ran = run(database_url, body)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "sent 1 True\n", "")


def test_a_forked_child_leaves_it_to_its_parent(app: Packhorse, database_url: str) -> None:
    """Its end is not the program's."""
    ran = run(
        database_url,
        """
        send.using(conn=db).enqueue(1)
        db.commit()
        if (child := os.fork()) == 0:
            sys.exit(0)
        os.waitpid(child, 0)
        print("the parent ends", flush=True)
        """,
    )

    assert ran.stdout == "the parent ends\nsent 1 True\n"


def test_trouble_is_told_in_one_line(app: Packhorse, database_url: str) -> None:
    """The jobs wait in their database."""
    ran = run(
        database_url,
        """
        send.using(conn=db).enqueue(1)
        db.commit()
        def fail(*_): raise OSError("no way there")
        app.engine.register_worker = fail
        """,
    )

    assert ran.returncode == 0
    assert ran.stderr == (
        "jobs could not be run inline at the program's end; app.run_pending() runs them: no way there\n"
    )
    assert states(app) == [JobState.AVAILABLE]


@pytest.mark.engines("sqlite")
def test_the_readme_s_example_runs_its_job(tmp_path: Path) -> None:
    """Word for word, with nothing but the setting."""
    [example] = re.findall(r"```python\n(# shop\.py.*?)```", Path("README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "shop.py").write_text(example)
    environment = os.environ | {"PACKHORSE_WORKER": "inline"}
    ran = subprocess.run(
        [sys.executable, "shop.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    with closing(Packhorse(f"sqlite:///{tmp_path / 'shop.db'}")) as app:
        assert [job.result for job in app.list_jobs()] == ['"invoice for order 1"']
