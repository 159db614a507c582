"""Code that needs a lock begins its run anew with it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from packhorse import Context, JobState, Packhorse, UsageError, current
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import path_of
from tests.integration.deferred.models import Order
from tests.integration.deferred.on_sqlalchemy import SqlAlchemyOrders
from tests.integration.worker_kit import Gate, wait_for, working


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """An application with a table of its own."""
    with Shop.opened(Packhorse(database_url), database_url) as shop:
        yield shop


def write_elsewhere(url: str) -> str:
    """Have another connection write to the table, if it is let; what it was told."""
    words = "INSERT INTO sale (id) VALUES (7)"
    try:
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(path_of(url), timeout=0)) as other:
                other.execute(words)
                other.commit()
        else:
            with psycopg.connect(url) as other:
                other.execute("SET lock_timeout = 50")
                other.execute(words)
    except (sqlite3.OperationalError, psycopg.errors.LockNotAvailable):
        return "locked"
    return "written"


def in_thread(shop: Shop, told: list[str], table: str) -> Any:
    """A handler that needs a table's lock in the middle."""

    @shop.app.task(name="counting", atomic=True)
    def counting(ctx: Context) -> int:
        [before] = ctx.tx.execute("SELECT count(*) FROM sale").fetchone()
        told.append(write_elsewhere(shop.url))
        try:
            shop.app.lock_first(table=table)
        except Exception:  # noqa: BLE001 - what must not be kept by it
            told.append("swallowed")
        [after] = ctx.tx.execute("SELECT count(*) FROM sale").fetchone()
        ctx.tx.execute("INSERT INTO sale (id) VALUES (1)")
        return int(after - before)

    return counting


def in_coroutine(shop: Shop, told: list[str], table: str) -> Any:
    """The same as a coroutine."""

    @shop.app.task(name="counting", atomic=True)
    async def counting(ctx: Context) -> int:
        [before] = await (await ctx.tx.execute("SELECT count(*) FROM sale")).fetchone()
        told.append(write_elsewhere(shop.url))
        shop.app.lock_first(table=table)
        [after] = await (await ctx.tx.execute("SELECT count(*) FROM sale")).fetchone()
        await ctx.tx.execute("INSERT INTO sale (id) VALUES (1)")
        return int(after - before)

    return counting


@pytest.mark.accepts("T14")
@pytest.mark.parametrize("kind", [in_thread, in_coroutine])
def test_a_run_that_needs_a_lock_begins_anew_with_it(shop: Shop, kind: Callable[..., Any]) -> None:
    """Nobody writes to the table any more, from before its first read; it is the same attempt."""
    told: list[str] = []
    job = kind(shop, told, "sale").enqueue()
    with working(shop.app):
        record = wait_for(shop.app, job.id)

    assert (record.state, record.attempt, record.failures, record.skips) == (JobState.SUCCEEDED, 1, 0, 0)
    assert told[-1] == "locked"
    assert len(told) == 2
    assert record.result == "0"
    lines = [line.message for line in shop.app.list_log(job.id)]
    assert lines == ["begun anew with what is to be locked first: table sale"]
    assert shop.count_sales() == 1 + told.count("written")


@pytest.mark.accepts("T14")
@pytest.mark.engines("postgresql")
def test_without_the_lock_two_runs_lose_an_update_and_with_it_they_do_not(database_url: str) -> None:
    """Each has read the order's total before the other one writes it."""
    with SqlAlchemyOrders.opened(database_url) as orders:
        app, gate = orders.app, Gate()
        runs: list[int] = []

        def add(ctx: Context, locks: bool) -> None:
            order = ctx.tx.session.get(Order, 1)
            runs.append(order.total)
            if len(runs) <= 2:
                gate.wait()
            if locks:
                app.lock_first(order)
            order.total += 1

        adding = app.task(name="adding", atomic=True)(add)
        for locks, total in ((False, 1), (True, 3)):
            gate = Gate()
            runs.clear()
            jobs = [adding.enqueue(locks) for _ in range(2)]
            with working(app):
                gate.reached(2)
                gate.open()
                assert [wait_for(app, job.id).state for job in jobs] == [JobState.SUCCEEDED] * 2
            assert orders.totals() == {1: total}


def test_what_is_no_table_fails_the_job_and_outside_a_handler_there_is_no_lock(shop: Shop) -> None:
    """With what was wrong; a name is looked up and never run as SQL."""
    with pytest.raises(UsageError, match="atomic handler"):
        shop.app.lock_first(table="sale")

    @shop.app.task(name="wrong", policy="deferred")
    def wrong() -> None:
        current().tx.execute("INSERT INTO sale (id) VALUES (1)")
        shop.app.lock_first(table="sale; drop table sale")

    job = wrong.enqueue()
    with working(shop.app):
        record = wait_for(shop.app, job.id)
    is_looked_up = shop.app.engine.dialect == "postgresql"
    assert record.state == (JobState.FAILED if is_looked_up else JobState.SUCCEEDED)
    assert shop.count_sales() == (0 if is_looked_up else 1)
