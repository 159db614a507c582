"""A SQLite file and its schema at the first use, and what happens when the file is not what it was."""

import sqlite3
import threading
from datetime import timedelta

import pytest

from packhorse.domain.job import NewJob
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.errors import DatabaseUnreachable, SchemaMissing, SchemaOutdated
from tests.opening import open_engine, path_of

JOB = NewJob(task="t")
pytestmark = pytest.mark.engines("sqlite")


def test_nothing_needs_to_be_set_up(sqlite_url: str) -> None:
    """The file is created and the schema installed by the first job."""
    engine = open_engine(sqlite_url)

    assert engine.insert_jobs([JOB]) == [1]
    engine.check_schema()
    engine.close()


def test_asking_for_the_status_installs_nothing(sqlite_url: str) -> None:
    """`migrate status` only looks."""
    engine = open_engine(sqlite_url)

    assert engine.schema_status().current is None
    assert engine.schema_status().current is None
    engine.close()


def test_an_application_s_own_file_is_used_beside_its_tables(sqlite_url: str) -> None:
    """The queue lives in the database that the application already has."""
    with sqlite3.connect(path_of(sqlite_url)) as connection:
        connection.execute("create table shop (id integer primary key)")
    connection.close()
    engine = open_engine(sqlite_url)

    assert engine.insert_jobs([JOB]) == [1]
    engine.close()


def test_an_older_schema_is_left_alone(sqlite_url: str) -> None:
    """It is upgraded by `migrate up`, never unasked."""
    old = open_engine(sqlite_url)
    old.migrate(to=1)
    old.close()
    engine = open_engine(sqlite_url)
    engine.insert_jobs([JOB])

    assert engine.schema_status().current == 1
    with pytest.raises(SchemaOutdated, match="migrate up"):
        engine.check_schema()
    engine.close()


def test_many_first_users_at_once_install_one_schema(sqlite_url: str) -> None:
    """All threads get one installation and lose no job."""
    engines = [open_engine(sqlite_url) for _ in range(8)]
    threads = [threading.Thread(target=engine.insert_jobs, args=([JOB] * 5,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {engine.installation_id() for engine in engines} == {engines[0].installation_id()}
    assert sum(engines[0].count_jobs().values()) == 40
    for engine in engines:
        engine.close()


def test_a_file_that_was_removed_is_missed(sqlite_url: str) -> None:
    """Its connections would go on storing jobs where nobody will ever find them."""
    engine = open_engine(sqlite_url)
    engine.insert_jobs([JOB])
    path = path_of(sqlite_url)
    path.rename(path.with_name("elsewhere.db"))

    with pytest.raises(DatabaseUnreachable, match="removed or replaced"):
        engine.insert_jobs([JOB])
    path.with_name("elsewhere.db").rename(path)
    assert engine.insert_jobs([JOB]) == [2]
    engine.close()


def test_a_file_that_was_replaced_is_not_written_to(sqlite_url: str) -> None:
    """SQLite would apply the old file's log to the new one, and spoil it."""
    engine = open_engine(sqlite_url)
    engine.insert_jobs([JOB])
    backup = SqliteEngine(path_of(sqlite_url).with_name("backup.db"), synchronous="OFF")
    backup.insert_jobs([JOB] * 5)
    backup.close()
    path_of(sqlite_url).with_name("backup.db").rename(path_of(sqlite_url))

    with pytest.raises(DatabaseUnreachable, match="removed or replaced"):
        engine.insert_jobs([JOB])
    engine.close()


def test_a_file_that_is_not_set_up_and_is_being_written_to_is_told(sqlite_url: str) -> None:
    """At once, since the writer may be the caller, who can then set it up inside the transaction."""
    caller = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    caller.execute("create table shop (id integer primary key)")
    caller.execute("BEGIN IMMEDIATE")
    engine = SqliteEngine(sqlite_url, busy_timeout=timedelta(seconds=60))
    with pytest.raises(SchemaMissing, match="not set up yet"):
        engine.insert_statement([JOB])
    installation = set_up_on(caller, engine)
    statement = engine.insert_statement([JOB], installation=installation)
    caller.execute(statement.text, statement.params)
    caller.execute("COMMIT")
    caller.close()

    assert engine.installation_id() == installation
    assert sum(engine.count_jobs().values()) == 1
    engine.check_schema()
    engine.close()


def set_up_on(connection: sqlite3.Connection, engine: SqliteEngine) -> str:
    """Run what the engine asks for on a connection, as a client does; the installation's id."""
    steps = engine.setup()
    statement = next(steps)
    try:
        while True:
            statement = steps.send(connection.execute(statement.text, statement.params).fetchall())
    except StopIteration as end:
        return str(end.value)
