"""Our own statements on PostgreSQL wait only so long, and leave nothing behind in the session."""

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import psycopg
import pytest

from packhorse import Packhorse
from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack, decide
from packhorse.domain.job import Lease, NewJob
from packhorse.domain.outcome import Success
from packhorse.domain.retry import RetryPolicy
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.errors import DatabaseBusy, DatabaseError, DatabaseReadOnly, DatabaseUnreachable, SchemaMissing
from packhorse.preparing import CHUNK
from tests.waiting import wait_until

JOB = NewJob(task="t")
SHOWN = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
pytestmark = pytest.mark.engines("postgresql")


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[PostgresEngine]:
    """An engine that waits for almost nothing."""
    engine = PostgresEngine(
        postgresql_url, statement_timeout=timedelta(milliseconds=500), lock_timeout=timedelta(milliseconds=100)
    )
    engine.migrate()
    yield engine
    engine.close()


def is_past(moment: float) -> bool:
    """Whether the monotonic clock has passed it."""
    return time.monotonic() > moment


def claimed(engine: PostgresEngine) -> Ack:
    """The acknowledgement of a job that runs."""
    engine.insert_jobs([JOB])
    [job] = engine.claim_jobs(Claim(lease=Lease(1, 1), queue="default", limit=1))
    return decide(job, Success(), RetryPolicy(), 0)


def test_a_lock_is_waited_for_only_so_long(engine: PostgresEngine, postgresql_url: str) -> None:
    """A migration of the application's that locks our table can't hold our threads for ever."""
    with psycopg.connect(postgresql_url) as other:
        other.execute("LOCK TABLE packhorse.job IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseBusy, match="try again"):
            engine.insert_jobs([JOB])

    assert len(engine.insert_jobs([JOB])) == 1


def test_many_jobs_wait_for_a_lock_only_so_long(engine: PostgresEngine, postgresql_url: str) -> None:
    """More than one statement takes are stored in a transaction of ours, whose statements are limited as any."""
    app = Packhorse(postgresql_url)
    app._engines[os.getpid()] = engine

    @app.task(name="t")
    def count(n: int) -> None: ...

    calls = [count.call(n) for n in range(CHUNK + 1)]
    with psycopg.connect(postgresql_url) as other:
        other.execute("LOCK TABLE packhorse.job IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseBusy, match="lock"):
            app.enqueue_many(calls)

    assert len(app.enqueue_many(calls)) == CHUNK + 1


def test_an_acknowledgement_in_a_handler_s_transaction_waits_only_so_long(
    engine: PostgresEngine, postgresql_url: str
) -> None:
    """The handler's own statements before it are under its own limits."""
    ack = claimed(engine)
    transaction = engine.begin()
    limits = transaction.execute(SHOWN).fetchone()
    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT FROM packhorse.job FOR UPDATE")
        with pytest.raises(DatabaseBusy, match="lock"):
            transaction.commit_with(engine.ack_statements(ack))

    assert limits == ("0", "0")
    assert engine.ack_jobs([ack]) == {ack.job_id}


def test_an_acknowledgement_in_a_coroutine_s_transaction_waits_only_so_long(
    engine: PostgresEngine, postgresql_url: str
) -> None:
    """As in a thread."""
    ack = claimed(engine)

    async def run() -> object:
        transaction = await engine.abegin()
        limits = await (await transaction.execute(SHOWN)).fetchone()
        with pytest.raises(DatabaseBusy, match="lock"):
            await transaction.commit_with(engine.ack_statements(ack))
        return limits

    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT FROM packhorse.job FOR UPDATE")
        limits = asyncio.run(run())

    assert limits == ("0", "0")
    assert engine.ack_jobs([ack]) == {ack.job_id}


def test_an_enqueue_leaves_a_handler_its_own_limits(engine: PostgresEngine) -> None:
    """It is the handler's transaction, and whatever it does next may take as long as it likes."""
    transaction = engine.begin()
    transaction.execute("SET LOCAL statement_timeout = '10min'")
    for jobs in ([JOB], [JOB] * 3):
        assert len(transaction.run(engine.insert_statement(jobs))) == len(jobs)
    limits = transaction.execute(SHOWN).fetchone()
    transaction.rollback()

    assert limits == ("10min", "0")


def test_jobs_that_take_long_to_prepare_are_not_one_statement_s_time(engine: PostgresEngine) -> None:
    """What is copied while others are prepared goes in as many statements as that takes."""

    def parcels() -> Iterator[list[NewJob]]:
        for number in range(1, 5):
            wait_until(partial(is_past, began + number * 0.2))
            yield [JOB] * 10

    began = time.monotonic()
    assert len(engine.insert_many(parcels(), 40)) == 40


def test_a_result_is_stored_in_the_letters_it_has(engine: PostgresEngine) -> None:
    """Whatever encoding the handler has set for its own statements."""
    engine.insert_jobs([JOB])
    [job] = engine.claim_jobs(Claim(lease=Lease(1, 1), queue="default", limit=1))
    transaction = engine.begin()
    transaction.execute("SET client_encoding TO latin1")
    assert transaction.commit_with(engine.ack_statements(decide(job, Success('"ü"'), RetryPolicy(), 0)))
    record = engine.find_job(job.id)

    assert record is not None
    assert record.result == '"ü"'


def test_a_refused_end_leaves_a_clean_connection(engine: PostgresEngine) -> None:
    """Refused by the lease, or by a constraint at the commit: the handler's settings are gone, and nothing is open."""
    ack = claimed(engine)
    engine.ack_jobs([ack])
    for refused in ("lease", "constraint"):
        transaction = engine.begin()
        transaction.execute("SET statement_timeout = '1s'")
        if refused == "constraint":
            ack = claimed(engine)
            transaction.execute("CREATE TABLE effect (n integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            transaction.execute("INSERT INTO effect VALUES (1), (1)")
            with pytest.raises(DatabaseError, match="duplicate"):
                transaction.commit_with(engine.ack_statements(ack))
        else:
            assert not transaction.commit_with(engine.ack_statements(ack))
        following = engine.begin()
        limits = following.execute(SHOWN).fetchone()
        following.rollback()
        assert limits == ("0", "0")

    assert engine.ack_jobs([ack]) == {ack.job_id}


def test_a_statement_takes_only_so_long(engine: PostgresEngine) -> None:
    """The limit goes along in the same message, and holds for the statement that follows it."""
    with pytest.raises(DatabaseBusy, match="took too long"):
        engine._connections.run(engine._limits + "SELECT pg_sleep(20)")


def test_the_session_stays_as_it_was(engine: PostgresEngine) -> None:
    """A pooler may hand it to somebody else."""
    engine.insert_jobs([JOB])
    engine.claim_jobs(Claim(lease=Lease(1, 1), queue="default", limit=1))
    rows = engine._connections.run("SELECT name FROM pg_settings WHERE source = 'session'")

    assert [name for name, *_ in rows if name != "client_encoding"] == []
    assert engine._connections.run("SELECT count(*) FROM pg_prepared_statements") == [(0,)]
    assert engine._connections.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


def test_a_claim_does_not_wait_for_the_disk_and_a_job_does(engine: PostgresEngine) -> None:
    """A forgotten claim costs a repeated run; a forgotten job would be lost."""
    seen = {name: engine._message(name) for name in ("claim_jobs", "insert_jobs", "ack_jobs")}

    assert "synchronous_commit" in seen["claim_jobs"]
    assert "synchronous_commit" not in seen["insert_jobs"] + seen["ack_jobs"]


def test_no_schema_is_told_with_the_command_that_makes_one(postgresql_url: str) -> None:
    """PostgreSQL is never changed unasked."""
    engine = PostgresEngine(postgresql_url)
    for attempt in (engine.check_schema, lambda: engine.insert_jobs([JOB]), lambda: engine.glance(1)):
        with pytest.raises(SchemaMissing, match="packhorse migrate up"):
            attempt()
    assert engine.schema_status().current is None
    engine.close()


def test_a_server_that_takes_no_writes_is_told(engine: PostgresEngine, postgresql_url: str) -> None:
    """As after a failover, when the address leads to the standby."""
    name = postgresql_url.rpartition("/")[2]
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    reader = PostgresEngine(postgresql_url)
    with pytest.raises(DatabaseReadOnly, match="primary"):
        reader.insert_jobs([JOB])

    assert sum(reader.count_jobs().values()) == 0
    reader.close()


def test_a_missing_permission_is_told(engine: PostgresEngine, postgresql_url: str) -> None:
    """With what to do."""
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute("CREATE ROLE packhorse_test_clerk LOGIN")
        try:
            clerk = PostgresEngine(postgresql_url.replace("packhorse@", "packhorse_test_clerk@"))
            with pytest.raises(DatabaseError, match="grant"):
                clerk.insert_jobs([JOB])
            clerk.close()
        finally:
            other.execute("DROP ROLE packhorse_test_clerk")


def test_a_missing_database_and_a_silent_server_are_unreachable(postgresql_url: str) -> None:
    """The message names the place."""
    for url in (postgresql_url + "_missing", "postgresql://127.0.0.1:1/shop"):
        with pytest.raises(DatabaseUnreachable, match=r"postgresql://127\.0\.0\.1:\d+/"):
            PostgresEngine(url).check_schema()


def test_unusual_settings_of_the_database_do_no_harm(postgresql_url: str) -> None:
    """Another date style, time zone, isolation level or search path changes nothing of what we read or write."""
    name = postgresql_url.rpartition("/")[2]
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        for setting in (
            "datestyle = 'German, DMY'",
            "timezone = 'Asia/Kathmandu'",
            "intervalstyle = 'iso_8601'",
            "default_transaction_isolation = 'serializable'",
            "search_path = 'nowhere'",
            "standard_conforming_strings = off",
            "bytea_output = 'escape'",
        ):
            other.execute(f'ALTER DATABASE "{name}" SET {setting}'.encode())
    engine = PostgresEngine(postgresql_url)
    engine.migrate()
    args = r'["C:\\temp\\\"x\"", "it' 's %s :name"]'
    [id] = engine.insert_jobs([NewJob(task="t", args=args, delay=timedelta(seconds=-1))])
    [job] = engine.claim_jobs(Claim(lease=Lease(1, 1), queue="default", limit=1))

    assert (job.id, job.args) == (id, args)
    assert job.enqueued_at.utcoffset() == timedelta(0)
    record = engine.find_job(id)
    assert record is not None
    assert record.scheduled_at == job.enqueued_at - timedelta(seconds=1)
    engine.close()
