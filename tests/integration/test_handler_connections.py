"""What a handler sets on its transaction's connection disturbs neither the acknowledgement nor whoever comes next."""

import asyncio
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.numeric import FloatLoader

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


SETTINGS: dict[str, Any] = {
    "isolation_level": psycopg.IsolationLevel.SERIALIZABLE,
    "read_only": True,
    "deferrable": True,
    "autocommit": True,
    "row_factory": dict_row,
    "cursor_factory": None,
    "prepare_threshold": 0,
}
"""What a handler may set on its connection; no cursor factory is none that works."""


def seen_on(connection: psycopg.Connection | psycopg.AsyncConnection) -> dict[str, Any]:
    """The settings of a connection."""
    return {name: getattr(connection, name) for name in SETTINGS}


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_reaches_the_next_handler(engine: PostgresEngine, name: str) -> None:
    """Whatever its predecessor wanted of transactions and of rows."""
    transaction = engine.begin()
    before = seen_on(transaction.connection)
    setattr(transaction.connection, name, SETTINGS[name])
    transaction.commit()
    following = engine.begin()
    after = seen_on(following.connection)
    following.rollback()

    assert after == before


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_reaches_the_next_coroutine(engine: PostgresEngine, name: str) -> None:
    """As in a thread."""

    async def run() -> list[dict[str, Any]]:
        transaction = await engine.abegin()
        before = seen_on(transaction.connection)
        if isinstance(getattr(psycopg.AsyncConnection, name, None), property) and name != "prepare_threshold":
            await getattr(transaction.connection, f"set_{name}")(SETTINGS[name])
        else:
            setattr(transaction.connection, name, SETTINGS[name])
        await transaction.commit()
        following = await engine.abegin()
        after = seen_on(following.connection)
        await following.rollback()
        return [before, after]

    before, after = asyncio.run(run())
    assert after == before


@pytest.mark.engines("postgresql")
def test_no_registration_reaches_the_next_handler(engine: PostgresEngine) -> None:
    """An amount of money is no float because another handler likes floats."""
    transaction = engine.begin()
    transaction.connection.adapters.register_loader("numeric", FloatLoader)
    transaction.commit()
    following = engine.begin()
    same, [[amount]] = following.connection is transaction.connection, following.execute("SELECT 0.1")
    following.connection.add_notice_handler(lambda _: None)
    following.rollback()
    last = engine.begin()
    last.rollback()

    assert same
    assert amount == Decimal("0.1")
    assert last.connection is not following.connection


@pytest.mark.engines("postgresql")
def test_no_registration_reaches_the_next_coroutine(engine: PostgresEngine) -> None:
    """As in a thread."""

    async def run() -> Any:
        transaction = await engine.abegin()
        transaction.connection.adapters.register_loader("numeric", FloatLoader)
        await transaction.commit()
        following = await engine.abegin()
        [[amount]] = await (await following.execute("SELECT 0.1")).fetchall()
        await following.rollback()
        return amount

    assert asyncio.run(run()) == Decimal("0.1")
