"""An enqueue without a connection belongs to the block of `app.transaction` that is open around it, and to no other."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from packhorse import Context, Packhorse, Task, UnsupportedConnection, UsageError, WrongDatabase
from tests.integration.connections.shop import Shop, other_connection
from tests.integration.connections.test_own_transactions import Aborted, transaction
from tests.integration.connections.wired import INSERT, Psycopg, Sqlite3, Wired, WiredAsync

pytestmark = pytest.mark.accepts("C2")


@pytest.fixture
def own(database_url: str) -> Iterator[Shop]:
    """An application with a table of its own."""
    with Shop.opened(Packhorse(database_url), database_url) as shop:
        yield shop


def numbers(app: Packhorse) -> list[str]:
    """What the jobs were enqueued with, the oldest first."""
    return [job.args for job in reversed(app.list_jobs())]


def in_thread(work: Callable[[], Any]) -> None:
    """Do it in a thread that has a copy of this one's context, and wait for it."""
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    thread.join()


@pytest.mark.parametrize("error", [None, Aborted()], ids=["commits", "rolls-back"])
def test_it_belongs_to_the_block(own: Shop, error: Exception | None) -> None:
    """It is seen with the block's own writes, or never; one more before and one after stand by themselves."""
    own.send.enqueue(0)
    with suppress(Aborted), own.app.transaction() as tx:
        tx.execute(INSERT)
        own.send.enqueue(1)
        own.app.enqueue("shop.send", 2)
        own.app.enqueue_many([own.send.call(3)])
        assert own.count_jobs() == 1
        if error is not None:
            raise error
    own.send.enqueue(4)

    assert numbers(own.app) == (["[0]", "[1]", "[2]", "[3]", "[4]"] if error is None else ["[0]", "[4]"])
    assert own.count_sales() == (1 if error is None else 0)


@pytest.mark.parametrize("error", [None, Aborted()], ids=["commits", "rolls-back"])
def test_a_coroutine_s_belongs_to_its_block(own: Shop, error: Exception | None) -> None:
    """As in a thread; where a plain enqueue can't write, it says what to use."""

    async def sell() -> None:
        async with own.app.transaction() as tx:
            await tx.execute(INSERT)
            await own.send.aenqueue(1)
            await own.app.aenqueue_many([own.send.call(2)])
            with pytest.raises(UnsupportedConnection, match="use aenqueue"):
                own.send.enqueue(3)
            if error is not None:
                raise error

    with suppress(Aborted):
        asyncio.run(sell())

    assert numbers(own.app) == (["[1]", "[2]"] if error is None else [])
    assert own.count_sales() == (1 if error is None else 0)


def test_a_plain_block_in_a_coroutine_takes_both_kinds(own: Shop) -> None:
    """It is open in the coroutine that opened it."""

    async def sell() -> None:
        with own.app.transaction():
            own.send.enqueue(1)
            await own.send.aenqueue(2)
            raise Aborted

    with pytest.raises(Aborted):
        asyncio.run(sell())

    assert numbers(own.app) == []


def test_a_block_on_the_caller_s_connection_is_joined_too(shop: Shop, wired: Wired) -> None:
    """On every kind; and in a nested one, the innermost."""

    def enqueue(number: int) -> None:
        if not isinstance(wired, WiredAsync):
            shop.send.enqueue(number)

    async def sell() -> None:
        async with shop.app.transaction(wired.raw):
            await shop.send.aenqueue(1)
            with pytest.raises(Aborted):
                await sell_in_savepoint()
            assert shop.count_jobs() == 0

    async def sell_in_savepoint() -> None:
        async with shop.app.transaction(wired.raw):
            await shop.send.aenqueue(2)
            raise Aborted

    if isinstance(wired, WiredAsync):
        wired.run(sell())
    else:
        with transaction(shop, wired, wired.raw):
            enqueue(1)
            with suppress(Aborted), transaction(shop, wired, wired.raw):
                enqueue(2)
                raise Aborted
            assert shop.count_jobs() == 0

    assert numbers(shop.app) == ["[1]"]


def test_conn_wins(own: Shop, database_url: str) -> None:
    """What is written on a connection of its own is not the block's."""
    with closing(other_connection(database_url)) as connection:
        connection.execute("BEGIN")
        own.send.using(conn=connection).enqueue(1)
        connection.execute("COMMIT")
    with suppress(Aborted), own.app.transaction() as tx:
        own.send.using(conn=tx).enqueue(2)
        raise Aborted

    assert numbers(own.app) == ["[1]"]


def test_a_callback_after_the_commit_is_outside(own: Shop) -> None:
    """The block has ended when it is called, so what it enqueues stands by itself."""

    def follow() -> None:
        own.send.enqueue(2)

    with own.app.transaction() as tx:
        tx.on_commit(follow)
        own.send.enqueue(1)

    assert numbers(own.app) == ["[1]", "[2]"]


@pytest.mark.engines("postgresql")
def test_another_thread_is_outside(own: Shop) -> None:
    """Although it has a copy of this one's context: it may go on while the block ends."""
    with suppress(Aborted), own.app.transaction():
        in_thread(lambda: own.send.enqueue(1))
        raise Aborted

    assert numbers(own.app) == ["[1]"]


@pytest.mark.engines("postgresql")
def test_another_task_is_outside(own: Shop) -> None:
    """Inside the block's lifetime and after it: the connection is the block's task's alone."""

    async def sell(later: list[asyncio.Task[Any]]) -> None:
        async with own.app.transaction():
            await own.send.aenqueue(1)
            await asyncio.create_task(own.send.aenqueue(2))
            await asyncio.to_thread(own.send.enqueue, 3)
            later.append(asyncio.create_task(after(asyncio.current_task())))
            raise Aborted

    async def after(task: asyncio.Task[Any] | None) -> None:
        while task is not None and not ended.is_set():
            await ended.wait()
        await own.send.aenqueue(4)

    async def main() -> None:
        later: list[asyncio.Task[Any]] = []
        with pytest.raises(Aborted):
            await sell(later)
        ended.set()
        await asyncio.gather(*later)

    ended = asyncio.Event()
    asyncio.run(main())
    assert numbers(own.app) == ["[2]", "[3]", "[4]"]


def test_a_task_spawned_inside_is_outside_after_the_end(own: Shop) -> None:
    """It does not write on a connection that went back."""

    async def main() -> None:
        ended = asyncio.Event()

        async def later() -> None:
            await ended.wait()
            await own.send.aenqueue(2)

        async with own.app.transaction():
            await own.send.aenqueue(1)
            spawned = asyncio.create_task(later())
        ended.set()
        await spawned

    asyncio.run(main())
    assert numbers(own.app) == ["[1]", "[2]"]


def test_a_block_may_end_in_another_task_than_it_began(own: Shop) -> None:
    """As fixtures of test frameworks do; nothing of it stays."""
    with asyncio.Runner() as runner:
        block = own.app.transaction()
        runner.run(block.__aenter__())
        runner.run(block.__aexit__(None, None, None))

    assert own.app._blocks._open == {}
    own.send.enqueue(1)
    assert numbers(own.app) == ["[1]"]


def test_another_application_s_block_is_not_joined(own: Shop, tmp_path: Any) -> None:
    """Each application has its own blocks, also two on one server."""
    other = Packhorse(f"sqlite:///{tmp_path / 'other.db'}")
    with other.transaction(), suppress(Aborted), own.app.transaction():
        own.send.enqueue(1)
        other.enqueue("elsewhere", 2)
        raise Aborted

    assert numbers(own.app) == []
    assert numbers(other) == ["[2]"]
    other.close()


def test_a_block_on_another_database_is_refused(own: Shop, tmp_path: Any) -> None:
    """As with conn: the job could not commit with it."""
    with (
        closing(other_connection(f"sqlite:///{tmp_path / 'other.db'}")) as connection,
        pytest.raises(WrongDatabase, match="conn reaches"),
        own.app.transaction(connection),
    ):
        own.send.enqueue(1)

    assert numbers(own.app) == []


def test_inside_a_handler_the_innermost_is_joined(own: Shop) -> None:
    """A block in an atomic handler is nearer than the handler's own transaction, which takes over at its end."""

    @own.app.task(name="book", atomic=True, max_attempts=1)
    def book(ctx: Context) -> None:
        with own.app.transaction():
            own.send.enqueue(1)
        own.send.enqueue(2)
        raise Aborted

    book.enqueue()
    own.app.run_pending()

    assert [job.args for job in own.app.list_jobs(task="shop.send")] == ["[1]"]


@pytest.mark.engines("postgresql")
def test_a_job_that_runs_inside_a_block_is_outside(own: Shop) -> None:
    """A handler's job is not the producer's, although both are in one thread."""

    @own.app.task(name="first")
    def first() -> None:
        own.send.enqueue(1)

    first.enqueue()
    with suppress(Aborted), own.app.transaction():
        own.app.run_pending()
        raise Aborted

    assert [job.args for job in own.app.list_jobs(task="shop.send")] == ["[1]"]


def test_its_own_inside_its_own_is_refused_in_words(own: Shop) -> None:
    """A second transaction would wait for the first one's lock, which ends after it."""

    def nest() -> None:
        with own.app.transaction():
            own.send.enqueue(1)
            with own.app.transaction():
                raise AssertionError

    async def anest() -> None:
        async with own.app.transaction():
            await own.send.aenqueue(1)
            async with own.app.transaction():
                raise AssertionError

    with pytest.raises(UsageError, match="open already"):
        nest()
    with pytest.raises(UsageError, match="open already"):
        asyncio.run(anest())

    assert numbers(own.app) == []


def test_inline_jobs_follow_the_block(database_url: str) -> None:
    """What was committed elsewhere meanwhile waits for its end, too, for it may hold what the jobs need."""
    with Shop.opened(Packhorse(database_url, worker="inline"), database_url) as shop:
        waiting: Task[[int], int] = shop.send
        wired: Wired = Sqlite3(database_url) if database_url.startswith("sqlite") else Psycopg(database_url)
        waiting.using(conn=wired.raw).enqueue(1)
        wired.commit()
        with shop.app.transaction():
            assert shop.sent == [1]
            waiting.enqueue(2)
            shop.app.count_jobs()
            assert shop.sent == [1]
        assert shop.sent == [1, 2]
        wired.close()


@pytest.mark.engines("postgresql")
def test_inline_jobs_of_another_connection_follow_the_block(database_url: str) -> None:
    """Committed inside the block, on a connection of its own, run at its end."""
    with Shop.opened(Packhorse(database_url, worker="inline"), database_url) as shop:
        with closing(other_connection(database_url)) as connection, shop.app.transaction():
            shop.send.using(conn=connection).enqueue(1)
            assert shop.sent == []
        assert shop.sent == [1]
