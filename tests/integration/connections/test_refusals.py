"""What can't be written on is refused, with a message that says what to do, and nothing is stored."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from packhorse import DatabaseBusy, Packhorse, TransactionNotWritable, UnsupportedConnection, WrongDatabase
from packhorse.integrations.sqlalchemy import begin_immediate
from tests.integration.connections.shop import Shop, another_database
from tests.integration.connections.wired import Wired, path_of
from tests.integration.connections.wired_sqlalchemy import async_url

ACCEPTED = ("sqlite3", "aiosqlite", "psycopg", "asyncpg", "Session", "AsyncSession", "Django", "ctx.tx")


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with its schema."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.mark.accepts("C1")
@pytest.mark.parametrize("thing", [object(), 42, "no_such_alias", [], create_engine("sqlite://")], ids=type)
def test_any_other_object_is_refused_with_the_list_of_what_is_accepted(app: Packhorse, thing: object) -> None:
    """Also text while Django is not in use, and an SQLAlchemy engine, which is no connection."""

    @app.task(name="send")
    def send() -> None: ...

    with pytest.raises(UnsupportedConnection) as refused:
        send.using(conn=thing).enqueue()

    assert all(name in str(refused.value) for name in ACCEPTED)
    assert app.list_jobs() == []


@pytest.mark.accepts("C1")
def test_an_asynchronous_connection_is_refused_by_enqueue(app: Packhorse, database_url: str) -> None:
    """The message says to use aenqueue."""

    @app.task(name="send")
    def send() -> None: ...

    async def try_it() -> None:
        engine = create_async_engine(async_url(database_url))
        async with AsyncSession(engine) as session:
            with pytest.raises(UnsupportedConnection, match="use aenqueue and await it"):
                send.using(conn=session).enqueue()
        await engine.dispose()

    asyncio.run(try_it())


@pytest.mark.accepts("C1")
def test_a_connection_to_another_installation_is_refused(shop: Shop, wired: Wired) -> None:
    """The message names both databases; nothing is stored in either."""
    with another_database(shop.url) as url, closing(Packhorse(url)) as other:
        other.engine.migrate()

        @other.task(name="send")
        def send(number: int) -> None: ...

        wired.begin()
        with pytest.raises(WrongDatabase) as refused:
            wired.enqueue(send, 1)
        wired.rollback()

        assert other.engine.address in str(refused.value)
        assert shop.app.engine.address in str(refused.value) or _name_of(shop.url) in str(refused.value)
        assert (shop.count_jobs(), other.list_jobs()) == (0, [])


@pytest.mark.accepts("C1")
@pytest.mark.engines("sqlite")
def test_a_database_without_our_schema_is_refused(app: Packhorse, tmp_path: object) -> None:
    """A SQLite file with tables of others only."""

    @app.task(name="send")
    def send() -> None: ...

    with (
        closing(sqlite3.connect(f"{tmp_path}/other.db")) as connection,
        pytest.raises(WrongDatabase, match=r"other\.db.*no Packhorse schema"),
    ):
        send.using(conn=connection).enqueue()


@pytest.mark.accepts("C1")
@pytest.mark.engines("postgresql")
def test_a_server_database_without_our_schema_is_refused(app: Packhorse, database_url: str) -> None:
    """The driver's own error is kept as the cause."""
    app.engine.migrate()

    @app.task(name="send")
    def send() -> None: ...

    with (
        psycopg.connect(database_url, dbname="postgres") as connection,
        pytest.raises(WrongDatabase, match="postgres, which has no Packhorse schema") as refused,
    ):
        send.using(conn=connection).enqueue()
    assert isinstance(refused.value.__cause__, psycopg.Error)


@pytest.mark.slow
@pytest.mark.engines("sqlite")
def test_a_lock_that_may_be_the_callers_own_says_so(app: Packhorse, database_url: str) -> None:
    """An enqueue without conn beside an open transaction waits in vain; SQLite alone has one writer."""

    @app.task(name="send")
    def send() -> None: ...

    with closing(sqlite3.connect(path_of(database_url))) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match=r"using\(conn=…\)"):
            send.enqueue()


@pytest.mark.accepts("C1")
@pytest.mark.engines("postgresql")
def test_another_kind_of_database_is_refused(app: Packhorse) -> None:
    """A sqlite3 connection can't write where the jobs are in PostgreSQL."""

    @app.task(name="send")
    def send() -> None: ...

    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(WrongDatabase, match=r"sqlite.*postgresql"):
        send.using(conn=connection).enqueue()


@pytest.mark.accepts("C1")
@pytest.mark.engines("sqlite")
def test_a_read_transaction_that_others_have_overtaken_says_how_to_begin(app: Packhorse, database_url: str) -> None:
    """Read, let somebody else write, enqueue: the error says to begin with BEGIN IMMEDIATE; a snapshot is SQLite's."""

    @app.task(name="send")
    def send() -> None: ...

    with closing(sqlite3.connect(path_of(database_url), isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        send.enqueue()
        with pytest.raises(TransactionNotWritable, match="BEGIN IMMEDIATE"):
            send.using(conn=connection).enqueue()
        connection.rollback()


@pytest.mark.accepts("C1")
@pytest.mark.engines("sqlite")
def test_sqlalchemy_begins_so_that_it_can_always_write(app: Packhorse, database_url: str) -> None:
    """With begin_immediate a session may read for as long as it likes and then write; a read-only one takes no lock."""

    @app.task(name="send")
    def send() -> None: ...

    engine = create_engine(database_url)
    begin_immediate(engine)
    reading = engine.execution_options(packhorse_read_only=True)
    with Session(engine) as session, Session(reading) as reader:
        reader.execute(text("SELECT count(*) FROM sqlite_schema")).all()
        session.execute(text("SELECT count(*) FROM sqlite_schema")).all()
        with (
            closing(sqlite3.connect(path_of(database_url), timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError),
        ):
            other.execute("BEGIN IMMEDIATE")
        send.using(conn=session).enqueue()
        session.commit()
    engine.dispose()

    assert len(app.list_jobs()) == 1


@pytest.mark.accepts("C1")
@pytest.mark.engines("sqlite")
def test_sqlalchemys_overtaken_session_says_how_to_begin(app: Packhorse, database_url: str) -> None:
    """Without begin_immediate the same message comes through SQLAlchemy's own errors."""

    @app.task(name="send")
    def send() -> None: ...

    engine = create_engine(database_url)
    with Session(engine) as session:
        session.connection().exec_driver_sql("BEGIN")
        session.execute(text("SELECT count(*) FROM sqlite_schema")).all()
        send.enqueue()
        with pytest.raises(TransactionNotWritable, match="BEGIN IMMEDIATE") as refused:
            send.using(conn=session).enqueue()
    engine.dispose()

    assert isinstance(refused.value.__cause__, OperationalError)


def _name_of(url: str) -> str:
    return url.rpartition("/")[2]
