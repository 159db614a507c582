"""PostgreSQL: claims do not wait for the disk, so a server that crashes may forget some; nothing depends on them."""

from collections.abc import Iterator

import pytest

from packhorse.domain.outcome import Success, Unstarted
from packhorse.domain.state import JobState
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.errors import DatabaseError
from packhorse.testing.contract.steps import acknowledge, claim_one, decided, enqueue_one, job_of, rescue
from tests.servers import LocalPostgres
from tests.servers.postgres import SAFE
from tests.waiting import wait_until

pytestmark = pytest.mark.engines("postgresql")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalPostgres]:
    """A server that writes what nobody waits for only every ten seconds."""
    server = LocalPostgres(**{**SAFE, "wal_writer_delay": "10s"})
    yield server
    server.stop()


@pytest.fixture
def engine(server: LocalPostgres) -> Iterator[PostgresEngine]:
    """An engine on a database of its own there."""
    engine = PostgresEngine(server.create_database())
    engine.migrate()
    yield engine
    engine.close()


def crash(server: LocalPostgres, engine: PostgresEngine) -> None:
    """Kill every process of the server at once, and bring it back."""
    server.kill()
    server.start()
    wait_until(lambda: is_back(engine), timeout=30, what="an engine that reaches the server again")


def is_back(engine: PostgresEngine) -> bool:
    """Whether the engine answers."""
    try:
        engine.count_jobs()
    except DatabaseError:
        return False
    return True


@pytest.mark.accepts("C5", "C7")
def test_a_forgotten_claim_is_refused(server: LocalPostgres, engine: PostgresEngine) -> None:
    """The worker still runs the job, which is available again; its acknowledgement changes nothing."""
    id = enqueue_one(engine)
    forgotten = claim_one(engine)
    crash(server, engine)
    assert (job_of(engine, id).state, job_of(engine, id).attempt) == (JobState.AVAILABLE, 0)
    assert not acknowledge(engine, forgotten, Success())
    assert not acknowledge(engine, forgotten, Unstarted())
    assert job_of(engine, id).state is JobState.AVAILABLE


@pytest.mark.accepts("C5", "C7")
def test_a_forgotten_claim_is_not_taken_for_the_next_one(server: LocalPostgres, engine: PostgresEngine) -> None:
    """The same worker claims the job anew, as the same attempt: still only the new claim's acknowledgement counts."""
    id = enqueue_one(engine)
    forgotten = claim_one(engine)
    crash(server, engine)
    current = claim_one(engine)
    assert (current.attempt, current.lease.worker) == (forgotten.attempt, forgotten.lease.worker)
    transaction = engine.begin()
    assert not any(transaction.run(statement) for statement in engine.ack_statements(decided(forgotten, Success())))
    transaction.rollback()
    assert acknowledge(engine, current, Success())
    assert job_of(engine, id).attempt == 1


@pytest.mark.accepts("C7")
def test_an_acknowledgement_is_never_forgotten(server: LocalPostgres, engine: PostgresEngine) -> None:
    """It waits for the disk, and takes the claim before it along; so does what was enqueued and rescued."""
    done, rescued = enqueue_one(engine), enqueue_one(engine, queue="mail")
    assert acknowledge(engine, claim_one(engine), Success())
    claim_one(engine, worker=2, queue="mail")
    assert rescue(engine, 2) == {rescued}
    enqueued = enqueue_one(engine)
    crash(server, engine)
    assert job_of(engine, done).state is JobState.SUCCEEDED
    assert (job_of(engine, rescued).state, job_of(engine, rescued).crashes) == (JobState.AVAILABLE, 1)
    assert job_of(engine, enqueued).state is JobState.AVAILABLE
