"""What a handler does in its transaction in the driver's own words, with a table of its own."""

import asyncio
from collections.abc import Iterator

import pytest

from packhorse.domain.decide import Ack
from packhorse.domain.outcome import Success, WorkerLost
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.statement import Transaction
from packhorse.testing.contract.steps import acknowledge, claim_one, decided, enqueue_one, job_of
from tests.opening import open_engine

INSERT = {"sqlite": "INSERT INTO effect VALUES (?, ?)", "postgresql": "INSERT INTO effect VALUES (%s, %s)"}
DRIVERS = {"sqlite": ("sqlite3", "aiosqlite"), "postgresql": ("psycopg", "psycopg")}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database with a table of the application's."""
    engine = open_engine(database_url)
    engine.migrate()
    transaction = engine.begin()
    transaction.execute("CREATE TABLE effect (job bigint PRIMARY KEY, note text)")
    transaction.commit()
    yield engine
    engine.close()


def effects(engine: Engine) -> list[tuple[object, ...]]:
    """What the handlers wrote, as seen from outside."""
    transaction = engine.begin()
    rows = transaction.execute("SELECT job, note FROM effect ORDER BY job").fetchall()
    transaction.rollback()
    return [tuple(row) for row in rows]


def accepted(engine: Engine, transaction: Transaction, ack: Ack) -> bool:
    """Whether the acknowledgement in the transaction was accepted."""
    results = [transaction.run(statement) for statement in engine.ack_statements(ack)]
    return any(results)


@pytest.mark.accepts("C7")
def test_the_handlers_rows_commit_with_the_acknowledgement(engine: Engine) -> None:
    """Written through `execute` with the driver's own parameters and through the driver's own connection."""
    first, second = enqueue_one(engine), enqueue_one(engine, queue="mail")
    for id, queue in ((first, "default"), (second, "mail")):
        job = claim_one(engine, queue=queue)
        transaction = engine.begin()
        if id == first:
            transaction.execute(INSERT[engine.dialect], (id, "ü"))
        else:
            transaction.connection.cursor().execute(INSERT[engine.dialect], (id, "ü"))
        assert accepted(engine, transaction, decided(job, Success()))
        transaction.commit()
    assert effects(engine) == [(first, "ü"), (second, "ü")]
    assert {job_of(engine, id).state for id in (first, second)} == {JobState.SUCCEEDED}


@pytest.mark.accepts("C5", "C7")
def test_a_zombies_rows_go_with_its_refused_acknowledgement(engine: Engine) -> None:
    """It was given up while it computed; the second run's rows are the only ones."""
    id = enqueue_one(engine)
    old = claim_one(engine)
    acknowledge(engine, old, WorkerLost("w"))
    new = claim_one(engine, worker=2, suspects=True)
    transaction = engine.begin()
    transaction.execute(INSERT[engine.dialect], (id, "zombie"))
    assert not accepted(engine, transaction, decided(old, Success()))
    transaction.rollback()
    transaction = engine.begin()
    transaction.execute(INSERT[engine.dialect], (id, "second run"))
    assert accepted(engine, transaction, decided(new, Success()))
    transaction.commit()
    assert effects(engine) == [(id, "second run")]


@pytest.mark.accepts("C7")
def test_an_error_of_the_handlers_sql_is_the_drivers_own(engine: Engine) -> None:
    """The handler catches what it knows from its driver; the transaction can be rolled back, and the next one works."""
    driver = __import__(DRIVERS[engine.dialect][0])
    transaction = engine.begin()
    transaction.execute(INSERT[engine.dialect], (1, "one"))
    with pytest.raises(driver.IntegrityError):
        transaction.execute(INSERT[engine.dialect], (1, "one more"))
    transaction.rollback()
    assert effects(engine) == []


@pytest.mark.accepts("C7")
@pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
def test_a_coroutines_rows_commit_with_the_acknowledgement(engine: Engine, *, commits: bool) -> None:
    """Through the asynchronous driver: `execute`, and its own connection."""
    id = enqueue_one(engine)
    job = claim_one(engine)

    async def handle() -> None:
        transaction = await engine.abegin()
        assert type(transaction.connection).__module__.startswith(DRIVERS[engine.dialect][1])
        await transaction.execute(INSERT[engine.dialect], (id, "ü"))
        for statement in engine.ack_statements(decided(job, Success())):
            await transaction.run(statement)
        await (transaction.commit() if commits else transaction.rollback())

    asyncio.run(handle())
    assert effects(engine) == ([(id, "ü")] if commits else [])
    assert job_of(engine, id).state is (JobState.SUCCEEDED if commits else JobState.EXECUTING)


@pytest.mark.accepts("C7")
def test_a_cancelled_coroutine_leaves_nothing(engine: Engine) -> None:
    """Its transaction is rolled back while it is being cancelled; others can write at once."""
    id = enqueue_one(engine)

    async def handle(reached: asyncio.Event) -> None:
        transaction = await engine.abegin()
        try:
            await transaction.execute(INSERT[engine.dialect], (id, "ü"))
            reached.set()
            await asyncio.Event().wait()
        finally:
            await transaction.rollback()

    async def cancel() -> None:
        reached = asyncio.Event()
        running = asyncio.create_task(handle(reached))
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())
    assert effects(engine) == []
    enqueue_one(engine)
