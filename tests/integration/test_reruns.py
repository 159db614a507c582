"""A run that the database has undone for nobody's fault is run again in place."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from packhorse import ConfigurationError, Context, JobState, Packhorse, UserError
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import path_of
from tests.integration.worker_kit import wait_for, working

WRITE = "INSERT INTO sale (id) VALUES (1)"


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """An application with a table of its own."""
    with Shop.opened(Packhorse(database_url), database_url) as shop:
        yield shop


def meet_conflict(url: str) -> None:
    """Have another connection be refused what this transaction holds, as in a busy shop; the driver's own error."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path_of(url), timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
    else:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE sale IN EXCLUSIVE MODE NOWAIT")


def conflicting(shop: Shop, times: int, **options: Any) -> Any:
    """A task that meets so many conflicts after it has written."""
    tries = iter(range(1, 1000))

    @shop.app.task(name="conflicting", policy="deferred", **options)
    def conflicting(ctx: Context, notes: list[str]) -> int:
        ctx.tx.execute(WRITE)
        notes.append("changed")
        number = next(tries)
        if number <= times:
            meet_conflict(shop.url)
        return number * 10 + len(notes)

    return conflicting


def conflicting_async(shop: Shop, times: int, **options: Any) -> Any:
    """The same as a coroutine."""
    tries = iter(range(1, 1000))

    @shop.app.task(name="conflicting", policy="deferred", **options)
    async def conflicting(ctx: Context, notes: list[str]) -> int:
        await ctx.tx.execute(WRITE)
        notes.append("changed")
        number = next(tries)
        if number <= times:
            meet_conflict(shop.url)
        return number * 10 + len(notes)

    return conflicting


@pytest.mark.accepts("T13")
@pytest.mark.parametrize("kind", [conflicting, conflicting_async])
def test_a_conflict_is_run_again_in_place_and_counts_for_nothing(shop: Shop, kind: Callable[..., Any]) -> None:
    """With its arguments as they were, in a transaction of its own; its log tells each time."""
    job = kind(shop, times=3).enqueue([])
    with working(shop.app):
        record = wait_for(shop.app, job.id)

    assert (record.state, record.result, record.attempt) == (JobState.SUCCEEDED, "41", 1)
    assert (record.failures, record.skips, shop.count_sales()) == (0, 0, 1)
    lines = [line.message for line in shop.app.list_log(job.id)]
    assert [line.partition(":")[0] for line in lines] == [f"run again in place ({n} of 5)" for n in (1, 2, 3)]
    assert shop.app.list_attempts(job.id) == []


@pytest.mark.accepts("T13")
@pytest.mark.parametrize("kind", [conflicting, conflicting_async])
def test_a_conflict_that_stays_is_put_off_for_a_random_time(shop: Shop, kind: Callable[..., Any]) -> None:
    """As the same job: its history goes on. Nothing of the tries is written."""
    job = kind(shop, times=100).enqueue([])
    with working(shop.app):
        record = wait_for(shop.app, job.id, JobState.SCHEDULED)

    assert (record.attempt, record.failures, record.skips, shop.count_sales()) == (1, 0, 1, 0)
    assert record.scheduled_at is not None
    assert record.scheduled_at - datetime.now(UTC) <= timedelta(seconds=10)
    assert len(shop.app.list_log(job.id)) == 5


@pytest.mark.accepts("T13")
@pytest.mark.engines("postgresql")
def test_a_commit_that_is_refused_is_run_again_as_well(shop: Shop) -> None:
    """Serializable transactions are refused as late as that; SQLite's wait for one another instead."""
    tries: list[int] = []

    @shop.app.task(name="skewed", policy="deferred")
    def skewed(ctx: Context) -> None:
        tries.append(1)
        ctx.tx.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        ctx.tx.execute("SELECT count(*) FROM sale")
        ctx.tx.execute("INSERT INTO sale (id) VALUES (1)")
        if len(tries) == 1:
            with psycopg.connect(shop.url) as other:
                other.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                other.execute("SELECT count(*) FROM sale")
                other.execute("INSERT INTO sale (id) VALUES (2)")

    job = skewed.enqueue()
    with working(shop.app):
        assert wait_for(shop.app, job.id).state == JobState.SUCCEEDED
    assert (len(tries), shop.count_sales()) == (2, 2)


@pytest.mark.accepts("T13", "T15", "T16")
def test_only_conflicts_are_run_again(shop: Shop) -> None:
    """Neither an error of the code, which is final with its trace, nor one that is for a person."""
    tries: list[str] = []

    @shop.app.task(name="broken", policy="deferred")
    def broken(ctx: Context, error: str) -> None:
        tries.append(error)
        ctx.tx.execute(WRITE)
        raise UserError("no address") if error == "user" else ValueError(error)

    jobs = [broken.enqueue(error) for error in ("user", "value")]
    with working(shop.app):
        records = [wait_for(shop.app, job.id) for job in jobs]

    assert (sorted(tries), shop.count_sales()) == (["user", "value"], 0)
    assert [(record.state, record.failures) for record in records] == [(JobState.FAILED, 1)] * 2
    assert "raise UserError" in (records[1].error_traceback or "")


@pytest.mark.accepts("T13")
def test_a_task_that_does_not_ask_for_it_is_not_run_again_in_place(shop: Shop) -> None:
    """It is put off at once, as ever."""
    job = conflicting(shop, times=1, reruns=0).enqueue([])
    with working(shop.app):
        record = wait_for(shop.app, job.id, JobState.SCHEDULED)
    assert (record.skips, list(shop.app.list_log(job.id))) == (1, [])


def test_wrong_rules_are_refused(shop: Shop) -> None:
    """Where the task is declared."""
    wrongs: list[dict[str, Any]] = [{"reruns": -1}, {"reruns": 21}, {"reruns": True}, {"policy": "tryton"}]
    for wrong in wrongs:
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            shop.app.task(name="wrong", **wrong)(print)
