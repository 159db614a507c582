"""Plain SQL puts jobs into batches: a function on PostgreSQL, a view on SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest

from packhorse import Batch, BatchFailed, Packhorse
from tests.integration.test_front_door import Sql
from tests.integration.worker_kit import working

REFUSED = (sqlite3.IntegrityError, psycopg.errors.InvalidParameterValue)
pytestmark = pytest.mark.accepts("C28", "M23")


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a task that fails for numbers below zero."""
    app = Packhorse(database_url)
    app.engine.migrate()

    @app.task(name="step", max_attempts=1)
    def step(n: int) -> None:
        if n < 0:
            raise ValueError(n)

    yield app
    app.close()


@pytest.fixture
def sql(app: Packhorse, database_url: str) -> Sql:
    """A program that speaks SQL."""
    return Sql(database_url)


def into(sql: Sql, batch: int, n: int, **options: str) -> str:
    """The statement that enqueues into a batch."""
    given = {"task": "'step'", "args": f"'[{n}]'", **options}
    if not sql.is_sqlite:
        return f"select packhorse.put_into_batch(({sql.call(**given)}), {batch})"
    columns, values = ", ".join(["batch", *given]), ", ".join([str(batch), *given.values()])
    return f"insert into packhorse_enqueue_in_batch ({columns}) values ({values})"  # noqa: S608 - the tests' own words


def ended(app: Packhorse, batch: Batch) -> tuple[int, int, int]:
    """What came, succeeded and failed, when all has ended."""
    batch.close()
    with working(app), suppress(BatchFailed):
        batch.wait(20)
    record = app.get_batch(batch.id)
    return record.enqueued, record.succeeded, record.failed


def test_sql_enqueues_into_a_batch(app: Packhorse, sql: Sql) -> None:
    """With any options; what it has enqueued is counted as all else."""
    batch = app.batch("import")
    sql.run(into(sql, batch.id, 1), into(sql, batch.id, -1, serial_key="'k'"), into(sql, batch.id, 2, priority="1"))
    app.named("step").using(batch=batch).enqueue(3)
    assert ended(app, batch) == (4, 3, 1)


def test_a_batch_that_is_not_there_is_refused(app: Packhorse, sql: Sql) -> None:
    """And nothing is stored; so is a job that is in a batch already, or is not there."""
    with pytest.raises(REFUSED, match=r"packhorse: .*batch"):
        sql.run(into(sql, 77, 1))
    assert app.list_jobs() == []
    if not sql.is_sqlite:
        batch = app.batch("import")
        job = app.named("step").using(batch=batch).enqueue(1)
        with pytest.raises(REFUSED, match=f"packhorse: job {job.id} is in a batch already"):
            sql.run(f"select packhorse.put_into_batch({job.id}, {batch.id})")
        with pytest.raises(REFUSED, match="packhorse: no job 987"):
            sql.run(f"select packhorse.put_into_batch(987, {batch.id})")


@pytest.mark.engines("postgresql")
def test_a_job_that_has_run_may_still_be_put_into_a_batch(app: Packhorse, sql: Sql) -> None:
    """It is counted as what it has become. The view of SQLite does both at once."""
    job = app.named("step").enqueue(1)
    with working(app):
        job.result(20)
    batch = app.batch("import")
    sql.run(f"select packhorse.put_into_batch({job.id}, {batch.id})")
    assert ended(app, batch) == (1, 1, 0)
