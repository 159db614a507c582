"""A work package exists, with all that belongs to it, if and only if the caller's transaction commits."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import aiosqlite
import msgspec.structs
import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from packhorse import Call, JobNotFound, JobRolledBack, Packhorse, PayloadError, Reference, WorkPackage
from packhorse.domain.package import NewPackage
from packhorse.workpackages.task import PackageTask
from tests.integration.connections.shop import Shop, other_connection
from tests.integration.connections.wired import Wired
from tests.integration.connections.wired_django import DjangoAlias
from tests.integration.connections.wired_sqlalchemy import async_url, sync_url

ORDERS = [Reference("order", str(number)) for number in (3, 1, 2)]


def bill(package: WorkPackage) -> None:
    """Handle a package; nobody runs it here."""


@pytest.fixture
def task(shop: Shop) -> PackageTask[None]:
    """A task of work packages."""
    return shop.app.work_package(name="shop.bill")(bill)


def enqueue(task: PackageTask[None], wired: Wired) -> int:
    """Enqueue a package of three orders on the connection; its number."""
    builder = task.package(conn=wired.raw).param("n", 1).add(*ORDERS)
    handle = wired.run(builder.aenqueue()) if wired.is_async else builder.enqueue()  # type: ignore[attr-defined]
    return int(handle.id)


def unstorable(task: PackageTask[None]) -> Call[None]:
    """A package of which only its job can be stored, as no builder makes one."""
    call = task.package().call()
    return msgspec.structs.replace(call, package=NewPackage(elements=(Reference("order", "\ud800"),)))


def stored(shop: Shop, id: int) -> tuple[bool, list[Reference]]:
    """Whether anything of the package is stored, and its elements, for everybody else."""
    engine = shop.app.engine
    return engine.find_package(id) is not None, [element.record for element in engine.list_elements(id)]


@pytest.mark.accepts("M1")
def test_a_package_commits_with_the_callers_row(shop: Shop, task: PackageTask[None], wired: Wired) -> None:
    """Before the commit nobody sees anything of it and no claim returns it; after it all is there, once."""
    wired.begin()
    wired.write()
    id = enqueue(task, wired)
    assert (stored(shop, id), shop.count_jobs(), shop.can_claim()) == ((False, []), 0, False)

    wired.commit()
    assert (stored(shop, id), shop.count_jobs()) == ((True, ORDERS), 1)
    wired.begin()
    wired.write()
    wired.commit()

    assert shop.claims() == [id]


@pytest.mark.accepts("M2")
def test_nothing_of_a_package_is_left_after_a_rollback(shop: Shop, task: PackageTask[None], wired: Wired) -> None:
    """Neither job nor parameters nor elements; the connection can be used again."""
    wired.begin()
    wired.write()
    id = enqueue(task, wired)
    wired.rollback()

    assert (stored(shop, id), shop.count_jobs(), shop.count_sales()) == ((False, []), 0, 0)
    wired.begin()
    assert stored(shop, enqueue(task, wired)) == (False, [])
    wired.commit()
    assert shop.count_jobs() == 1


@pytest.mark.accepts("M2", "M21")
def test_nobody_waits_for_a_package_that_was_rolled_back(shop: Shop, task: PackageTask[None], wired: Wired) -> None:
    """Its handle says so at once, or that there is none, where nobody can see the end of the transaction."""
    wired.begin()
    builder = task.package(conn=wired.raw).add(*ORDERS)
    handle = wired.run(builder.aenqueue()) if wired.is_async else builder.enqueue()  # type: ignore[attr-defined]
    if not wired.is_async:  # who has the transaction open himself
        with pytest.raises(JobNotFound, match="still open"):
            handle.result(timeout=20)
    wired.rollback()

    with pytest.raises(JobNotFound, match="rolled back") as error:
        handle.result(timeout=20)
    assert isinstance(error.value, JobRolledBack) == (wired.sees_commits and not isinstance(wired, DjangoAlias))


@pytest.mark.accepts("M2", "M21")
def test_nobody_waits_for_a_package_whose_connection_broke(database_url: str) -> None:
    """SQLAlchemy gives such a connection up and rolls nothing back; who waits for the commit is told all the same."""
    with (
        billing(database_url) as (_, task),
        closing(engine_on(database_url).connect()) as conn,
        ThreadPoolExecutor() as aside,
    ):
        handle = task.package(conn=conn).add(*ORDERS).enqueue()
        waiting = aside.submit(handle.result, 20)
        with pytest.raises(TimeoutError):
            waiting.result(0.1)
        conn.invalidate()
        with pytest.raises(JobRolledBack):
            waiting.result(15)


@pytest.mark.accepts("M2")
@pytest.mark.parametrize("keep", [True, False], ids=["released", "rolled-back"])
def test_a_savepoint_decides_on_the_packages_in_it(
    shop: Shop, task: PackageTask[None], wired: Wired, keep: bool
) -> None:
    """With all that belongs to them; one outside is untouched by it."""
    wired.begin()
    outside, inside = enqueue(task, wired), list[int]()
    wired.in_savepoint(lambda: inside.append(enqueue(task, wired)), keep=keep)
    wired.commit()

    assert stored(shop, outside) == (True, ORDERS)
    assert stored(shop, inside[0]) == ((True, ORDERS) if keep else (False, []))


@pytest.mark.accepts("M3")
def test_in_autocommit_a_package_is_there_at_once_and_whole(database_url: str) -> None:
    """On a connection that commits every statement by itself, all that belongs to it is stored in one transaction."""
    with Shop.opened(Packhorse(database_url), database_url) as shop, closing(other_connection(database_url)) as conn:
        task = shop.app.work_package(name="shop.bill")(bill)
        id = task.package(conn=conn).add(*ORDERS).enqueue().id
        assert (stored(shop, id), shop.claims()) == ((True, ORDERS), [id])

        with pytest.raises(PayloadError, match="lone surrogate"):
            shop.app.enqueue_many([unstorable(task)], conn=conn)
        assert shop.count_jobs() == 1


def engine_on(url: str, **options: Any) -> Engine:
    """An engine that keeps no connections."""
    return create_engine(sync_url(url), poolclass=NullPool, **options)


def in_level(url: str) -> Connection:
    """A connection that was put into that mode."""
    return engine_on(url).connect().execution_options(isolation_level="AUTOCOMMIT")


def begun(url: str) -> Connection:
    """A connection of an engine in that mode, which has read already, so that SQLAlchemy sees a transaction."""
    connection = engine_on(url).execution_options(isolation_level="AUTOCOMMIT").connect()
    connection.execute(text("select 1"))
    return connection


def with_session(url: str) -> Session:
    """A session of an engine that was made so."""
    return Session(engine_on(url, isolation_level="AUTOCOMMIT"))


def regretted(shop: Shop, task: PackageTask[None], conn: Connection) -> None:
    """Enqueue a package in a block that is rolled back."""
    with shop.app.transaction(conn):
        task.package(conn=conn).add(*ORDERS).enqueue()
        raise ValueError("broken")


@contextmanager
def billing(database_url: str) -> Iterator[tuple[Shop, PackageTask[None]]]:
    """A shop, and its task of packages."""
    with Shop.opened(Packhorse(database_url), database_url) as shop:
        yield shop, shop.app.work_package(name="shop.bill")(bill)


@pytest.mark.accepts("M3")
@pytest.mark.parametrize("opened", [in_level, begun, with_session])
def test_in_sqlalchemys_autocommit_a_package_is_there_at_once_and_whole(
    database_url: str, opened: Callable[[str], Any]
) -> None:
    """And nothing of one that can't be stored; whether the connection was used before or not."""
    with billing(database_url) as (shop, task), closing(opened(database_url)) as conn:
        id = task.package(conn=conn).add(*ORDERS).enqueue().id
        assert (stored(shop, id), shop.claims()) == ((True, ORDERS), [id])
        with pytest.raises(PayloadError, match="lone surrogate"):
            shop.app.enqueue_many([unstorable(task)], conn=conn)
        assert shop.count_jobs() == 1

        conn.execute(text("BEGIN"))
        task.package(conn=conn).add(*ORDERS).enqueue()
        assert shop.count_jobs() == 1
        conn.execute(text("ROLLBACK"))
        assert shop.count_jobs() == 1


@pytest.mark.accepts("M3")
def test_in_sqlalchemys_autocommit_a_block_is_a_transaction(database_url: str) -> None:
    """Of `app.transaction`: its commit is seen, its rollback leaves nothing, and one in it is a savepoint."""
    with billing(database_url) as (shop, task), closing(in_level(database_url)) as conn:
        seen: list[int] = []
        with shop.app.transaction(conn) as tx:
            tx.on_commit(lambda: seen.append(shop.count_jobs()))
            task.package(conn=conn).add(*ORDERS).enqueue()
            with pytest.raises(ValueError, match="broken"):
                regretted(shop, task, conn)
            assert shop.count_jobs() == 0
        assert seen == [1]
        with pytest.raises(ValueError, match="broken"):
            regretted(shop, task, conn)
        assert shop.count_jobs() == 1


@pytest.mark.accepts("M3")
@pytest.mark.parametrize("has_read", [False, True])
def test_in_sqlalchemys_autocommit_coroutines_store_packages_whole(database_url: str, has_read: bool) -> None:
    """On asyncpg and aiosqlite, too, where a statement can't be sent just to look."""

    async def enqueued(shop: Shop, task: PackageTask[None]) -> int:
        url = async_url(database_url).replace("+psycopg", "+asyncpg")
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        try:
            async with AsyncSession(engine) as session:
                if has_read:
                    await session.execute(text("select 1"))
                id = (await task.package(conn=session).add(*ORDERS).aenqueue()).id
                with pytest.raises(PayloadError, match="lone surrogate"):
                    await shop.app.aenqueue_many([unstorable(task)], conn=session)
            return id
        finally:
            await engine.dispose()

    with billing(database_url) as (shop, task):
        id = asyncio.run(enqueued(shop, task))
        assert (stored(shop, id), shop.claims()) == ((True, ORDERS), [id])


@pytest.mark.engines("sqlite")
@pytest.mark.accepts("M3")
@pytest.mark.skipif(not hasattr(sqlite3, "LEGACY_TRANSACTION_CONTROL"), reason="autocommit came with Python 3.12")
def test_in_pythons_own_autocommit_a_package_is_there_at_once_and_whole(sqlite_url: str) -> None:
    """On aiosqlite as on sqlite3."""

    async def enqueued(task: PackageTask[None]) -> int:
        async with aiosqlite.connect(sqlite_url.removeprefix("sqlite:///"), autocommit=True) as conn:
            return (await task.package(conn=conn).add(*ORDERS).aenqueue()).id

    with billing(sqlite_url) as (shop, task):
        id = asyncio.run(enqueued(task))
        assert (stored(shop, id), shop.claims()) == ((True, ORDERS), [id])
