"""The databases themselves refuse jobs in states that cannot be: no bug of ours can store one."""

import sqlite3
from collections.abc import Iterator

import psycopg
import pytest

from packhorse.domain.state import FINAL, LIVE, JobState
from packhorse.engine import Engine
from packhorse.testing.contract.steps import claim_one, enqueue_one, job_of
from tests.opening import open_engine

REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.DataError)
TABLES = {"sqlite": "packhorse_{}", "postgresql": "packhorse.{}"}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database of its own."""
    engine = open_engine(database_url)
    engine.migrate()
    yield engine
    engine.close()


def execute(engine: Engine, text: str) -> None:
    """Run SQL in a transaction of its own."""
    transaction = engine.begin()
    try:
        transaction.execute(text)
        transaction.commit()
    finally:
        transaction.rollback()


def update(engine: Engine, table: str, change: str) -> None:
    """Change every row of one of our tables."""
    execute(engine, f"UPDATE {TABLES[engine.dialect].format(table)} SET {change}")  # noqa: S608 - words of this file


@pytest.mark.accepts("C5", "C8")
@pytest.mark.parametrize(
    "change",
    [
        "state = 'executing'",
        "state = 'executing', worker_id = 1",
        "state = 'executing', lease_number = 1",
        "worker_id = 1, lease_number = 1",
        "state = 'blocked'",
        "waits_for = 'task'",
        "state = 'scheduled'",
        "state = 'running'",
        "state = ''",
        "state = null",
        *(f"state = '{state}'" for state in sorted(FINAL)),
        "priority = 32768",
        "priority = null",
        "order_at = null",
        "queue = null",
        "task = null",
        "args = null",
    ],
)
def test_an_available_job_cannot_be_changed_into(engine: Engine, change: str) -> None:
    """What has no lease does not execute, what waits says for what, and only a finished job is final."""
    id = enqueue_one(engine)
    before = job_of(engine, id)
    with pytest.raises(REFUSED):
        update(engine, "job", change)
    assert job_of(engine, id) == before


@pytest.mark.accepts("C5")
@pytest.mark.parametrize("change", ["state = 'available'", "worker_id = null", "lease_number = null"])
def test_an_executing_job_cannot_be_changed_into(engine: Engine, change: str) -> None:
    """State and lease come and go together."""
    id = enqueue_one(engine)
    claim_one(engine)
    with pytest.raises(REFUSED):
        update(engine, "job", change)
    assert job_of(engine, id).state is JobState.EXECUTING


@pytest.mark.accepts("C8")
@pytest.mark.parametrize("state", [*sorted(LIVE), "done"])
def test_a_finished_job_cannot_be_in_state(engine: Engine, state: str) -> None:
    """A live state among the finished jobs would hide the job from every worker."""
    engine.cancel_jobs([enqueue_one(engine)])
    with pytest.raises(REFUSED):
        update(engine, "finished", f"state = '{state}'")


def test_there_is_one_installation(engine: Engine) -> None:
    """A second id could not be told from the first."""
    table = TABLES[engine.dialect].format("installation")
    with pytest.raises(REFUSED):
        execute(engine, f"INSERT INTO {table} SELECT * FROM {table}")  # noqa: S608 - a name of our own
