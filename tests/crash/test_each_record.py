"""A worker is killed again and again in the middle of a package: each record's effect is there exactly once."""

import random
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from packhorse.domain.package import Reference
from packhorse.workpackages.each import DEADLY
from tests.crash.conftest import effects
from tests.crash.fleet import Fleet, fleet
from tests.waiting import wait_until

APP = "tests.crash.package_app:app"
RECORDS = 12_000
CHUNK = 50
KILLS = 5
KILLERS = (13, 120)
WRONG = [n for n in range(RECORDS) if n % 10 == 7]


def enqueued(oracle: Packhorse, task: str, records: int) -> int:
    """The number of a package of a task that is only enqueued here."""

    @oracle.work_package(each=True, name=task)
    def book(number: object) -> None:
        """Never called."""

    return book.package().add(*(Reference("number", str(n)) for n in range(records))).enqueue().id


def run_under_kills(ships: Fleet, oracle: Packhorse, package: int) -> None:
    """Kill the worker at random moments of its work, and let the last one finish it."""
    chance = random.Random(7)

    def has_come_to(count: int) -> bool:
        return len(ships.traces()) >= count

    for _ in range(KILLS):
        ships.start()
        wanted = min(len(ships.traces()) + chance.randrange(500, 3000), RECORDS)
        wait_until(partial(has_come_to, wanted), 60, "progress before the next kill")
        ships.kill_oldest()
    ships.start()
    wait_until(partial(has_come_to, RECORDS), 60, "all records")
    wait_until(lambda: oracle.get_package(package).counts.get(None) is None, 60, "the package's end")
    assert ships.stop() == [0]


@pytest.mark.slow
@pytest.mark.accepts("M31", "C6", "C7")
@pytest.mark.parametrize("task", ["book", "book_async"])
def test_each_records_effect_is_there_exactly_once(oracle_url: str, oracle: Packhorse, folder: Path, task: str) -> None:
    """Killed five times: no effect is missing or double, no more than a chunk was attempted again by each kill."""
    package = enqueued(oracle, task, RECORDS)
    with fleet(oracle_url, folder, "-c", "1", "--lease", "1", app=APP) as ships:
        run_under_kills(ships, oracle, package)
        calls = Counter(int(n) for _, n, _ in ships.traces("booked"))

    assert effects(oracle_url) == [n for n in range(RECORDS) if n not in set(WRONG)]
    assert oracle.get_package(package).counts == {"done": RECORDS - len(WRONG), "failed": len(WRONG)}
    assert set(calls) == set(range(RECORDS))
    assert 0 < calls.total() - RECORDS <= KILLS * CHUNK
    assert oracle.get_job(package).state is JobState.FAILED


@pytest.mark.slow
@pytest.mark.accepts("M15", "M31", "C6")
@pytest.mark.parametrize(("task", "records"), [("die", 60), ("die_async", 60), ("die_isolated", 200)])
def test_a_record_that_kills_its_worker_has_failed_and_the_others_are_done(
    oracle_url: str, oracle: Packhorse, folder: Path, task: str, records: int
) -> None:
    """It is found and recorded, and no other one is blamed, however often the worker dies."""
    id = enqueued(oracle, task, records)
    with fleet(oracle_url, folder, "-c", "1", "--lease", "1", app=APP) as ships:
        ships.start()
        wait_until(lambda: oracle.get_job(id).state is JobState.FAILED, 60, "the package's end")
        calls = Counter(int(n) for _, n, _ in ships.traces("booked"))

    wrong, killers = {n for n in WRONG if n < records}, {n for n in KILLERS if n < records}
    elements = oracle.engine.list_elements(id)
    assert {n for n, one in enumerate(elements) if one.outcome == "failed"} == wrong | killers
    assert {elements[n].reason for n in killers} == {DEADLY}
    assert effects(oracle_url) == [n for n in range(records) if n not in wrong | killers]
    assert {calls[n] for n in killers} <= {2, 3}
    assert oracle.get_package(id).counts["done"] == records - len(wrong | killers)
