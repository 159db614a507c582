"""Workers are killed again and again while jobs come in: nothing is lost, and atomic effects happen exactly once."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.conftest import effects
from tests.crash.fleet import Fleet, fleet
from tests.waiting import wait_until

ROUNDS = 8
KILLS = 2 * ROUNDS
JOBS_A_ROUND = 60


def disturb(ships: Fleet, enqueue: Callable[[int], object], done: Callable[[], int]) -> int:
    """Enqueue jobs and kill at random moments of their work, again and again; how many jobs there were.

    Each round kills one worker process, which its supervisor replaces, and then a supervisor with its worker.
    """
    chance = random.Random(4)
    total = 0
    ships.start()
    ships.start()
    for _ in range(ROUNDS):
        for _ in range(JOBS_A_ROUND):
            enqueue(total)
            total += 1
        wait_for_progress(done, chance.randrange(JOBS_A_ROUND // 2), total)
        ships.kill_worker(chance.randrange(2))
        wait_for_progress(done, chance.randrange(JOBS_A_ROUND // 3), total)
        ships.kill_oldest()
        ships.start()
    return total


def wait_for_progress(done: Callable[[], int], by: int, total: int) -> None:
    """Wait until so many more jobs are done, or all."""
    wanted = min(done() + by, total)
    wait_until(lambda: done() >= wanted, 30, "progress before the next kill")


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("C6", "C7")
def test_atomic_effects_happen_exactly_once_under_kills(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """Two workers, killed sixteen times: every job's effect is in the database once, none is missing or double."""
    with fleet(oracle_url, folder, "-c", "4", "--lease", "2") as ships:
        total = disturb(ships, lambda n: oracle.enqueue("book", n), lambda: len(effects(oracle_url)))
        wait_until(lambda: len(effects(oracle_url)) >= total, 60, "all effects")
        assert ships.stop() == [0, 0]

    assert effects(oracle_url) == list(range(total))


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("C6")
def test_plain_jobs_run_at_least_once_under_kills(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """Two workers, killed sixteen times: every job has run; a kill repeats no more than the worker could hold."""
    with fleet(oracle_url, folder, "-c", "4", "--lease", "2") as ships:
        total = disturb(ships, lambda n: oracle.enqueue("note", n), lambda: len(ships.traces("note")))
        wait_until(lambda: oracle.count_jobs()[JobState.SUCCEEDED] == total, 60, "the success of all jobs")
        assert ships.stop() == [0, 0]
        runs = Counter(int(n) for _, n, _ in ships.traces("note"))

    repeats = sum(runs.values()) - total
    assert set(runs) == set(range(total))
    assert repeats <= KILLS * JOBS_A_ROUND


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("C6", "C7")
def test_nothing_is_lost_when_supervisors_are_killed_too(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """All processes of all workers killed at once, six times: the next ones find every job, each effect once."""
    chance, total = random.Random(5), 0
    with fleet(oracle_url, folder, "-c", "4", "--lease", "2") as ships:
        for _ in range(6):
            ships.start(processes=2)
            for n in range(total, total + JOBS_A_ROUND):
                oracle.enqueue("book", n)
            total += JOBS_A_ROUND
            wait_for_progress(lambda: len(effects(oracle_url)), 1 + chance.randrange(JOBS_A_ROUND // 2), total)
            ships.kill_everything()
        ships.start(processes=2)
        wait_until(lambda: len(effects(oracle_url)) >= total, 60, "all effects")
        assert ships.stop() == [0]

    assert effects(oracle_url) == list(range(total))
