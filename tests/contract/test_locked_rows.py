"""PostgreSQL: what happens to jobs whose rows another session has locked, stepped by hand."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from packhorse.domain.outcome import Success
from packhorse.domain.state import JobState
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.operations import Cancelled
from packhorse.testing.contract.steps import acknowledge, claim, claim_one, enqueue, enqueue_one, ids_of, job_of
from packhorse.testing.samples import TASK
from tests.waiting import wait_until

pytestmark = pytest.mark.engines("postgresql")
HOUR = timedelta(hours=1)
CLAIM_BY_HAND = "UPDATE packhorse.job SET state = 'executing', worker_id = 9, lease_number = 9 WHERE id = %s"


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[PostgresEngine]:
    """An engine on a database of its own."""
    engine = PostgresEngine(postgresql_url)
    engine.migrate()
    yield engine
    engine.close()


@pytest.fixture
def session(engine: PostgresEngine, postgresql_url: str) -> Iterator[psycopg.Connection]:
    """Another session with an open transaction."""
    assert engine.address
    with psycopg.connect(postgresql_url) as session:
        yield session
        session.rollback()


def lock(session: psycopg.Connection, id: int) -> None:
    """Lock a job's row as an application's own SELECT could."""
    session.execute("SELECT FROM packhorse.job WHERE id = %s FOR UPDATE", [id])


def while_it_waits(session: psycopg.Connection, act: Callable[[], object], end: Callable[[], None]) -> Future[object]:
    """Begin `act` in a thread, and call `end` when it waits for a lock of the session's."""
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(act)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        wait_until(lambda: one_value(session, waiting), what="a session that waits for the lock")
        end()
    return future


def one_value(session: psycopg.Connection, statement: str) -> int:
    """A number, read in the session's transaction."""
    row = session.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.accepts("C2")
def test_a_claim_passes_over_a_locked_job(engine: PostgresEngine, session: psycopg.Connection) -> None:
    """It takes the next one at once; the locked one is there when the lock is gone."""
    first, second = enqueue(engine, 2)
    lock(session, first)
    assert ids_of(claim(engine)) == [second]
    session.rollback()
    assert ids_of(claim(engine)) == [first]


@pytest.mark.accepts("C3", "C13")
def test_staging_parking_and_unparking_pass_over_a_locked_job(
    engine: PostgresEngine, session: psycopg.Connection
) -> None:
    """What one worker has in hand the others leave to it."""
    scheduled, _ = enqueue(engine, 2, queue="later", delay=HOUR)
    available, _ = enqueue(engine, 2)
    engine.move_clock(HOUR)
    lock(session, scheduled)
    lock(session, available)
    assert engine.stage_jobs(10) == 1
    assert engine.park_jobs("default", TASK, 10) == 1
    session.rollback()
    assert engine.park_jobs("default", TASK, 10) == 1
    lock(session, available)
    assert engine.unpark_jobs([TASK], 10) == 1


@pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
def test_a_job_is_either_claimed_or_cancelled(
    engine: PostgresEngine, session: psycopg.Connection, *, commits: bool
) -> None:
    """The cancellation waits for a claim under way, and leaves the job to it if it commits."""
    id = enqueue_one(engine)
    session.execute(CLAIM_BY_HAND, [id])
    end = session.commit if commits else session.rollback
    future = while_it_waits(session, lambda: engine.cancel_jobs([id]), end)
    assert future.result() == (Cancelled(asked=frozenset({id})) if commits else Cancelled(frozenset({id})))
    assert job_of(engine, id).state is (JobState.EXECUTING if commits else JobState.CANCELLED)


def test_a_job_that_is_being_cancelled_is_not_claimed(engine: PostgresEngine, session: psycopg.Connection) -> None:
    """Nor waited for."""
    first, second = enqueue(engine, 2)
    session.execute("DELETE FROM packhorse.job WHERE id = %s", [first])
    assert ids_of(claim(engine)) == [second]


@pytest.mark.accepts("C5")
def test_an_acknowledgement_waits_and_is_then_judged_anew(engine: PostgresEngine, session: psycopg.Connection) -> None:
    """The rescuer's transaction was first: when it commits, the lease that the ack names is gone."""
    id = enqueue_one(engine)
    job = claim_one(engine)
    session.execute(
        "UPDATE packhorse.job SET state = 'available', worker_id = null, lease_number = null WHERE id = %s", [id]
    )
    future = while_it_waits(session, lambda: acknowledge(engine, job, Success()), session.commit)
    assert future.result() is False
    assert job_of(engine, id).state is JobState.AVAILABLE
    assert engine.list_attempts(id) == []


@pytest.mark.accepts("C5")
def test_an_acknowledgement_survives_a_rescue_that_was_rolled_back(
    engine: PostgresEngine, session: psycopg.Connection
) -> None:
    """It waits no longer than that."""
    id = enqueue_one(engine)
    job = claim_one(engine)
    session.execute("UPDATE packhorse.job SET lease_number = lease_number + 1 WHERE id = %s", [id])
    future = while_it_waits(session, lambda: acknowledge(engine, job, Success()), session.rollback)
    assert future.result() is True
    assert job_of(engine, id).state is JobState.SUCCEEDED
