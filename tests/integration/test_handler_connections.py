"""What a handler sets on its transaction's connection disturbs neither the acknowledgement nor whoever comes next."""

import asyncio
import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from packhorse.domain.decide import Ack, decide
from packhorse.domain.job import Lease, NewJob
from packhorse.domain.outcome import Success
from packhorse.domain.retry import RetryPolicy
from packhorse.engine import Claim
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from tests.opening import open_engine

pytestmark = pytest.mark.accepts("C7")


@pytest.fixture
def engine(database_url: str) -> Iterator[SqliteEngine | PostgresEngine]:
    """An engine with its schema."""
    engine = open_engine(database_url)
    engine.migrate()
    yield engine
    engine.close()


def claimed(engine: SqliteEngine | PostgresEngine) -> Ack:
    """The acknowledgement of a job that runs."""
    engine.insert_jobs([NewJob(task="t")])
    [job] = engine.claim_jobs(Claim(lease=Lease(1, 1), queue="default", limit=1))
    return decide(job, Success(), RetryPolicy(), 0)


def other_rows(engine: SqliteEngine | PostgresEngine) -> Any:
    """A row factory that gives something else than tuples."""
    return sqlite3.Row if isinstance(engine, SqliteEngine) else dict_row


def test_a_row_factory_is_the_handler_s_own(engine: SqliteEngine | PostgresEngine) -> None:
    """Our statements give plain rows all the same, and the next handler gets plain rows."""
    ack = claimed(engine)
    transaction = engine.begin()
    transaction.connection.row_factory = other_rows(engine)
    rows = [row for statement in engine.ack_statements(ack) for row in transaction.run(statement)]
    transaction.commit()
    following = engine.begin()
    one = following.execute("SELECT 1").fetchone()
    following.rollback()

    assert rows == [(ack.job_id,)]
    assert one == (1,)
    assert engine.find_job(ack.job_id) is not None


def test_a_coroutine_s_row_factory_is_its_own(engine: SqliteEngine | PostgresEngine) -> None:
    """As in a thread."""
    ack = claimed(engine)

    async def run() -> list[Any]:
        transaction = await engine.abegin()
        transaction.connection.row_factory = other_rows(engine)
        rows = [row for statement in engine.ack_statements(ack) for row in await transaction.run(statement)]
        await transaction.commit()
        return rows

    assert asyncio.run(run()) == [(ack.job_id,)]


def test_a_commit_by_the_handler_ends_its_own_work_only(engine: SqliteEngine | PostgresEngine) -> None:
    """The acknowledgement then stands alone; it is guarded by the lease as ever."""
    ack = claimed(engine)
    transaction = engine.begin()
    transaction.execute("CREATE TABLE effect (n integer)")
    transaction.connection.commit()
    for statement in engine.ack_statements(ack):
        transaction.run(statement)
    transaction.commit()

    assert engine.ack_jobs([ack]) == set()


def test_a_connection_closed_by_the_handler_is_not_given_out_again(engine: SqliteEngine | PostgresEngine) -> None:
    """The transaction is over, and nothing of it stays."""
    transaction = engine.begin()
    transaction.execute("CREATE TABLE effect (n integer)")
    transaction.connection.close()
    transaction.rollback()
    following = engine.begin()
    with pytest.raises((sqlite3.Error, psycopg.Error)):
        following.execute("SELECT * FROM effect")
    following.rollback()
    transaction.rollback()

    assert len(engine.insert_jobs([NewJob(task="t")])) == 1
