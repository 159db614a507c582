"""Numbered migrations, on both engines: from every number up, twice, two at once, and as SQL for another tool."""

import multiprocessing
import sqlite3
from datetime import timedelta
from multiprocessing.queues import Queue
from typing import Any

import psycopg
import pytest

from packhorse.domain.claim import Claim
from packhorse.domain.job import Lease, NewJob
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.schema import split
from packhorse.errors import DatabaseError, SchemaOutdated, SchemaTooNew
from tests.opening import open_engine, path_of

NAMES = [
    *("001_jobs", "002_front_door", "003_queues", "004_schedules"),
    *("005_job_log", "006_retention", "007_inbox", "008_keys", "009_packages", "010_batches"),
    *("011_queue_tables", "012_files"),
]
LATEST = len(NAMES)
JOB = NewJob(task="t")
pytestmark = pytest.mark.accepts("C22")


def run_script(url: str, script: str) -> None:
    """Run SQL as another tool would, in one transaction."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(path_of(url), isolation_level=None)
        connection.execute("BEGIN")
        for statement in split(script):
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.close()
    else:
        with psycopg.connect(url) as other:
            other.execute(script.encode())


def objects_in(url: str) -> list[tuple[Any, ...]]:
    """All that a schema consists of, in order, whenever and by whatever way it was made."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(path_of(url))
        rows = connection.execute("select type, name, sql from sqlite_master order by type, name").fetchall()
        connection.close()
        return rows
    with psycopg.connect(url) as other:
        return other.execute(
            "SELECT 'column', table_name || '.' || column_name,"
            "  data_type || is_nullable || coalesce(column_default, '')"
            " FROM information_schema.columns WHERE table_schema = 'packhorse'"
            " UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'packhorse'"
            " UNION ALL SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc"
            "  WHERE pronamespace = 'packhorse'::regnamespace"
            " UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint"
            "  WHERE connamespace = 'packhorse'::regnamespace"
            " ORDER BY 1, 2, 3"
        ).fetchall()


def test_the_latest_number_is_known_here(database_url: str) -> None:
    """Whoever adds a migration lets the tests below begin from it, too."""
    engine = open_engine(database_url)
    assert engine.schema_status().latest == LATEST
    engine.close()


@pytest.mark.parametrize("number", range(LATEST + 1))
def test_from_every_number_up(database_url: str, number: int) -> None:
    """The pending ones run in order, jobs that are there stay, and a second time nothing is left to do."""
    engine = open_engine(database_url)
    done = engine.migrate(to=number)
    if number:
        engine.insert_jobs([JOB])
    rest = engine.migrate()

    assert [int(name[:3]) for name in done + rest] == list(range(1, LATEST + 1))
    assert engine.migrate() == []
    engine.check_schema()
    assert engine.schema_status().current == LATEST
    assert len(engine.insert_jobs([JOB])) == 1
    assert len(engine.claim_jobs(Claim(lease=Lease(1, 1), queue="default", limit=9))) == (2 if number else 1)
    engine.close()


@pytest.mark.parametrize("number", range(LATEST))
def test_another_tool_can_run_them(database_url: str, number: int, request: pytest.FixtureRequest) -> None:
    """`migrate sql` prints all that is needed, from any number on; the schema comes out the same."""
    engine = open_engine(database_url)
    engine.migrate(to=number)
    run_script(database_url, engine.migration_sql(since=number))

    assert engine.schema_status().current == LATEST
    assert engine.migrate() == []
    by_tool = objects_in(database_url)
    engine.close()
    assert by_tool == objects_of_own_migration(database_url, request)


def objects_of_own_migration(url: str, request: pytest.FixtureRequest) -> list[tuple[Any, ...]]:
    """What `migrate` makes in a new database of the same kind."""
    if url.startswith("sqlite:"):
        other = url.replace("test.db", "other.db")
        engine = open_engine(other)
        engine.migrate()
        engine.close()
        return objects_in(other)
    server = request.getfixturevalue("postgres_server")
    other = server.create_database()
    engine = open_engine(other)
    engine.migrate()
    engine.close()
    objects = objects_in(other)
    server.drop_database(other)
    return objects


def migrate(url: str, results: "Queue[Any]") -> None:
    """Migrate in a process of its own."""
    engine = open_engine(url)
    try:
        results.put(engine.migrate())
    except Exception as error:  # noqa: BLE001 - whatever it is, the test is to see it
        results.put(repr(error))
    engine.close()


def test_several_processes_at_once_run_each_once(database_url: str) -> None:
    """As when all machines are started after an upgrade."""
    context = multiprocessing.get_context("spawn")
    results: Queue[Any] = context.Queue()
    processes = [context.Process(target=migrate, args=(database_url, results)) for _ in range(4)]
    for process in processes:
        process.start()
    done = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(30)

    assert sorted(name for names in done for name in names) == NAMES, done


def test_a_failing_migration_leaves_nothing(database_url: str) -> None:
    """It is one transaction."""
    run_script(database_url, f"create view {occupied_name(database_url)} as select 1 as n;")
    engine = open_engine(database_url)
    with pytest.raises(DatabaseError):
        engine.migrate()

    assert engine.schema_status().current is None
    engine.close()


def occupied_name(url: str) -> str:
    """A name that the first migration wants to give."""
    if url.startswith("sqlite:"):
        return "packhorse_leader"
    run_script(url, "create schema packhorse;")
    return "packhorse.leader"


def test_a_worker_may_stay_under_a_newer_schema_that_supports_it(database_url: str) -> None:
    """New columns do no harm to software that does not know them; the migration says how old that may be."""
    engine = open_engine(database_url)
    engine.migrate()
    record_migration(database_url, number=LATEST + 1, oldest_supported=LATEST)
    engine.check_schema()

    record_migration(database_url, number=LATEST + 2, oldest_supported=LATEST + 1)
    with pytest.raises(SchemaTooNew, match="newer version"):
        engine.check_schema()
    engine.close()


def test_a_schema_that_is_too_old_is_told(database_url: str) -> None:
    """With the command that brings it up."""
    engine = open_engine(database_url)
    engine.migrate(to=1)

    assert engine.schema_status().pending == NAMES[1:]
    with pytest.raises(SchemaOutdated, match="packhorse migrate up"):
        engine.check_schema()
    engine.close()


@pytest.mark.engines("postgresql")
def test_a_migration_does_not_wait_long_for_a_table(postgresql_url: str) -> None:
    """Everybody else would wait behind it; it gives up, changes nothing, and can be run again."""
    engine = PostgresEngine(postgresql_url, lock_timeout=timedelta(milliseconds=100))
    engine.migrate(to=1)
    with psycopg.connect(postgresql_url) as other:
        other.execute("LOCK TABLE packhorse.migration IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseError, match="try again"):
            engine.migrate()

    assert engine.migrate() == NAMES[1:]
    engine.close()


def record_migration(url: str, number: int, oldest_supported: int) -> None:
    """Pretend that a later version has been here."""
    table, now = ("packhorse_migration", "0") if url.startswith("sqlite:") else ("packhorse.migration", "now()")
    values = f"({number}, 'later', {oldest_supported}, {now})"
    run_script(url, f"insert into {table} (number, name, oldest_supported, applied_at) values {values};")  # noqa: S608
