"""The engine's connections to PostgreSQL come and go without its callers noticing, where that is safe."""

import multiprocessing
import threading
from collections.abc import Iterator
from multiprocessing.queues import Queue

import psycopg
import pytest

from packhorse.domain.claim import Claim
from packhorse.domain.decide import decide
from packhorse.domain.job import Lease, NewJob
from packhorse.domain.outcome import Success
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import JobState
from packhorse.engines.postgres.connections import Connections
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.errors import DatabaseUnreachable
from packhorse.operations import Cancelled
from tests.servers import CutProxy, LocalPostgres
from tests.waiting import wait_until

JOB = NewJob(task="t")
pytestmark = [pytest.mark.engines("postgresql"), pytest.mark.accepts("C10")]


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[PostgresEngine]:
    """An engine with its schema."""
    engine = PostgresEngine(postgresql_url)
    engine.migrate()
    yield engine
    engine.close()


@pytest.fixture
def distant(engine: PostgresEngine, cut_proxy: CutProxy, postgresql_url: str) -> Iterator[PostgresEngine]:
    """Another engine on the same database, by way of the proxy; closed also when a test fails."""
    assert engine.address
    distant = PostgresEngine(cut_proxy.url(postgresql_url))
    yield distant
    distant.close()


def terminate_all(url: str) -> None:
    """End every other session of the database."""
    with psycopg.connect(url) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_terminated_idle_session_is_replaced_before_anything_is_sent(
    engine: PostgresEngine, postgresql_url: str
) -> None:
    """So the next call does its work as if nothing had happened, once."""
    engine.insert_jobs([JOB])
    terminate_all(postgresql_url)

    assert len(engine.insert_jobs([JOB])) == 1
    assert sum(engine.count_jobs().values()) == 2


def test_a_restarted_server_is_found_again(private_postgres: LocalPostgres) -> None:
    """While it is away, calls say that it can't be reached; after that they work."""
    engine = PostgresEngine(private_postgres.create_database())
    engine.migrate()
    engine.insert_jobs([JOB])
    private_postgres.interrupt()
    with pytest.raises(DatabaseUnreachable):
        engine.insert_jobs([JOB])
    private_postgres.start()

    assert len(engine.insert_jobs([JOB])) == 1
    engine.close()


def test_a_statement_whose_answer_was_cut_off_is_not_repeated(
    engine: PostgresEngine, distant: PostgresEngine, cut_proxy: CutProxy
) -> None:
    """Nobody can tell whether it took place, so the caller must know; this time it did."""
    distant.installation_id()
    sprung = cut_proxy.cut_at(b"insert_job", delivered=True)
    with pytest.raises(DatabaseUnreachable):
        distant.insert_jobs([JOB])

    assert sprung.wait(10)
    wait_until(lambda: sum(engine.count_jobs().values()) == 1)
    assert len(distant.insert_jobs([JOB])) == 1


def test_reading_is_repeated_when_the_answer_was_cut_off(
    engine: PostgresEngine, distant: PostgresEngine, cut_proxy: CutProxy
) -> None:
    """It does no harm, so nobody needs to know."""
    engine.insert_jobs([JOB])
    distant.installation_id()
    sprung = cut_proxy.cut_at(b"most (number)", delivered=True)

    assert distant.count_jobs()[JobState.AVAILABLE] == 1
    assert sprung.wait(10)


def test_a_session_that_is_terminated_under_a_statement_is_replaced(
    engine: PostgresEngine, postgresql_url: str
) -> None:
    """The server says so itself, and that it has undone the statement: it is run again."""
    [id] = engine.insert_jobs([JOB])
    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT FROM packhorse.job WHERE id = %s FOR UPDATE", [id])
        cancelled: list[Cancelled] = []
        thread = threading.Thread(target=lambda: cancelled.append(engine.cancel_jobs([id])))
        thread.start()
        wait_until(lambda: _waiting(postgresql_url))
        terminate_all_waiting(postgresql_url)
        wait_until(lambda: _waiting(postgresql_url))
        other.rollback()
        thread.join(30)

    assert cancelled == [Cancelled(frozenset({id}))]


def terminate_all_waiting(url: str) -> None:
    """End every session that waits for a lock."""
    with psycopg.connect(url) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )


@pytest.mark.accepts("C7")
@pytest.mark.parametrize("delivered", [True, False])
def test_a_commit_whose_answer_was_cut_off_took_place_whole_or_not_at_all(
    engine: PostgresEngine, distant: PostgresEngine, cut_proxy: CutProxy, delivered: bool
) -> None:
    """The handler's job and its acknowledgement stay together."""
    engine.insert_jobs([JOB])
    [job] = engine.claim_jobs(Claim(lease=Lease(1, 1), queue="default", limit=1))
    transaction = distant.begin()
    transaction.run(distant.insert_statement([NewJob(task="effect")]))
    [statement] = distant.ack_statements(decide(job, Success(), RetryPolicy(), 0))
    assert transaction.run(statement) == [(job.id,)]
    cut_proxy.cut_at(b"COMMIT", delivered=delivered)
    with pytest.raises(DatabaseUnreachable):
        transaction.commit()
    transaction.rollback()

    def settled() -> bool:
        counts = engine.count_jobs()
        return (counts[JobState.SUCCEEDED], counts[JobState.AVAILABLE]) == (int(delivered), int(delivered))

    wait_until(settled)


def test_a_forked_child_opens_its_own(engine: PostgresEngine) -> None:
    """Two processes on one socket would take each other's answers."""
    engine.insert_jobs([JOB])
    context = multiprocessing.get_context("fork")
    counted: Queue[int] = context.Queue()
    child = context.Process(target=lambda: counted.put(sum(engine.count_jobs().values())))
    child.start()

    assert counted.get(timeout=30) == 1
    child.join(30)
    assert len(engine.insert_jobs([JOB])) == 1


def test_many_threads_share_few_connections(engine: PostgresEngine, postgresql_url: str) -> None:
    """Each call has one for itself, and what is idle is used again."""
    threads = [threading.Thread(target=lambda: [engine.insert_jobs([JOB]) for _ in range(10)]) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(engine.count_jobs().values()) == 160
    with psycopg.connect(postgresql_url) as other:
        [open_now] = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone() or [0]
    assert open_now <= 8


def test_a_deadlock_is_tried_again(engine: PostgresEngine, postgresql_url: str) -> None:
    """It undid everything, so repeating it is safe; and it is not the caller's fault."""
    first, second = engine.insert_jobs([JOB, JOB])
    with psycopg.connect(postgresql_url) as other:
        other.execute("SET deadlock_timeout = '10min'")
        other.execute("SELECT FROM packhorse.job WHERE id = %s FOR UPDATE", [second])
        cancelled: list[Cancelled] = []
        thread = threading.Thread(target=lambda: cancelled.append(engine.cancel_jobs([first, second])))
        thread.start()
        wait_until(lambda: _waiting(postgresql_url))
        other.execute("SELECT FROM packhorse.job WHERE id = %s FOR UPDATE", [first])
        other.rollback()
        thread.join(30)

    assert cancelled == [Cancelled(frozenset({first, second}))]


def test_a_closed_engine_says_so(engine: PostgresEngine) -> None:
    """Rather than to connect again."""
    engine.close()

    with pytest.raises(DatabaseUnreachable, match="closed"):
        engine.insert_jobs([JOB])


def test_a_server_without_room_is_told(private_postgres: LocalPostgres) -> None:
    """With what would help."""
    url = private_postgres.create_database()
    engine = PostgresEngine(url)
    engine.migrate()
    engine.close()
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(f'ALTER DATABASE "{url.rpartition("/")[2]}" CONNECTION LIMIT 0'.encode())
        other.execute("CREATE ROLE clerk LOGIN")
    clerk = PostgresEngine(url.replace("packhorse@", "clerk@"))
    with pytest.raises(DatabaseUnreachable, match="pooler"):
        clerk.check_schema()


def _waiting(url: str) -> bool:
    with psycopg.connect(url) as other:
        row = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    return row is not None and row[0] == 1


def test_a_transaction_that_is_interrupted_in_the_middle_of_a_message_is_undone_without_a_word(
    postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As by Ctrl-C: the connection, which takes no other message, is closed, and the interruption is what is told."""
    connections = Connections(postgresql_url, "here")

    def interrupt() -> None:
        with connections.transaction() as connection:
            connection.execute("CREATE TABLE half_done ()")
            connection.pgconn.send_query(b"SELECT 1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()

    assert caplog.messages == []
    wait_until(lambda: not connections.run("SELECT FROM pg_class WHERE relname = 'half_done'"))
    connections.close()
