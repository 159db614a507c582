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

from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack, decide
from packhorse.domain.job import Lease, NewJob
from packhorse.domain.outcome import Success
from packhorse.domain.retry import RetryPolicy
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.errors import DatabaseError
from packhorse.integrations.sqlalchemy import session_on
from packhorse.tasktransaction import TaskTransaction
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
    assert transaction.commit_with(engine.ack_statements(ack))
    following = engine.begin()
    one = following.execute("SELECT 1").fetchone()
    following.rollback()

    assert one == (1,)
    assert engine.find_job(ack.job_id) is not None


def test_a_coroutine_s_row_factory_is_its_own(engine: SqliteEngine | PostgresEngine) -> None:
    """As in a thread."""
    ack = claimed(engine)

    async def run() -> bool:
        transaction = await engine.abegin()
        transaction.connection.row_factory = other_rows(engine)
        return await transaction.commit_with(engine.ack_statements(ack))

    assert asyncio.run(run())
    assert engine.ack_jobs([ack]) == set()


def test_a_commit_by_the_handler_ends_its_own_work_only(engine: SqliteEngine | PostgresEngine) -> None:
    """The acknowledgement then stands alone; it is guarded by the lease as ever."""
    ack = claimed(engine)
    transaction = engine.begin()
    transaction.execute("CREATE TABLE effect (n integer)")
    transaction.connection.commit()
    assert transaction.commit_with(engine.ack_statements(ack))

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
    """An amount of money is no float because another handler likes floats, and nobody hears another one's notices."""
    heard: list[object] = []
    transaction = engine.begin()
    transaction.connection.adapters.register_loader("numeric", FloatLoader)
    transaction.commit()
    following = engine.begin()
    same, [[amount]] = following.connection is transaction.connection, following.execute("SELECT 0.1")
    following.connection.add_notice_handler(heard.append)
    following.execute("SELECT 1")
    following.rollback()
    last = engine.begin()
    last.execute("DO $$ BEGIN RAISE NOTICE 'for whom?'; END $$")
    last.rollback()

    assert same
    assert amount == Decimal("0.1")
    assert (last.connection is following.connection, heard) == (True, [])


@pytest.mark.engines("postgresql")
def test_a_session_leaves_the_connection_to_the_next_handler(engine: PostgresEngine) -> None:
    """SQLAlchemy listens to the notices of each connection; that does not cost the next handler a new one."""
    connections = []
    for _ in range(2):
        transaction = TaskTransaction(engine.begin, session_on)
        transaction.session.connection().exec_driver_sql("SELECT 1")
        connections.append(transaction.connection)
        transaction.commit_with([])
    assert connections[0] is connections[1]


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


LEFT_BEHIND = {
    "search_path": ("SET search_path = elsewhere", "SHOW search_path"),
    "timezone": ("SET timezone = 'Asia/Tokyo'", "SHOW timezone"),
    "statement_timeout": ("SET statement_timeout = '1s'", "SHOW statement_timeout"),
    "read_only": ("SET default_transaction_read_only = on", "SHOW default_transaction_read_only"),
    "tenant": ("SELECT set_config('shop.tenant', 'acme', false)", "SELECT current_setting('shop.tenant', true)"),
    "role": ("SET ROLE pg_monitor", "SELECT current_user"),
    "user": ("SET SESSION AUTHORIZATION pg_monitor", "SELECT session_user"),
    "table": ("CREATE TEMPORARY TABLE mine (n integer)", "SELECT to_regclass('mine')"),
    "lock": ("SELECT pg_advisory_lock(42)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
    "channel": ("LISTEN here", "SELECT count(*) FROM pg_listening_channels()"),
}
"""What SQL leaves in a session, and how it is seen; the custom setting is empty where it was never set, or unset."""


def seen_by(cursor: Any) -> Any:
    """What a query shows."""
    [[value]] = cursor
    return value or None


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("end", ["commit", "rollback", "commit-and-rollback"])
@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_nothing_in_the_session_reaches_the_next_handler(engine: PostgresEngine, name: str, end: str) -> None:
    """Nor whatever else uses the connection: it is given back as it was, by the message that ends the transaction."""
    words, look = LEFT_BEHIND[name]
    transaction = engine.begin()
    before = seen_by(transaction.execute(look))
    transaction.execute(words)
    if end == "commit-and-rollback":
        transaction.connection.commit()
    (transaction.commit if end == "commit" else transaction.rollback)()
    following = engine.begin()
    same, after = following.connection is transaction.connection, seen_by(following.execute(look))
    following.rollback()

    assert (same, after) == (True, before)


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("end", ["commit", "rollback", "commit-and-rollback"])
@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_nothing_in_the_session_reaches_the_next_coroutine(engine: PostgresEngine, name: str, end: str) -> None:
    """As in a thread."""
    words, look = LEFT_BEHIND[name]

    async def run() -> tuple[Any, Any, bool]:
        transaction = await engine.abegin()
        before = seen_by(await (await transaction.execute(look)).fetchall())
        await transaction.execute(words)
        if end == "commit-and-rollback":
            await transaction.connection.commit()
        await (transaction.commit if end == "commit" else transaction.rollback)()
        following = await engine.abegin()
        after = seen_by(await (await following.execute(look)).fetchall())
        await following.rollback()
        return before, after, following.connection is transaction.connection

    before, after, same = asyncio.run(run())
    assert (same, after) == (True, before)


@pytest.mark.engines("postgresql")
def test_a_handler_s_settings_hold_to_its_end(engine: PostgresEngine) -> None:
    """A trigger that waits for the commit sees them."""
    transaction = engine.begin()
    for text in DEFERRED:
        transaction.execute(text)
    transaction.commit()
    following = engine.begin()
    assert following.execute("SELECT tenant FROM effect").fetchall() == [("acme",)]
    following.rollback()


DEFERRED = (
    "CREATE TABLE effect (tenant text)",
    """CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN UPDATE effect SET tenant = current_setting('shop.tenant'); RETURN NULL; END$$""",
    """CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION note()""",
    "SELECT set_config('shop.tenant', 'acme', false)",
    "INSERT INTO effect VALUES (NULL)",
)


@pytest.mark.engines("postgresql")
def test_a_broken_transaction_is_not_taken_for_committed(engine: PostgresEngine) -> None:
    """The server would roll it back without a word, although the application caught its error."""

    async def run() -> None:
        transaction = await engine.abegin()
        with pytest.raises(psycopg.Error):
            await transaction.execute("SELECT 1 / 0")
        with pytest.raises(DatabaseError, match="has failed before"):
            await transaction.commit()

    transaction = engine.begin()
    with pytest.raises(psycopg.Error):
        transaction.execute("SELECT 1 / 0")
    with pytest.raises(DatabaseError, match="has failed before"):
        transaction.commit()
    asyncio.run(run())
