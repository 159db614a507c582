"""A row that somebody wrote by hand, past Packhorse, is refused; where it is not, it is trouble for itself alone."""

import dataclasses
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from packhorse.domain.job import NewJob
from packhorse.domain.outcome import Retry, Success, WorkerLost
from packhorse.domain.state import JobState
from packhorse.engine import Engine, JobFilter
from packhorse.testing.contract.steps import acknowledge, claim, enqueue_one, job_of
from tests.opening import open_engine

pytestmark = pytest.mark.accepts("C12")

REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.DataError)
TABLES = {"sqlite": "packhorse_{}", "postgresql": "packhorse.{}"}
CHECK = re.compile(
    r"\s+constraint (?:job|finished)_\w+_is_(?:text|whole|small|positive|a_time|a_count)"
    r"\s+check \((?:[^()]|\([^()]*\))*\)"
)
"""A check of one column's values in a migration."""
BOTH = ["attempt = -1", "failures = -1", "skips = -1", "crashes = -1", "max_attempts = -1", "attempt = 2147483647"]
NONSENSE = {
    "sqlite": [
        *BOTH,
        "order_at = '2026-01-01 10:00:00'",
        "order_at = 9000000000000000000",
        "order_at = -9000000000000000000",
        "order_at = 1.5",
        "scheduled_at = 'soon'",
        "expected_at = 9000000000000000000",
        "enqueued_at = 'now'",
        "started_at = x'00'",
        "priority = 1.5",
        "failures = 'x'",
        "attempt = 'x'",
        "skips = 0.5",
        "crashes = 'x'",
        "max_attempts = 'x'",
        "args = x'ff00'",
        "kwargs = x'ff00'",
        "meta = x'ff00'",
        "task = x'ff00'",
        "queue = x'ff00'",
        "error_message = x'ff00'",
        "id = -1",
    ],
    "postgresql": [
        *BOTH,
        "order_at = 'infinity'",
        "order_at = '-infinity'",
        "order_at = '20000-01-01'",
        "scheduled_at = 'infinity'",
        "expected_at = '-infinity'",
        "enqueued_at = 'infinity'",
        "started_at = '4713-01-01 BC'",
        "id = -1",
    ],
}
"""What may be written into a job, engine by engine, by somebody who has the password."""
IS_WHOLE = re.compile(r"= -?\d+$")
"""On SQLite a STRICT table takes no other kind of value than its column's, whatever checks it has."""
UNFOUND = ("id", "crashes")
"""Changes of these would keep the claim from finding the job."""
UNKEPT = {
    "sqlite": [change for change in NONSENSE["sqlite"] if IS_WHOLE.search(change) and not change.startswith(UNFOUND)]
    + ["args = CAST(x'ff00' AS text)", "meta = CAST(x'ff00' AS text)"],
    "postgresql": [change for change in NONSENSE["postgresql"] if not change.startswith(UNFOUND)],
}
"""What a worker meets where the checks have been taken away, in a job that its claim finds."""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database of its own."""
    engine = open_engine(database_url)
    engine.migrate()
    yield engine
    engine.close()


@pytest.fixture
def unchecked(database_url: str) -> Iterator[Engine]:
    """The same, but somebody took away the checks of the columns."""
    engine: Any = open_engine(database_url)
    engine._migrations = tuple(dataclasses.replace(step, sql=CHECK.sub("", step.sql)) for step in engine._migrations)
    engine.migrate()
    yield engine
    engine.close()


def change_job(engine: Engine, id: int, change: str) -> None:
    """Change a job by hand."""
    transaction = engine.begin()
    try:
        table = TABLES[engine.dialect].format("job")
        transaction.execute(f"UPDATE {table} SET {change} WHERE id = {id}")  # noqa: S608 - words of this file
        transaction.commit()
    finally:
        transaction.rollback()


def is_refused(engine: Engine, change: str) -> None:
    """The change is refused with a message that names the column, and the job stays as it was."""
    id = enqueue_one(engine)
    before = job_of(engine, id)
    with pytest.raises(REFUSED) as refusal:
        change_job(engine, id, change)

    column = change.split(maxsplit=1)[0]
    assert re.search(rf"job_{column}_is_|job\.{column}$", str(refusal.value))
    assert job_of(engine, id) == before


def stops_no_other(engine: Engine, change: str) -> None:
    """A job that was so changed is claimed, read and finished with its neighbours."""
    ids = engine.insert_jobs([NewJob(task="t")] * 3)
    change_job(engine, ids[1], change)
    jobs = claim(engine)
    accepted = [acknowledge(engine, job, Success()) for job in jobs]

    assert {job.id for job in jobs} == set(ids)
    assert all(accepted)
    assert {job.id for job in engine.list_jobs(JobFilter())} == set(ids)
    assert engine.count_jobs()[JobState.SUCCEEDED] == len(ids)


def is_rescued(engine: Engine, change: str) -> None:
    """A job that was so changed while its worker died is rescued with its neighbours."""
    ids = engine.insert_jobs([NewJob(task="t")] * 3)
    jobs = claim(engine)
    change_job(engine, ids[1], change)
    leased = engine.list_leased_jobs(jobs[0].lease.worker, 9)
    for job in leased:
        acknowledge(engine, job, WorkerLost("w"))

    assert {job.id for job in leased} == set(ids)
    assert {job.id for job in claim(engine, suspects=True)} == set(ids)


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("change", NONSENSE["sqlite"])
def test_sqlite_refuses_a_value_that_no_worker_could_read(engine: Engine, change: str) -> None:
    """Its columns would else keep anything; each takes its own kind, in the range that Python has, too."""
    is_refused(engine, change)


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("change", NONSENSE["postgresql"])
def test_postgresql_refuses_a_value_that_no_worker_could_read(engine: Engine, change: str) -> None:
    """Infinite times among them, and years that Python does not have."""
    is_refused(engine, change)


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("change", UNKEPT["sqlite"])
def test_a_row_on_sqlite_that_is_there_all_the_same_stops_no_other(unchecked: Engine, change: str) -> None:
    """It has the nearest values that can be, or none."""
    stops_no_other(unchecked, change)


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("change", UNKEPT["postgresql"])
def test_a_row_on_postgresql_that_is_there_all_the_same_stops_no_other(unchecked: Engine, change: str) -> None:
    """It has the nearest values that can be."""
    stops_no_other(unchecked, change)


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("change", UNKEPT["sqlite"])
def test_such_a_row_on_sqlite_is_rescued_with_its_neighbours(unchecked: Engine, change: str) -> None:
    """Whoever comes next can read it, too."""
    is_rescued(unchecked, change)


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("change", UNKEPT["postgresql"])
def test_such_a_row_on_postgresql_is_rescued_with_its_neighbours(unchecked: Engine, change: str) -> None:
    """Whoever comes next can read it, too."""
    is_rescued(unchecked, change)


@pytest.mark.engines("postgresql")
def test_a_job_scheduled_for_ever_lets_workers_look(unchecked: Engine) -> None:
    """What a worker reads before it sleeps is read all the same."""
    enqueue_one(unchecked)
    id = enqueue_one(unchecked)
    change_job(unchecked, id, "state = 'scheduled', scheduled_at = 'infinity'")
    seen = unchecked.glance(1)

    assert seen.ready_queues == ("default",)
    assert seen.due_in is not None


def test_a_count_that_is_full_counts_no_further(engine: Engine) -> None:
    """A billion attempts are allowed, and one more than that is no reason to stop."""
    id = enqueue_one(engine)
    change_job(engine, id, "attempt = 1000000000, failures = 1000000000, max_attempts = 1000000000")
    [job] = claim(engine)
    acknowledge(engine, job, Retry())

    assert job.attempt == 1_000_000_000
    assert job_of(engine, id).attempt == 1_000_000_000
