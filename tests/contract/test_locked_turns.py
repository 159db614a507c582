"""PostgreSQL: whose turn it is while another session has the rows of those that wait, stepped by hand."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Success
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import acknowledge, claim, claim_one, decided, enqueue_one, line, settle
from packhorse.testing.samples import new_job
from tests.contract.connections import PARAMETER
from tests.contract.test_locked_rows import lock
from tests.waiting import wait_until

pytestmark = pytest.mark.engines("postgresql")
SERIAL, GROUP = Keys(serial_key="s"), Keys(group_key="g")
CANCEL = "DELETE FROM packhorse.job WHERE id = %s"
HOLD = "UPDATE packhorse.job SET state = 'blocked', waits_for = 'hold' WHERE id = %s"


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[PostgresEngine]:
    """An engine that waits for no lock, on a database of its own."""
    engine = PostgresEngine(postgresql_url, lock_timeout=timedelta(seconds=0.5))
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


def next_of(engine: PostgresEngine) -> int:
    """Settle until somebody can be claimed; who."""

    def looked() -> list[int]:
        settle(engine)
        return [job.id for job in claim(engine)]

    [id] = wait_until(looked, 5, "the next one's turn")
    return int(id)


@pytest.mark.accepts("C15")
@pytest.mark.parametrize("keys", [SERIAL, GROUP], ids=["serial", "group"])
def test_an_end_does_not_wait_for_whoever_has_the_next_one(
    engine: PostgresEngine, session: psycopg.Connection, keys: Keys
) -> None:
    """A producer who found it by its unique key, say; when its transaction is over, it goes on all the same."""
    put(engine, "default", group_max_running=1)
    _, second = line(engine, 2, keys)
    running = claim_one(engine)
    lock(session, second)
    assert acknowledge(engine, running, Success())
    settle(engine)
    assert claim(engine) == []
    session.rollback()
    assert next_of(engine) == second


@pytest.mark.accepts("C15", "C17")
@pytest.mark.parametrize("keys", [SERIAL, GROUP], ids=["serial", "group"])
@pytest.mark.parametrize("statement", [CANCEL, HOLD], ids=["cancel", "hold"])
def test_whoever_goes_away_at_that_moment_is_not_the_next(
    engine: PostgresEngine, session: psycopg.Connection, keys: Keys, statement: str
) -> None:
    """The one behind it is, at once or when that is over; never the one that was held."""
    put(engine, "default", group_max_running=1)
    _, second, third = line(engine, 3, keys)
    running = claim_one(engine)
    session.execute(statement.encode(), [second])
    assert acknowledge(engine, running, Success())
    session.commit()
    assert next_of(engine) == third


@pytest.mark.accepts("C15")
def test_producers_of_one_key_do_not_wait_for_each_other(engine: PostgresEngine, session: psycopg.Connection) -> None:
    """One has stored a job with the key and keeps its transaction open: others store theirs, and these run."""
    statement = engine.insert_statement([new_job(keys=SERIAL)])
    text = PARAMETER.sub(r"%(\1)s", statement.text.replace("%", "%%"))
    session.execute(text.encode(), statement.params)
    first, second = line(engine, 2, SERIAL)
    assert next_of(engine) == first
    acknowledge(engine, engine.list_leased_jobs(1, 1)[0], Success())
    assert claim_one(engine).id == second
    acknowledge(engine, engine.list_leased_jobs(1, 1)[0], Success())
    session.commit()
    assert next_of(engine) not in (first, second)


@pytest.mark.accepts("C15")
def test_fresh_ones_that_somebody_has_keep_their_place(engine: PostgresEngine, session: psycopg.Connection) -> None:
    """Nobody who settles waits for them, and nobody overtakes them."""
    first = enqueue_one(engine, keys=SERIAL)
    lock(session, first)
    enqueue_one(engine, keys=SERIAL)
    engine.admit_jobs(10)
    assert claim(engine) == []
    session.rollback()
    assert next_of(engine) == first


@pytest.mark.accepts("C15")
def test_late_ones_that_somebody_has_are_placed_later(engine: PostgresEngine, session: psycopg.Connection) -> None:
    """They became visible when others with higher ids had their places, and come behind those that came meanwhile."""
    statement = engine.insert_statement([new_job(keys=SERIAL)])
    text = PARAMETER.sub(r"%(\1)s", statement.text.replace("%", "%%"))
    row = session.execute(text.encode(), statement.params).fetchone()
    assert row is not None
    running, waiting = line(engine, 2, SERIAL)
    session.commit()
    lock(session, row[0])
    engine.admit_jobs(10)
    later = enqueue_one(engine, keys=SERIAL)
    engine.admit_jobs(10)
    session.rollback()
    for id in (running, waiting, later, row[0]):
        assert next_of(engine) == id
        acknowledge(engine, engine.list_leased_jobs(1, 1)[0], Success())


@pytest.mark.accepts("C15")
@pytest.mark.parametrize("keys", [SERIAL, GROUP], ids=["serial", "group"])
def test_a_handler_with_an_old_snapshot_lets_the_next_one_go_on(engine: PostgresEngine, keys: Keys) -> None:
    """In a REPEATABLE READ transaction, what came after its first statement can't be seen."""
    put(engine, "default", group_max_running=1)
    line(engine, 1, keys)
    job = claim_one(engine)
    transaction = engine.begin()
    transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    transaction.execute("SELECT 1")
    following = enqueue_one(engine, keys=keys)
    settle(engine)
    assert transaction.commit_with(engine.ack_statements(decided(job, Success())))
    assert next_of(engine) == following


@pytest.mark.accepts("C15")
def test_nobody_waits_for_a_follower_that_somebody_has(engine: PostgresEngine, session: psycopg.Connection) -> None:
    """It is looked at again when it is free."""
    target = enqueue_one(engine)
    follower = enqueue_one(engine, keys=Keys(after=(target,)))
    settle(engine)
    lock(session, follower)
    acknowledge(engine, claim_one(engine), Success())
    assert engine.release_followers(100) == 0
    session.rollback()
    assert next_of(engine) == follower
