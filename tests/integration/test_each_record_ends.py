"""What ends the run of a package in the middle of its records, and what then stands."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from packhorse import Cancel, Context, JobState, Packhorse, Retry
from packhorse.domain.decide import decide
from packhorse.domain.outcome import WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.errors import DatabaseBusy
from packhorse.workpackages.package import WorkPackage
from tests.integration.each_kit import (
    Account,
    Line,
    accounting,
    accounts,
    by_driver,
    effects,
    lines,
    outcomes,
)
from tests.integration.worker_kit import wait_for, working
from tests.waiting import wait_until

DONE = ("done", None)


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with ten accounts and no handlers yet."""
    with accounting(database_url, 10) as app:
        yield app


@pytest.mark.parametrize("first", [True, False])
def test_a_handler_that_ends_the_transaction_fails_the_package(app: Packhorse, *, first: bool) -> None:
    """Nothing can be told of its records any more, so that none counts as done."""

    @app.work_package(each=True)
    def post(ctx: Context, account: Account) -> None:
        by_driver(ctx, account.id)
        if account.id == (0 if first else 5):
            ctx.tx.connection.rollback()

    id = post.package().add(*accounts(*range(10))).enqueue().id
    app.run_pending()
    assert app.get_job(id).state is JobState.FAILED
    assert outcomes(app, id) == [None] * 10


@pytest.mark.parametrize("end", [Retry("once more"), Cancel("not wanted")], ids=["retry", "cancel"])
def test_a_record_that_ends_the_run_leaves_those_before_it_done(app: Packhorse, database_url: str, end: Any) -> None:
    """It is undone itself, and those behind it are still to be attempted."""
    calls: list[int] = []

    @app.work_package(each=True, chunk=4, max_attempts=2)
    def post(ctx: Context, account: Account) -> None:
        by_driver(ctx, account.id)
        calls.append(account.id)
        if calls.count(6) == 1 and account.id == 6:
            raise end

    id = post.package().add(*accounts(*range(10))).enqueue().id
    app.run_pending()
    assert app.get_job(id).state is (JobState.SCHEDULED if isinstance(end, Retry) else JobState.CANCELLED)
    assert outcomes(app, id) == ["done"] * 6 + [None] * 4
    assert effects(database_url) == [0, 1, 2, 3, 4, 5]


def test_a_transient_error_of_the_database_is_no_records_fault(app: Packhorse, database_url: str) -> None:
    """The chunk is undone, the run counts for nothing, and the next one goes on behind the chunk before."""

    @app.work_package(each=True, chunk=4)
    def post(ctx: Context, account: Account) -> None:
        by_driver(ctx, account.id)
        if account.id == 6:
            raise DatabaseBusy("try again")

    id = post.package().add(*accounts(*range(10))).enqueue().id
    app.run_pending()
    assert outcomes(app, id) == ["done"] * 4 + [None] * 6
    assert effects(database_url) == [0, 1, 2, 3]
    job = app.get_job(id)
    assert (job.state, job.failures) == (JobState.SCHEDULED, 0)


def test_an_error_in_loading_fails_the_package_and_keeps_what_is_done(app: Packhorse) -> None:
    """It is no record's fault; a retry goes on from there."""
    broken = [True]

    def load(tx: Any, keys: Any) -> Any:
        if broken and "4" in keys:
            raise OSError("no answer")
        return {key: Fragile(int(key)) for key in keys}

    class Fragile(Line):
        """One that is hard to load."""

    app.record_type("fragile", Fragile, key=lambda one: str(one.id), load=load)
    calls: list[int] = []

    @app.work_package(each=True, chunk=3)
    def post(record: Fragile) -> None:
        calls.append(record.id)

    id = post.package().add(*[Fragile(n) for n in range(6)]).enqueue().id
    app.run_pending()
    assert outcomes(app, id) == ["done"] * 3 + [None] * 3
    broken.clear()
    app.retry(id)
    app.run_pending()
    assert app.get_job(id).state is JobState.SUCCEEDED
    assert calls == [0, 1, 2, 3, 4, 5]


@pytest.mark.accepts("C5")
def test_a_chunk_commits_only_while_the_package_is_still_ours(app: Packhorse, database_url: str) -> None:
    """Given up in the middle, it ends there: its last chunk is undone, and the next run's effects are the only ones."""
    calls: list[int] = []

    @app.work_package(each=True, chunk=3)
    def post(ctx: Context, line: Line) -> None:
        calls.append(line.id)
        if calls == [0, 1, 2, 3]:
            lost = decide(ctx.job, WorkerLost("somebody"), RetryPolicy(max_crashes=3), 0.5)
            assert app.engine.ack_jobs([lost])
        by_driver(ctx, line.id)

    with working(app):
        id = post.package().add(*lines(*range(10))).enqueue().id
        assert wait_for(app, id).state is JobState.SUCCEEDED
    assert calls == [*range(6), *range(3, 10)]
    assert effects(database_url) == list(range(10))


@pytest.mark.accepts("M7")
def test_a_parameter_that_a_handler_changes_is_stored_with_the_chunk(app: Packhorse) -> None:
    """A run that goes on behind a committed chunk finds the figure of that chunk, and one that is undone counts not."""
    stored: list[object] = []

    @app.work_package(each=True, chunk=4)
    def post(_: Context, package: WorkPackage, line: Line) -> None:
        if line.id == 5:
            stored.append(app.get_package(package.id).parameters)
        package.set_param("sum", package.param("sum", int, 0) + line.id)

    id = post.package().add(*lines(*range(6))).enqueue().id
    app.run_pending()
    assert stored == [{"sum": 6}]
    assert app.get_package(id).parameters == {"sum": 15}


@pytest.mark.accepts("C16")
def test_a_cancellation_ends_the_run_between_two_records(app: Packhorse, database_url: str) -> None:
    """What is done stays; the rest is not attempted, also in the middle of a chunk."""

    @app.work_package(each=True)
    def post(ctx: Context, line: Line) -> None:
        if line.id == 4:
            app.cancel(ctx.job.id, by="ann")
            wait_until(lambda: ctx.cancelled, what="the worker to hear of it")
            by_driver(ctx, line.id)

    with working(app):
        id = post.package().add(*lines(*range(10))).enqueue().id
        assert wait_for(app, id).state is JobState.CANCELLED
    assert outcomes(app, id) == ["done"] * 5 + [None] * 5
    assert effects(database_url) == [4]


def test_a_time_limit_ends_the_run_between_two_records(app: Packhorse) -> None:
    """What is done stays, and a retry goes on behind it."""

    @app.work_package(each=True, timeout=timedelta(seconds=0.2))
    def post(ctx: Context, line: Line) -> None:
        if line.id == 4:
            wait_until(lambda: ctx.is_late, what="the time limit")

    id = post.package().add(*lines(*range(10))).enqueue().id
    with working(app):
        assert wait_for(app, id).state is JobState.FAILED
    assert outcomes(app, id) == ["done"] * 5 + [None] * 5
    assert "time limit" in str(app.list_attempts(id)[0].error_message)
