"""Coroutines that are called once for each record: the same that holds for functions."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from packhorse import Cancel, Context, Fail, JobHandle, JobState, Packhorse, Retry, Skip, UserError
from packhorse.domain.decide import decide
from packhorse.domain.outcome import WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.errors import DatabaseBusy
from packhorse.workpackages.package import WorkPackage
from tests.crash.conftest import connected
from tests.integration.each_kit import (
    INSERT,
    WRONG,
    Account,
    Effect,
    Line,
    accounting,
    accounts,
    effects,
    lines,
    outcomes,
    told,
)
from tests.integration.worker_kit import wait_for, working
from tests.waiting import wait_until

DONE = ("done", None)


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with ten accounts and no handlers yet."""
    with accounting(database_url, 10) as app:
        yield app


async def by_driver(ctx: Context, id: int) -> None:
    """Through the driver alone."""
    await ctx.tx.execute(INSERT.format(id, "driver"))


async def by_session(ctx: Context, id: int) -> None:
    """Through the session alone, left to be flushed."""
    ctx.tx.session.add(Effect(account=id, how="session"))


async def by_both(ctx: Context, id: int) -> None:
    """Through both, the driver first."""
    await by_driver(ctx, id)
    await ctx.tx.session.execute(text(INSERT.format(id, "session")))


async def by_committing_session(ctx: Context, id: int) -> None:
    """Through a session that is committed, as the application's other code does."""
    await by_session(ctx, id)
    await ctx.tx.session.commit()


async def by_repenting_session(ctx: Context, id: int) -> None:
    """Through a session that is rolled back first, and then written to."""
    await ctx.tx.session.execute(text(INSERT.format(id, "regretted")))
    await ctx.tx.session.rollback()
    await by_session(ctx, id)


WAYS: Sequence[Callable[[Context, int], Awaitable[None]]] = (
    by_driver,
    by_session,
    by_both,
    by_committing_session,
    by_repenting_session,
)


@pytest.mark.accepts("M14")
@pytest.mark.parametrize("kind", [accounts, lines])
@pytest.mark.parametrize("write", WAYS, ids=[way.__name__ for way in WAYS])
def test_what_a_failed_record_wrote_is_undone_alone(
    app: Packhorse, database_url: str, write: Callable[[Context, int], Awaitable[None]], kind: Callable[..., list[Any]]
) -> None:
    """Whatever it wrote through, whether the records were loaded in the transaction, and wherever in a chunk it is."""

    @app.work_package(each=True, chunk=4)
    async def post(ctx: Context, record: Any) -> None:
        id = record.id
        await write(ctx, id)
        if id in (0, 2, 3, 8):
            raise ValueError(f"no {id}")

    id = post.package().add(*kind(*range(10))).enqueue().id
    app.run_pending()
    assert app.get_job(id).reason == "6 done, 4 failed, 0 skipped"
    assert [n for n, how in enumerate(outcomes(app, id)) if how == "failed"] == [0, 2, 3, 8]
    assert set(effects(database_url)) == {1, 4, 5, 6, 7, 9}


@pytest.mark.accepts("M14")
def test_the_package_tells_what_became_of_each_record(app: Packhorse) -> None:
    """Done, failed or skipped, by raising or by returning, with each reason; the longest wait of a skip counts."""
    said = [
        (None, DONE),
        (ValueError("no"), ("failed", "ValueError: no")),
        (Fail("not that one"), ("failed", "not that one")),
        (UserError("the address is missing"), ("failed", "the address is missing")),
        (Skip("later"), ("skipped", "later")),
    ]

    @app.work_package(each=True)
    async def post(record: Any) -> object:
        end = said[record.id % 5][0]
        await asyncio.sleep(0)
        if end is None or (record.id > 4 and isinstance(end, Fail | UserError | Skip)):
            return end
        raise end

    id = post.package().add(*accounts(*range(10))).enqueue().id
    with working(app):
        assert wait_for(app, id).reason == "2 done, 6 failed, 2 skipped"
    assert told(app, id) == [said[n % 5][1] for n in range(10)]


@pytest.mark.accepts("M16")
def test_a_retry_runs_only_what_is_not_done(app: Packhorse, database_url: str) -> None:
    """The failed ones are called again, the others not; then the package is done. It has its parameters throughout."""
    calls: list[int] = []
    wrong = {3, 7}

    @app.work_package(each=True, chunk=2)
    async def post(ctx: Context, package: WorkPackage, account: Account) -> None:
        calls.append(account.id)
        package.set_param("calls", package.param("calls", int, 0) + 1)
        await by_driver(ctx, account.id)
        if account.id in wrong:
            raise ValueError(account.name)

    id = post.package().add(*accounts(*range(10))).enqueue().id
    app.run_pending()
    wrong.clear()
    app.retry(id, by="ann")
    app.run_pending()
    assert calls == [*range(10), 3, 7]
    assert app.get_job(id).state is JobState.SUCCEEDED
    assert told(app, id) == [DONE] * 10
    assert effects(database_url) == list(range(10))
    assert app.get_package(id).parameters == {"calls": 12}


def test_a_package_without_records_is_done(app: Packhorse) -> None:
    """And its handler is never called."""

    @app.work_package(each=True)
    async def post(line: Line) -> None:
        raise AssertionError

    id = post.package().enqueue().id
    app.run_pending()
    assert app.get_job(id).state is JobState.SUCCEEDED


@pytest.mark.accepts("M5")
def test_a_loader_may_be_a_coroutine(app: Packhorse) -> None:
    """It reads in the handler's own transaction; one that is gone fails alone, and is named."""

    class Row(Line):
        """A record that is loaded by an asynchronous driver."""

    async def load(tx: Any, keys: Sequence[str]) -> Mapping[str, Row]:
        cursor = await tx.execute("select id from account")
        return {str(id): Row(id) for (id,) in await cursor.fetchall() if str(id) in keys}

    app.record_type("row", Row, key=lambda row: str(row.id), load=load)
    seen: list[object] = []

    @app.work_package(each=True, chunk=3)
    async def post(record: Row | Account) -> None:
        seen.append((type(record).__name__, record.id))

    @app.work_package
    async def count(package: WorkPackage) -> list[int]:
        return [record.id async for record in package.arecords(strict=False)]

    @app.work_package
    def count_plainly(package: WorkPackage) -> None:
        list(package.records())

    id = post.package().add(Row(5), *accounts(1), Row(77), Row(6)).enqueue().id
    counted: JobHandle[Any] = count.package().add(Row(5), *accounts(1), Row(77)).enqueue()
    refused = count_plainly.package().add(Row(5)).enqueue()
    app.run_pending()
    assert seen == [("Row", 5), ("Account", 1), ("Row", 6)]
    assert told(app, id)[2] == ("failed", "RecordMissing: row:77 is not there any more")
    assert counted.result(timeout=0) == [5, 1]
    assert app.get_job(refused.id).error_message == (
        "records of type 'row' are loaded by a coroutine: make the handler `async def`"
    )


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("end", ["rollback", "commit"])
@pytest.mark.parametrize("kind", [accounts, lines])
def test_a_handler_that_ends_the_transaction_fails_the_package(
    app: Packhorse, kind: Callable[..., list[Any]], end: str, *, first: bool
) -> None:
    """Nothing can be told of its records any more, so that none counts as done."""

    @app.work_package(each=True)
    async def post(ctx: Context, record: Any) -> None:
        id = record.id
        await by_driver(ctx, id)
        if id == (0 if first else 5):
            await getattr(ctx.tx.connection, end)()

    id = post.package().add(*kind(*range(10))).enqueue().id
    app.run_pending()
    assert (app.get_job(id).state, app.get_job(id).error_type) == (JobState.FAILED, "SavepointLost")
    assert outcomes(app, id) == [None] * 10


def test_a_handler_that_catches_the_error_of_its_statement_fails_alone(app: Packhorse, database_url: str) -> None:
    """On PostgreSQL nothing can be kept of that record; on SQLite what else it did is kept. No other one suffers."""

    @app.work_package(each=True)
    async def post(ctx: Context, record: Any) -> None:
        await by_driver(ctx, record.id)
        if record.id == 4:
            try:
                await ctx.tx.execute(WRONG.format(record.id))
            except Exception:  # noqa: BLE001 - it is what is tested
                return

    id = post.package().add(*lines(*range(10))).enqueue().id
    app.run_pending()
    kept = [n for n in range(10) if n != 4 or app.engine.dialect == "sqlite"]
    assert effects(database_url) == kept
    assert [n for n, how in enumerate(outcomes(app, id)) if how == "done"] == kept


def test_what_nobody_has_awaited_fails_its_record_alone(app: Packhorse, database_url: str) -> None:
    """It has done nothing, so it must not count as done."""

    @app.work_package(each=True)
    async def post(ctx: Context, line: Line) -> None:
        running = by_driver(ctx, line.id)
        if line.id == 1:
            running.close()
            ctx.tx.execute(INSERT.format(line.id, "driver"))
        else:
            await running

    id = post.package().add(*lines(0, 1, 2)).enqueue().id
    app.run_pending()
    assert outcomes(app, id) == ["done", "failed", "done"]
    assert "was never awaited" in str(told(app, id)[1][1])
    assert effects(database_url) == [0, 2]


@pytest.mark.parametrize("end", [Retry("once more"), Cancel("not wanted")], ids=["retry", "cancel"])
def test_a_record_that_ends_the_run_leaves_those_before_it_done(app: Packhorse, database_url: str, end: Any) -> None:
    """It is undone itself, and those behind it are still to be attempted."""

    @app.work_package(each=True, chunk=4, max_attempts=2)
    async def post(ctx: Context, account: Account) -> None:
        await by_driver(ctx, account.id)
        if account.id == 6:
            raise end

    id = post.package().add(*accounts(*range(10))).enqueue().id
    app.run_pending()
    assert app.get_job(id).state is (JobState.SCHEDULED if isinstance(end, Retry) else JobState.CANCELLED)
    assert outcomes(app, id) == ["done"] * 6 + [None] * 4
    assert effects(database_url) == [0, 1, 2, 3, 4, 5]


def test_a_transient_error_of_the_database_is_no_records_fault(app: Packhorse, database_url: str) -> None:
    """The chunk is undone, the run counts for nothing, and the next one goes on behind the chunk before."""

    @app.work_package(each=True, chunk=4)
    async def post(ctx: Context, account: Account) -> None:
        await by_driver(ctx, account.id)
        if account.id == 6:
            raise DatabaseBusy("try again")

    id = post.package().add(*accounts(*range(10))).enqueue().id
    app.run_pending()
    assert outcomes(app, id) == ["done"] * 4 + [None] * 6
    assert effects(database_url) == [0, 1, 2, 3]
    assert (app.get_job(id).state, app.get_job(id).failures) == (JobState.SCHEDULED, 0)


@pytest.mark.accepts("C5")
def test_a_chunk_commits_only_while_the_package_is_still_ours(app: Packhorse, database_url: str) -> None:
    """Given up in the middle, it ends there: its last chunk is undone, and the next run's effects are the only ones."""
    calls: list[int] = []

    @app.work_package(each=True, chunk=3)
    async def post(ctx: Context, line: Line) -> None:
        calls.append(line.id)
        if calls == [0, 1, 2, 3]:
            lost = decide(ctx.job, WorkerLost("somebody"), RetryPolicy(max_crashes=3), 0.5)
            assert await asyncio.to_thread(app.engine.ack_jobs, [lost])
        await by_driver(ctx, line.id)

    with working(app):
        id = post.package().add(*lines(*range(10))).enqueue().id
        assert wait_for(app, id).state is JobState.SUCCEEDED
    assert calls == [*range(6), *range(3, 10)]
    assert effects(database_url) == list(range(10))


@pytest.mark.accepts("C20")
@pytest.mark.parametrize("in_statement", [False, True])
def test_a_time_limit_leaves_the_records_before_it_done(
    app: Packhorse, database_url: str, *, in_statement: bool
) -> None:
    """It interrupts the one that waits, which is undone, and none of those that are committed."""

    @app.work_package(each=True, chunk=4, timeout=timedelta(seconds=0.5))
    async def post(ctx: Context, line: Line) -> None:
        await by_driver(ctx, line.id)
        if line.id == 6 and in_statement and app.engine.dialect == "postgresql":
            await ctx.tx.execute("select pg_sleep(30)")
        elif line.id == 6:
            await asyncio.Event().wait()

    id = post.package().add(*lines(*range(10))).enqueue().id
    with working(app):
        job = wait_for(app, id)
    assert (job.state, job.error_type) == (JobState.FAILED, "TimeLimit")
    assert outcomes(app, id) == ["done"] * 6 + [None] * 4
    assert effects(database_url) == [0, 1, 2, 3, 4, 5]


@pytest.mark.accepts("C17")
def test_a_cancellation_ends_the_run_between_two_records(app: Packhorse, database_url: str) -> None:
    """What is done stays; the rest is not attempted, also in the middle of a chunk."""

    @app.work_package(each=True)
    async def post(ctx: Context, line: Line) -> None:
        if line.id == 4:
            await asyncio.to_thread(app.cancel, ctx.job.id, by="ann")
            await asyncio.to_thread(wait_until, lambda: ctx.cancelled, what="the worker to hear of it")
            await by_driver(ctx, line.id)

    with working(app):
        id = post.package().add(*lines(*range(10))).enqueue().id
        assert wait_for(app, id).state is JobState.CANCELLED
    assert outcomes(app, id) == ["done"] * 5 + [None] * 5
    assert effects(database_url) == [4]


def test_packages_of_coroutines_run_side_by_side(app: Packhorse) -> None:
    """While one waits, another one's records are called; on SQLite as long as none has written."""
    here: set[str] = set()

    @app.work_package(each=True)
    async def meet(ctx: Context, line: Line) -> None:
        here.add(str(ctx.job.id))
        async with asyncio.timeout(20):
            while len(here) < 2:  # noqa: ASYNC110 - the other one is in the same loop
                await asyncio.sleep(0.005)

    ids = [meet.package().add(*lines(1, 2, 3)).enqueue().id for _ in range(2)]
    with working(app):
        assert {wait_for(app, id).state for id in ids} == {JobState.SUCCEEDED}


def test_records_that_a_failure_has_rolled_back_are_as_the_database_has_them(app: Packhorse, database_url: str) -> None:
    """A change to a record that failed is not written by the next one's."""

    @app.work_package(each=True)
    async def rename(ctx: Context, account: Account) -> None:
        account.name = f"new {account.id}"
        if account.id % 2:
            raise ValueError

    rename.package().add(*accounts(*range(4))).enqueue()
    app.run_pending()
    with connected(database_url) as db:
        rows = db.execute("select name from account where id < 4 order by id").fetchall()
    assert [name for (name,) in rows] == ["new 0", "account 1", "new 2", "account 3"]
