"""Alembic: autogenerate that leaves the tables of jobs alone, and migrations of theirs that run ours.

from packhorse.integrations.sqlalchemy.alembic import leaving_jobs_alone, migrate_jobs

context.configure(..., include_name=leaving_jobs_alone(app))  # in env.py

def upgrade() -> None:  # in a revision, once and after each upgrade of Packhorse that brings migrations
    migrate_jobs(op.get_bind(), app)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, column, func, inspect, select, table

from packhorse.app import Packhorse
from packhorse.engines.postgres.dialect import TABLES
from packhorse.engines.sqlite.dialect import PREFIX
from packhorse.engines.sqlite.schema import split
from packhorse.errors import UsageError

IncludeName = Callable[[Any, Any, Any], bool]
"""Of a name that was found in the database, its type, and the names that it stands below; Alembic's `include_name`."""

__all__ = ["leaving_jobs_alone", "migrate_jobs"]


def leaving_jobs_alone(jobs: Packhorse, connection: Connection, include_name: IncludeName | None = None) -> IncludeName:
    """What `context.configure` takes as `include_name`, so that Alembic never reads the tables of jobs.

        context.configure(connection=connection, ..., include_name=leaving_jobs_alone(app, connection, mine))

    Without it `alembic revision --autogenerate` would drop them, as it knows no model of them, and `alembic check`
    would fail. On SQLite they are the tables whose names begin with `packhorse_`, on PostgreSQL those of the
    application's schema.

    Args:
        jobs: the application of jobs.
        connection: the one that Alembic reads from.
        include_name: a function of your own, which is asked of all other names.
    """

    def included(name: Any, kind: Any, parents: Any) -> bool:
        if _is_ours(jobs, connection, name, kind, parents):
            return False
        return include_name is None or include_name(name, kind, parents)

    return included


def migrate_jobs(connection: Connection | None, jobs: Packhorse) -> None:
    """Install the schema of jobs, or bring it up to date, in the transaction of this connection.

    In place of `packhorse migrate up`: it is committed with the rest of the revision, or not at all. What has run
    already is left out. After an upgrade of Packhorse that brings migrations, make another revision that says the same.

    Args:
        connection: `op.get_bind()`, to the database of the jobs.
        jobs: the application of jobs.

    Raises:
        UsageError: there is no connection, as in Alembic's offline mode; or it is one to another kind of database.
    """
    if connection is None:
        raise UsageError("there is no connection to migrate: offline, add what `packhorse migrate sql` prints")
    if connection.dialect.name != jobs.engine.dialect:
        raise UsageError(f"the connection is to {connection.dialect.name}, the jobs are in {jobs.engine.address}")
    script = jobs.engine.migration_sql(_last(connection, jobs))
    if jobs.engine.dialect == "sqlite":
        _begin(connection)
        for statement in split(script):
            connection.exec_driver_sql(statement)
    else:
        _send(connection, script)


def _is_ours(
    jobs: Packhorse, connection: Connection, name: str | None, kind: str, parents: Mapping[str, str | None]
) -> bool:
    if jobs.engine.dialect == "sqlite":
        return kind == "table" and (name or "").startswith(PREFIX)
    ours, schema = jobs.settings.schema, parents.get("schema_name")
    if kind == "table" and schema is None and connection.dialect.default_schema_name == ours:
        return (
            name in TABLES
        )  # a user of the schema's name has it in front: the application's own tables are in it, too
    return ours == (name if kind == "schema" else schema)


def _last(connection: Connection, jobs: Packhorse) -> int:
    """The last migration that has run, as this very transaction sees it."""
    is_sqlite = jobs.engine.dialect == "sqlite"
    name, schema = (PREFIX + "migration", None) if is_sqlite else ("migration", jobs.settings.schema)
    if not inspect(connection).has_table(name, schema=schema):
        return 0
    return connection.scalar(select(func.max(column("number"))).select_from(table(name, schema=schema))) or 0


def _begin(connection: Connection) -> None:
    """Begin the transaction for the driver, too: Python's `sqlite3` begins none for tables that are made."""
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _send(connection: Connection, script: str) -> None:
    """Send statements together, which no driver does that prepares them: so without parameters, past SQLAlchemy's."""
    adapted: Any = connection.connection.dbapi_connection
    if connection.dialect.is_async:
        adapted.run_async(lambda driver: driver.execute(script))
    else:
        connection.execution_options(no_parameters=True).exec_driver_sql(script)
