"""Counts of finished jobs are those of the table, whatever was done at once and whoever was killed meanwhile."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from packhorse import Packhorse
from packhorse.engine import Engine
from tests.crash.conftest import connected
from tests.crash.counting import QUEUES
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
MOMENT = timedelta(microseconds=1)
PROCESSES, KILLS, ENDS_BETWEEN = 3, 12, 60
READ = "select queue, state, count(*) from {finished} group by queue, state"
Counts = dict[tuple[str, str], int]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database whose queues keep their jobs for different times."""
    app = Packhorse(database_url)
    app.engine.migrate()
    app.queues.set("short", keep_succeeded=MOMENT, keep_cancelled=MOMENT, keep_failed=MOMENT)
    app.queues.set("brief", keep_succeeded=timedelta(0))
    yield app.engine
    app.close()


def counted(engine: Engine) -> Counts:
    """The finished jobs by queue and state, as people are told."""
    return {
        (queue.name, state.value): count
        for queue in engine.list_queues()
        for state, count in queue.counts.items()
        if state.is_final and count
    }


def read(url: str) -> Counts:
    """The same, from the rows themselves."""
    table = "packhorse_finished" if url.startswith("sqlite") else "packhorse.finished"
    with connected(url) as db:
        rows = db.execute(READ.format(finished=table)).fetchall()
    return {(queue, state): count for queue, state, count in rows}


def ended(engine: Engine) -> int:
    """How many jobs ever ended."""
    return sum(sum(queue.ended.values()) for queue in engine.list_queues())


def wait_for_ends(engine: Engine, by: int) -> None:
    """Wait until so many more jobs have ended."""
    wanted = ended(engine) + by
    wait_until(lambda: ended(engine) >= wanted, 60, "more ends")


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.accepts("C6", "C21")
@pytest.mark.parametrize("seed", [1, 2])
def test_counts_are_exact_after_everything_was_killed(engine: Engine, database_url: str, seed: int) -> None:
    """Three processes end, cancel, retry, delete, dismiss, prune and fold; each is killed and replaced in turn."""
    chance = random.Random(seed)
    processes = [start(database_url, seed * 100 + number) for number in range(PROCESSES)]
    try:
        for number in range(KILLS):
            wait_for_ends(engine, chance.randrange(ENDS_BETWEEN))
            victim = chance.randrange(PROCESSES)
            kill(processes[victim])
            processes[victim] = start(database_url, seed * 1000 + number)
    finally:
        for process in processes:
            kill(process)

    assert counted(engine) == read(database_url)
    assert {queue for queue, _ in counted(engine)} <= set(QUEUES)
    engine.upkeep()
    assert counted(engine) == read(database_url)


def start(url: str, seed: int) -> "subprocess.Popen[bytes]":
    """One more process."""
    return subprocess.Popen([sys.executable, "-m", "tests.crash.counting", url, str(seed)], cwd=ROOT)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """With SIGKILL; one that has ended by itself has had an error, which it has printed."""
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
