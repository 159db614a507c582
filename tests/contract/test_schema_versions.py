"""A schema that is missing, older, newer or printed: what each engine says and does."""

import sqlite3
from collections.abc import Callable, Iterator

import psycopg
import pytest

from packhorse.engine import Engine
from packhorse.errors import SchemaMissing, SchemaOutdated, SchemaTooNew
from packhorse.testing.contract.steps import claim, enqueue, ids_of
from tests.opening import open_engine, path_of

MIGRATION = {"sqlite": "packhorse_migration", "postgresql": "packhorse.migration"}

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'packhorse' ORDER BY 1, 2
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'packhorse' ORDER BY 1"
CONSTRAINTS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'packhorse'::regnamespace ORDER BY 1
"""
FUNCTIONS = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'packhorse'::regnamespace ORDER BY 1"
CATALOGUE = {
    "sqlite": ["SELECT type, name, sql FROM sqlite_master ORDER BY type, name"],
    "postgresql": [COLUMNS, INDEXES, CONSTRAINTS, FUNCTIONS],
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    engine = open_engine(database_url)
    yield engine
    engine.close()


def run_script(url: str, script: str) -> None:
    """As an administrator does with a tool of the database's own."""
    if url.startswith("sqlite:"):
        connection = sqlite3.connect(path_of(url))
        connection.executescript(script)
        connection.close()
    else:
        with psycopg.connect(url) as session:
            session.execute(script.encode())


def pretend_newer(engine: Engine, oldest_supported: int) -> None:
    """Record a migration of the future."""
    number = engine.schema_status().latest + 1
    table = MIGRATION[engine.dialect]
    row = f"{number}, 'future', {oldest_supported}, max(applied_at)"
    transaction = engine.begin()
    transaction.execute(
        f"INSERT INTO {table} (number, name, oldest_supported, applied_at) SELECT {row} FROM {table}"  # noqa: S608 - our own
    )
    transaction.commit()


@pytest.mark.accepts("C22")
@pytest.mark.engines("postgresql")
def test_a_database_without_a_schema_says_how_to_get_one(engine: Engine) -> None:
    """On PostgreSQL, where it is an administrator's decision; nothing is installed by looking or by enqueueing."""
    with pytest.raises(SchemaMissing, match="packhorse migrate up"):
        engine.check_schema()
    with pytest.raises(SchemaMissing, match="packhorse migrate up"):
        enqueue(engine)
    assert engine.schema_status().current is None


@pytest.mark.accepts("C22")
@pytest.mark.engines("sqlite")
def test_a_new_file_gets_its_schema_at_the_first_use(engine: Engine) -> None:
    """On SQLite, where there is nothing to set up."""
    ids = enqueue(engine, 2)
    engine.check_schema()
    assert ids_of(claim(engine)) == ids


@pytest.mark.accepts("C22")
def test_an_older_schema_is_refused_and_left_alone(engine: Engine) -> None:
    """The message says what to do; nobody upgrades by accident, and the upgrade makes it fit."""
    latest = engine.schema_status().latest
    engine.migrate(to=latest - 1)
    with pytest.raises(SchemaOutdated, match="packhorse migrate up"):
        engine.check_schema()
    assert engine.schema_status().current == latest - 1
    engine.migrate()
    engine.check_schema()


@pytest.mark.accepts("C22")
def test_a_newer_schema_is_fine_while_it_supports_this_version(engine: Engine) -> None:
    """A running worker goes on during an upgrade; there is nothing for it to migrate."""
    engine.migrate()
    pretend_newer(engine, oldest_supported=engine.schema_status().latest)
    engine.check_schema()
    assert engine.migrate() == []
    ids = enqueue(engine, 2)
    assert ids_of(claim(engine)) == ids


@pytest.mark.accepts("C22")
def test_a_newer_schema_that_needs_newer_software_is_refused(engine: Engine) -> None:
    """The message names both numbers."""
    engine.migrate()
    latest = engine.schema_status().latest
    pretend_newer(engine, oldest_supported=latest + 1)
    with pytest.raises(SchemaTooNew, match=str(latest + 1)):
        engine.check_schema()
    with pytest.raises(SchemaTooNew, match=str(latest + 1)):
        engine.migrate()


@pytest.mark.accepts("C22")
@pytest.mark.parametrize("since", [0, 1])
def test_the_printed_migrations_do_what_migrate_does(
    engine: Engine, database_url: str, since: int, new_url: Callable[[], str]
) -> None:
    """Run by another tool, from any number on, they leave the schema that `migrate` leaves."""
    if since:
        engine.migrate(to=since)
    run_script(database_url, engine.migration_sql(since))
    engine.check_schema()
    assert engine.migrate() == []
    ids = enqueue(engine, 2)
    assert ids_of(claim(engine)) == ids
    migrated = open_engine(new_url())
    migrated.migrate()
    assert schema_of(engine) == schema_of(migrated)
    migrated.close()


def schema_of(engine: Engine) -> list[tuple[object, ...]]:
    """The tables, columns, indexes, constraints and functions that are there."""
    transaction = engine.begin()
    rows = [tuple(row) for query in CATALOGUE[engine.dialect] for row in transaction.execute(query).fetchall()]
    transaction.rollback()
    return rows
