"""Atomic handlers write through what they know, and their writes commit together with the acknowledgement."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from packhorse import Backoff, Context, JobState, Packhorse
from packhorse.domain.claim import Claim
from packhorse.domain.decide import decide
from packhorse.domain.job import Lease
from packhorse.domain.outcome import WorkerLost
from packhorse.domain.retry import RetryPolicy
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import INSERT
from tests.integration.connections.wired_django import ALIAS, django_database

ROW = text(INSERT)
AT_ONCE = Backoff(first=timedelta(0), longest=timedelta(0))


class Base(DeclarativeBase):
    """The application's models."""


class Sale(Base):
    """A row of the table `sale`."""

    __tablename__ = "sale"
    id: Mapped[int] = mapped_column(primary_key=True)


def by_statement(ctx: Context) -> None:
    """Through the driver."""
    ctx.tx.execute(INSERT)


def by_connection(ctx: Context) -> None:
    """Through the driver's own connection."""
    ctx.tx.connection.cursor().execute(INSERT)


def by_session(ctx: Context) -> None:
    """Through an SQLAlchemy session, left to be flushed at the end."""
    ctx.tx.session.add(Sale(id=1))


def by_committing_session(ctx: Context) -> None:
    """Through one that the handler commits, as its other code does."""
    ctx.tx.session.execute(ROW)
    ctx.tx.session.commit()


def by_repenting_session(ctx: Context) -> None:
    """Through one that rolls back first, and then writes."""
    ctx.tx.session.execute(ROW)
    ctx.tx.session.execute(ROW)
    ctx.tx.session.rollback()
    with ctx.tx.session.begin_nested():
        ctx.tx.session.execute(ROW)


async def by_statement_async(ctx: Context) -> None:
    """Through the asynchronous driver."""
    await ctx.tx.execute(INSERT)


async def by_connection_async(ctx: Context) -> None:
    """Through its own connection."""
    await ctx.tx.connection.execute(INSERT)


async def by_session_async(ctx: Context) -> None:
    """Through an AsyncSession, left to be flushed at the end."""
    ctx.tx.session.add(Sale(id=1))


async def by_committing_session_async(ctx: Context) -> None:
    """Through one that the handler commits."""
    await ctx.tx.session.execute(ROW)
    await ctx.tx.session.commit()


async def by_repenting_session_async(ctx: Context) -> None:
    """Through one that rolls back first, and then writes."""
    await ctx.tx.session.execute(ROW)
    await ctx.tx.session.rollback()
    async with ctx.tx.session.begin_nested():
        await ctx.tx.session.execute(ROW)


WAYS = (by_statement, by_connection, by_session, by_committing_session, by_repenting_session)
ASYNC_WAYS = (
    by_statement_async,
    by_connection_async,
    by_session_async,
    by_committing_session_async,
    by_repenting_session_async,
)


def through_models(_: Context) -> None:
    """Through Django's own connection, without a word about the transaction."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(INSERT)
    assert connections[ALIAS].in_atomic_block


def through_atomic(_: Context) -> None:
    """Inside a block of the handler's own."""
    with transaction.Atomic(ALIAS, savepoint=True, durable=False), connections[ALIAS].cursor() as cursor:
        cursor.execute(INSERT)


DJANGO_WAYS = (by_statement, by_connection, through_models, through_atomic)


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """An application with a table of its own."""
    with Shop.opened(Packhorse(database_url), database_url) as shop:
        yield shop


@pytest.fixture
def django_shop(database_url: str) -> Iterator[Shop]:
    """The same, with the database of Django's settings."""
    with django_database(database_url), Shop.opened(Packhorse(f"django://{ALIAS}"), database_url) as shop:
        yield shop


def handler_of(
    way: Callable[[Context], Any],
    *,
    first: Callable[[Context], None] = lambda _: None,
    then: Callable[[Context], None] = lambda _: None,
) -> Callable[[Context], Any]:
    """A handler that writes in this way, and does other things before and after."""

    def handle(ctx: Context) -> None:
        first(ctx)
        way(ctx)
        then(ctx)

    async def handle_async(ctx: Context) -> None:
        first(ctx)
        await way(ctx)
        then(ctx)

    return handle_async if way in ASYNC_WAYS else handle


def run_twice(shop: Shop, way: Callable[[Context], Any]) -> list[int]:
    """Run a job that fails in its first attempt, after it has written; how many sales there were in each attempt."""
    seen: list[int] = []

    def fail_once(ctx: Context) -> None:
        seen.append(shop.count_sales())
        if ctx.job.attempt == 1:
            raise RuntimeError("after the write")

    task = shop.app.task(name="sell", atomic=True, backoff=AT_ONCE)(handler_of(way, then=fail_once))
    handle = task.enqueue()
    shop.app.run_pending()
    assert handle.record().state is JobState.SUCCEEDED, handle.record()
    return [*seen, shop.count_sales()]


@pytest.mark.accepts("C7")
@pytest.mark.parametrize("way", [*WAYS, *ASYNC_WAYS], ids=lambda way: way.__name__)
def test_the_effect_and_the_acknowledgement_commit_together(shop: Shop, way: Callable[[Context], Any]) -> None:
    """Nobody sees the write before the end; an attempt that raises leaves nothing; the next one writes once."""
    assert run_twice(shop, way) == [0, 0, 1]


@pytest.mark.accepts("C7")
@pytest.mark.parametrize("way", DJANGO_WAYS, ids=lambda way: way.__name__)
def test_under_django_the_whole_handler_is_in_one_atomic_block(
    django_shop: Shop, way: Callable[[Context], Any]
) -> None:
    """Also what it writes through Django's models, which know nothing of the job."""
    assert run_twice(django_shop, way) == [0, 0, 1]


@pytest.mark.accepts("C7")
def test_a_coroutine_has_no_atomic_block_under_django(django_shop: Shop) -> None:
    """The job fails with a message that says to use a plain def."""

    @django_shop.app.task(name="sell", atomic=True, max_attempts=1)
    async def sell(ctx: Context) -> None: ...

    handle = sell.enqueue()
    django_shop.app.run_pending()

    assert "make the handler of an atomic task a plain `def`" in str(handle.record().error_message)


@pytest.mark.accepts("C5", "C7")
@pytest.mark.parametrize("way", [*WAYS, *ASYNC_WAYS], ids=lambda way: way.__name__)
def test_the_effect_of_a_run_that_lost_its_lease_is_undone(shop: Shop, way: Callable[[Context], Any]) -> None:
    """The job was rescued and claimed anew meanwhile: the late run's writes are rolled back with its ack."""
    handle = shop.app.task(name="sell", atomic=True)(handler_of(way, first=lambda ctx: take_over(shop, ctx))).enqueue()
    shop.app.run_pending()

    assert shop.count_sales() == 0
    assert (handle.record().state, handle.record().attempt) == (JobState.EXECUTING, 2)


@pytest.mark.accepts("C7")
@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
def test_jobs_enqueued_by_an_atomic_handler_belong_to_its_transaction(shop: Shop, is_async: bool) -> None:
    """Without a conn, too: a handler that is retried does not enqueue its follow-up twice."""

    def sell(ctx: Context) -> None:
        shop.send.enqueue(ctx.job.attempt)
        shop.send.using(conn=ctx.tx.session).enqueue(ctx.job.attempt)
        fail_once(ctx)

    async def asell(ctx: Context) -> None:
        await shop.send.aenqueue(ctx.job.attempt)
        await shop.send.using(conn=ctx.tx.session).aenqueue(ctx.job.attempt)
        fail_once(ctx)

    def fail_once(ctx: Context) -> None:
        if ctx.job.attempt == 1:
            raise RuntimeError("after the enqueue")

    shop.app.task(name="sell", atomic=True, backoff=AT_ONCE)(asell if is_async else sell).enqueue()
    shop.app.run_pending()

    assert shop.sent == [2, 2]
    assert shop.states() == [JobState.SUCCEEDED] * 3


def take_over(shop: Shop, ctx: Context) -> None:
    """Give the job to another claim, as happens when its worker was taken for dead."""
    shop.app.engine.ack_jobs([decide(ctx.job, WorkerLost("somebody"), RetryPolicy(), 0)])
    [job] = shop.app.engine.claim_jobs(Claim(lease=Lease(9, 9), queue="default", limit=1, suspects=True))
    assert job.id == ctx.job.id
