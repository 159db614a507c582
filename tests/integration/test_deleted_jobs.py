"""A job that is deleted takes along all that is stored beside it, whichever way it goes."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from packhorse import Packhorse
from packhorse.domain.job import Keys
from packhorse.domain.joblog import NewLine, NewProgress
from packhorse.domain.outcome import Failure, Retry, Success
from packhorse.domain.package import NewPackage, Reference
from packhorse.engine import Engine
from packhorse.testing.clock import HasClock, MovingClock
from packhorse.testing.contract.steps import acknowledge, claim_one, enqueue_one, settle
from packhorse.testing.samples import ERROR

pytestmark = pytest.mark.accepts("M28")
ORDERS = tuple(Reference("order", str(number)) for number in range(3))
COLUMNS = {
    "sqlite": """
        select found.name from sqlite_master as found join pragma_table_info(found.name) as part
        where found.type = 'table' and part.name = 'job_id' and found.name like 'packhorse%'
    """,
    "postgresql": """
        select 'packhorse.' || found.table_name from information_schema.columns as found
        where found.table_schema = 'packhorse' and found.column_name = 'job_id'
    """,
}
"""The tables that hold something beside jobs, on each engine."""


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application without tasks."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


def beside(engine: Engine, id: int) -> set[str]:
    """In which tables something of a job is stored."""
    transaction = engine.begin()
    try:
        tables = [row[0] for row in transaction.execute(COLUMNS[engine.dialect])]
        found = {table for table in tables if next(iter(transaction.execute(counting(table, id))))[0]}
    finally:
        transaction.rollback()
    return {table.removeprefix("packhorse").lstrip("._") for table in found}


def counting(table: str, id: int) -> str:
    """How many rows a table has of a job."""
    return f"select count(*) from {table} where job_id = {id}"  # noqa: S608 - of the catalog's names


def rich_job(app: Packhorse, batch: int | None) -> int:
    """A package that waited for another job, failed once, said something, and succeeded."""
    engine = app.engine
    first = enqueue_one(engine)
    keys = Keys(after=(first,), batch_id=batch)
    id = enqueue_one(engine, package=NewPackage(elements=ORDERS, parameters='{"a":1}'), keys=keys)
    acknowledge(engine, claim_one(engine), Success("1"))
    settle(engine)
    engine.write_log([NewLine(id, 1, 1, 20, "shop", "hello")], [NewProgress(id, 1, 1.0, None, None)], 0)
    acknowledge(engine, claim_one(engine), Failure(ERROR, Retry(after=timedelta(0))))
    engine.stage_jobs(1)
    acknowledge(engine, claim_one(engine), Success("1"))
    settle(engine)
    return id


def pruned(app: Packhorse, id: int) -> None:
    """By its age."""
    assert isinstance(app.engine, HasClock)
    MovingClock(app.engine).advance(timedelta(days=8))
    app.prune()


def deleted(app: Packhorse, id: int) -> None:
    """By hand."""
    assert app.delete(id).ids == {id}


@pytest.mark.parametrize(("way", "in_batch"), [(pruned, False), (pruned, True), (deleted, False)])
def test_nothing_is_left_of_a_job(app: Packhorse, way: Callable[[Packhorse, int], None], in_batch: bool) -> None:
    """Its history, log and progress, its elements and parameters, and its place in a batch."""
    batch = app.batch("import") if in_batch else None
    id = rich_job(app, None if batch is None else batch.id)
    if batch is not None:
        batch.close()
        settle(app.engine)
    expected = {"attempt", "job_log", "progress", "package", "element"} | ({"member"} if in_batch else set())
    assert beside(app.engine, id) >= expected
    way(app, id)
    assert app.find_job(id) is None
    assert beside(app.engine, id) == set()
    assert batch is None or app.find_batch(batch.id) is None
