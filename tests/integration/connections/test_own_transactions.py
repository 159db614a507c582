"""`app.transaction`: a transaction whose commit is seen, on any connection."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from packhorse import Packhorse, UnsupportedConnection, UsageError
from packhorse.connections.recognise import adapt
from tests.integration.connections.conftest import SEEING
from tests.integration.connections.shop import Shop, other_connection
from tests.integration.connections.wired import INSERT, Wired, WiredAsync, path_of


class Aborted(Exception):
    """What the tests raise to have a transaction rolled back."""


@contextmanager
def transaction(shop: Shop, wired: Wired, raw: object) -> Iterator[Any]:
    """`app.transaction(raw)` as this kind of connection uses it."""
    block = shop.app.transaction(raw)
    if not isinstance(wired, WiredAsync):
        with block as tx:
            yield tx
        return
    tx = wired.run(block.__aenter__())
    try:
        yield tx
    except BaseException as error:
        wired.run(block.__aexit__(type(error), error, error.__traceback__))
        raise
    wired.run(block.__aexit__(None, None, None))


@pytest.mark.accepts("C1", "C2", "C24")
def test_the_commit_is_seen(shop: Shop, wired: Wired) -> None:
    """The row, the job and the callbacks come with the end of the block, in this order."""
    seen: list[tuple[str, int]] = []
    with transaction(shop, wired, wired.raw) as tx:
        wired.write()
        wired.enqueue(shop.send, 1)
        tx.on_commit(lambda: seen.append(("committed", shop.count_jobs())))
        tx.on_rollback(lambda: seen.append(("rolled back", shop.count_jobs())))
        assert (shop.count_sales(), shop.count_jobs(), seen) == (0, 0, [])

    assert shop.count_sales() == 1
    assert seen[:1] == [("committed", 1)]
    assert len(seen) == 1


@pytest.mark.accepts("C2", "C24")
def test_the_rollback_is_seen(shop: Shop, wired: Wired) -> None:
    """An exception rolls everything back, and goes on its way."""
    seen: list[str] = []

    def sell() -> None:
        with transaction(shop, wired, wired.raw) as tx:
            wired.write()
            wired.enqueue(shop.send, 1)
            tx.on_commit(lambda: seen.append("committed"))
            if not _is_django(wired):
                tx.on_rollback(lambda: seen.append("rolled back"))
            raise Aborted

    with pytest.raises(Aborted):
        sell()

    assert (shop.count_sales(), shop.count_jobs()) == (0, 0)
    assert seen == ([] if _is_django(wired) else ["rolled back"])


@pytest.mark.accepts("C2", "C24")
@pytest.mark.parametrize("keep", [True, False], ids=["released", "rolled-back"])
def test_a_nested_one_is_a_savepoint(shop: Shop, wired: Wired, keep: bool) -> None:
    """Its callbacks wait for the outer commit, or are dropped with it."""
    seen: list[str] = []
    with transaction(shop, wired, wired.raw) as outer:
        outer.on_commit(lambda: seen.append("outer"))
        try:
            with transaction(shop, wired, wired.raw) as inner:
                inner.on_commit(lambda: seen.append("inner"))
                wired.enqueue(shop.send, 1)
                if not keep:
                    raise Aborted
        except Aborted:
            assert shop.count_jobs() == 0
        assert seen == []
        wired.enqueue(shop.send, 2)

    assert seen == (["outer", "inner"] if keep else ["outer"])
    assert shop.count_jobs() == (2 if keep else 1)


@pytest.mark.accepts("C24")
@pytest.mark.parametrize("case", SEEING, indirect=True)
def test_a_savepoint_of_the_applications_own_drops_its_callbacks(shop: Shop, wired: Wired) -> None:
    """Where the adapter sees commits by itself it sees savepoints, too, also those that were open before."""
    seen: list[str] = []
    connection = adapt(wired.raw)
    wired.begin()
    wired.write()

    def in_savepoint() -> None:
        wired.enqueue(shop.send, 1)
        assert connection.on_commit(lambda: seen.append("in the savepoint"))

    wired.in_savepoint(in_savepoint, keep=False)
    wired.in_savepoint(in_savepoint, keep=True)
    assert connection.on_commit(lambda: seen.append("outside"))
    assert seen == []
    wired.commit()

    assert seen == ["in the savepoint", "outside"]


def test_the_open_transaction_is_itself_a_connection(shop: Shop, wired: Wired) -> None:
    """What the block gives may be passed on as conn."""
    with transaction(shop, wired, wired.raw) as tx:
        bound = shop.send.using(conn=tx)
        if isinstance(wired, WiredAsync):
            wired.run(bound.aenqueue(1))
        else:
            bound.enqueue(1)
        assert tx.connection is not None

    assert shop.count_jobs() == 1


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a table of its own."""
    app = Packhorse(database_url)
    with Shop.opened(app, database_url):
        yield app


@pytest.mark.accepts("C2")
def test_without_a_connection_it_is_one_of_the_applications_own(app: Packhorse, database_url: str) -> None:
    """The caller's SQL and the job commit together, or not at all."""
    send = app.registry.get("shop.send")

    def sell(number: int, *, error: Exception | None = None) -> None:
        with app.transaction() as tx:
            tx.execute(INSERT)
            send.using(conn=tx).enqueue(number)
            if error is not None:
                raise error

    sell(1)
    with pytest.raises(Aborted):
        sell(2, error=Aborted())

    with closing(other_connection(database_url)) as connection:
        assert connection.execute("SELECT count(*) FROM sale").fetchall() == [(1,)]
    assert [job.args for job in app.list_jobs()] == ["[1]"]


@pytest.mark.accepts("C2")
def test_the_same_for_coroutines(app: Packhorse) -> None:
    """Async with app.transaction()."""
    send = app.registry.get("shop.send")
    seen: list[str] = []

    async def sell(number: int, error: Exception | None = None) -> None:
        async with app.transaction() as tx:
            await tx.execute(INSERT)
            await send.using(conn=tx).aenqueue(number)
            tx.on_commit(lambda: seen.append("committed"))
            tx.on_rollback(lambda: seen.append("rolled back"))
            if error is not None:
                raise error

    asyncio.run(sell(1))
    with pytest.raises(Aborted):
        asyncio.run(sell(2, Aborted()))

    assert seen == ["committed", "rolled back"]
    assert [job.args for job in app.list_jobs()] == ["[1]"]


def test_a_driver_inside_a_transaction_already_is_refused(app: Packhorse, database_url: str) -> None:
    """Its commit could not be seen."""
    if app.engine.dialect == "sqlite":
        connection: Any = sqlite3.connect(path_of(database_url))
        connection.execute("INSERT INTO sale (id) VALUES (1)")
    else:
        connection = psycopg.connect(database_url)
        connection.execute("SELECT 1")
    with (
        closing(connection),
        pytest.raises(UsageError, match="commit it or roll it back"),
        app.transaction(connection),
    ):
        raise AssertionError


def test_the_wrong_kind_of_with_is_refused(app: Packhorse, database_url: str) -> None:
    """A synchronous connection needs `with`, an asynchronous one `async with`."""

    async def enter() -> None:
        with closing(other_connection(database_url)) as connection:
            async with app.transaction(connection):
                raise AssertionError

    with pytest.raises(UnsupportedConnection, match=r"use `with app\.transaction"):
        asyncio.run(enter())


def _is_django(wired: Wired) -> bool:
    return type(wired).__module__.endswith("django")
