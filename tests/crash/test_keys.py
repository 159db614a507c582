"""Jobs with keys in real processes: of a serial key one at a time, in order, whoever is killed; groups in bounds."""

import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from packhorse import JobState, Packhorse
from tests.crash.fleet import Fleet, fleet
from tests.waiting import wait_until

APP = "tests.crash.key_app:app"
PROCESSES = 8
JOBS, KEYS = 2000, 20
KILLS = 12
ROOM, TENANTS = 3, 4


class Run(NamedTuple):
    """One run; one that was killed ended then."""

    key: str
    n: int
    pid: int
    began: float
    ended: float


def runs(ships: Fleet, killed: Mapping[int, float]) -> dict[str, list[Run]]:
    """What ran, by key, in the order of the begins.

    Args:
        ships: whose.
        killed: when which process was killed.
    """
    found: defaultdict[str, list[Run]] = defaultdict(list)
    ends = {(key, int(n), int(pid)): float(at) for _, key, n, pid, at in ships.traces("ended")}
    for _, key, number, process, at in ships.traces("began"):
        n, pid, began = int(number), int(process), float(at)
        ended = ends.get((key, n, pid))
        found[key].append(Run(key, n, pid, began, killed[pid] if ended is None else ended))
    return {key: sorted(some, key=lambda run: run.began) for key, some in found.items()}


def overlap(some: Sequence[Run]) -> int:
    """How many of them ran at one time, at most."""
    changes = sorted([(run.began, 1) for run in some] + [(run.ended, -1) for run in some])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.accepts("C15")
def test_serial_keys_hold_while_workers_are_killed(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """Eight processes, twelve of which are killed: of each key one job runs at a time, and they run in order."""
    chance, step = random.Random(15), oracle.named("step")
    calls = [step.using(serial_key=f"k{n % KEYS}", max_attempts=50).call(f"k{n % KEYS}", n, 0.002) for n in range(JOBS)]
    for start in range(0, JOBS, 250):
        oracle.enqueue_many(calls[start : start + 250])
    killed: dict[int, float] = {}
    with fleet(oracle_url, folder, "-c", "4", "--lease", "2", app=APP) as ships:
        ships.start(PROCESSES)
        for kill in range(KILLS):
            wanted = (kill + 1) * JOBS // (KILLS + 2)
            wait_for_ends(ships, wanted)
            before = time.time()
            killed[ships.kill_worker(chance.randrange(PROCESSES))] = before
        wait_until(lambda: ended(oracle) == JOBS, 120, "the end of all jobs")
        assert ships.stop() == [0]
        told = runs(ships, killed)

    assert sorted({run.n for some in told.values() for run in some}) == list(range(JOBS))
    assert len(told) == KEYS
    for some in told.values():
        assert overlap(some) == 1
        assert [run.n for run in some] == sorted(run.n for run in some)
    repeated = sum(len(some) for some in told.values()) - JOBS
    assert repeated <= KILLS * KEYS


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("C16")
def test_a_group_never_has_more_than_its_queue_allows(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """Eight processes with four slots each, and room for three of each group: three run, and never four."""
    oracle.queues.set("default", group_max_running=ROOM)
    step = oracle.named("step")
    oracle.enqueue_many([step.using(group=f"g{n % TENANTS}").call(f"g{n % TENANTS}", n, 0.02) for n in range(400)])
    with fleet(oracle_url, folder, "-c", "4", app=APP) as ships:
        ships.start(PROCESSES)
        wait_until(lambda: ended(oracle) == 400, 120, "the end of all jobs")
        assert ships.stop() == [0]
        told = runs(ships, {})

    assert {overlap(some) for some in told.values()} == {ROOM}


def wait_for_ends(ships: Fleet, wanted: int) -> None:
    """Wait until so many runs have ended."""
    wait_until(lambda: len(ships.traces("ended")) >= wanted, 60, "progress before the next kill")


def ended(oracle: Packhorse) -> int:
    """How many jobs have ended, in whatever way."""
    counts = oracle.count_jobs()
    return counts[JobState.SUCCEEDED] + counts[JobState.FAILED]
