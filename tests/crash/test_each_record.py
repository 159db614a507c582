"""A worker is killed again and again in the middle of a package: each record's effect is there exactly once."""

import random
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from packhorse.domain.package import Reference
from tests.crash.conftest import effects
from tests.crash.fleet import Fleet, fleet
from tests.waiting import wait_until

APP = "tests.crash.package_app:app"
RECORDS = 6000
CHUNK = 50
KILLS = 5
WRONG = [n for n in range(RECORDS) if n % 10 == 7]


@pytest.fixture
def package(oracle: Packhorse) -> int:
    """The number of a package about all records, enqueued by the application itself."""
    oracle.record_type("number", Reference, key=str, load=lambda tx, keys: {})

    @oracle.work_package(each=True, name="tests.crash.package_app.book")
    def book(number: object) -> None:
        """Only enqueued here."""

    return book.package().add(*(Reference("number", str(n)) for n in range(RECORDS))).enqueue().id


def run_under_kills(ships: Fleet, oracle: Packhorse, package: int) -> None:
    """Kill the worker at random moments of its work, and let the last one finish it.

    A person tries it again when it has failed: after the third crash, as any job.
    """
    chance = random.Random(7)

    def has_come_to(count: int) -> bool:
        if oracle.get_job(package).state is JobState.FAILED and None in oracle.get_package(package).counts:
            oracle.retry(package)
        return len(ships.traces()) >= count

    for _ in range(KILLS):
        ships.start()
        wanted = len(ships.traces()) + chance.randrange(100, 900)
        wait_until(partial(has_come_to, wanted), 30, "progress before the next kill")
        ships.kill_oldest()
    ships.start()
    wait_until(partial(has_come_to, RECORDS), 30, "all records")
    wait_until(lambda: oracle.get_package(package).counts.get(None) is None, 30, "the package's end")
    assert ships.stop() == [0]


@pytest.mark.slow
@pytest.mark.accepts("M31", "C6", "C7")
def test_each_records_effect_is_there_exactly_once(
    oracle_url: str, oracle: Packhorse, package: int, folder: Path
) -> None:
    """Killed five times: no effect is missing or double, no more than a chunk was attempted again by each kill."""
    with fleet(oracle_url, folder, "-c", "1", "--lease", "1", app=APP) as ships:
        run_under_kills(ships, oracle, package)
        calls = Counter(int(n) for _, n, _ in ships.traces("booked"))

    assert effects(oracle_url) == [n for n in range(RECORDS) if n not in set(WRONG)]
    assert oracle.get_package(package).counts == {"done": RECORDS - len(WRONG), "failed": len(WRONG)}
    assert set(calls) == set(range(RECORDS))
    again = sum(count - 1 for n, count in calls.items() if n not in set(WRONG))
    assert 0 < again <= KILLS * CHUNK
    assert oracle.get_job(package).state is JobState.FAILED
