"""Packages whose handler is called once for each record: what one does is undone alone, what is done stays done."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from packhorse import (
    Cancel,
    ConfigurationError,
    Context,
    Fail,
    JobState,
    Packhorse,
    Skip,
    UsageError,
    UserError,
)
from packhorse.workpackages.package import WorkPackage
from tests.crash.conftest import connected
from tests.integration.each_kit import (
    WAYS,
    WRONG,
    Account,
    Line,
    accounting,
    accounts,
    by_driver,
    effects,
    lines,
    outcomes,
    told,
)

DONE = ("done", None)


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with ten accounts and no handlers yet."""
    with accounting(database_url, 10) as app:
        yield app


@pytest.mark.accepts("M14")
@pytest.mark.parametrize("kind", [accounts, lines])
@pytest.mark.parametrize("write", WAYS, ids=[way.__name__ for way in WAYS])
def test_what_a_failed_record_wrote_is_undone_alone(
    app: Packhorse, database_url: str, write: Callable[[Context, int], None], kind: Callable[..., list[Any]]
) -> None:
    """Whatever it wrote through, whether the records were loaded in the transaction, and wherever in a chunk it is."""

    @app.work_package(each=True, chunk=4)
    def post(ctx: Context, record: Any) -> None:
        write(ctx, record.id)
        if record.id in (0, 2, 3, 8):
            raise ValueError(f"no {record.id}")

    id = post.package().add(*kind(*range(10))).enqueue().id
    app.run_pending()
    assert app.get_job(id).state is JobState.FAILED
    assert [n for n, how in enumerate(outcomes(app, id)) if how == "failed"] == [0, 2, 3, 8]
    assert set(effects(database_url)) == {1, 4, 5, 6, 7, 9}


@pytest.mark.accepts("M14")
@pytest.mark.parametrize("kind", [accounts, lines])
def test_the_package_tells_what_became_of_each_record(app: Packhorse, kind: Callable[..., list[Any]]) -> None:
    """Done, failed or skipped, by raising or by returning, with each reason."""
    said = [
        (None, DONE),
        (ValueError("no"), ("failed", "ValueError: no")),
        (Fail("not that one"), ("failed", "not that one")),
        (UserError("the address is missing"), ("failed", "the address is missing")),
        (Skip("later"), ("skipped", "later")),
        (Skip(), ("skipped", "Skip")),
        (KeyError(), ("failed", "KeyError")),
    ]

    @app.work_package(each=True)
    def post(record: Any) -> object:
        end = said[record.id % 7][0]
        if end is None or (record.id > 6 and isinstance(end, Fail | UserError | Skip)):
            return end
        raise end

    id = post.package().add(*kind(*range(10))).enqueue().id
    app.run_pending()
    assert told(app, id) == [said[n % 7][1] for n in range(10)]
    assert app.get_package(id).counts == {"done": 2, "failed": 6, "skipped": 2}
    assert app.get_job(id).reason == "2 done, 6 failed, 2 skipped"


@pytest.mark.accepts("M16")
def test_a_retry_runs_only_what_is_not_done(app: Packhorse, database_url: str) -> None:
    """The failed and the skipped ones are called again, the others not; then the package is done."""
    calls: list[int] = []
    wrong = {3, 7}

    @app.work_package(each=True, chunk=2)
    def post(ctx: Context, package: WorkPackage, account: Account) -> None:
        calls.append(account.id)
        by_driver(ctx, account.id)
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


@pytest.mark.accepts("M17")
def test_a_package_with_records_to_be_skipped_waits_as_long_as_the_longest_says(app: Packhorse) -> None:
    """Skipped, not failed: its other records are done, and its attempt counts for nothing."""

    @app.work_package(each=True, chunk=1)
    def post(line: Line) -> None:
        if line.id:
            raise Skip("not yet", after=timedelta(seconds=line.id))

    id = post.package().add(*lines(0, 2, 3)).enqueue().id
    app.run_pending()
    job, [attempt] = app.get_job(id), app.list_attempts(id)
    assert job.state is JobState.SCHEDULED
    assert (job.failures, job.skips) == (0, 1)
    assert job.scheduled_at is not None
    assert timedelta(seconds=2.5) < job.scheduled_at - attempt.ended_at < timedelta(seconds=3.5)
    assert outcomes(app, id) == ["done", "skipped", "skipped"]


def test_a_package_without_records_is_done(app: Packhorse) -> None:
    """And its handler is never called."""

    @app.work_package(each=True)
    def post(line: Line) -> None:
        raise AssertionError

    id = post.package().enqueue().id
    app.run_pending()
    assert app.get_job(id).state is JobState.SUCCEEDED


@pytest.mark.accepts("M5")
def test_records_of_several_types_come_in_the_packages_order(app: Packhorse) -> None:
    """Each loaded as its type is; one that is gone fails alone, and is named."""
    seen: list[object] = []

    @app.work_package(each=True, chunk=3)
    def post(record: Account | Line) -> None:
        seen.append((type(record).__name__, record.id))

    id = post.package().add(*accounts(1), *lines(5, 1_000_000), *accounts(2, 77), *lines(6)).enqueue().id
    app.run_pending()
    assert seen == [("Account", 1), ("Line", 5), ("Account", 2), ("Line", 6)]
    gone = ["RecordMissing: line:1000000 is not there any more", "RecordMissing: account:77 is not there any more"]
    assert told(app, id) == [DONE, DONE, ("failed", gone[0]), DONE, ("failed", gone[1]), DONE]


@pytest.mark.parametrize("kind", [accounts, lines])
def test_a_handler_that_catches_the_error_of_its_statement_fails_alone(
    app: Packhorse, database_url: str, kind: Callable[..., list[Any]]
) -> None:
    """On PostgreSQL nothing can be kept of that record; on SQLite what else it did is kept. No other one suffers."""

    @app.work_package(each=True)
    def post(ctx: Context, record: Any) -> None:
        by_driver(ctx, record.id)
        if record.id == 4:
            try:
                ctx.tx.execute(WRONG.format(record.id))
            except Exception:  # noqa: BLE001 - it is what is tested
                return

    id = post.package().add(*kind(*range(10))).enqueue().id
    app.run_pending()
    kept = [n for n in range(10) if n != 4 or app.engine.dialect == "sqlite"]
    assert effects(database_url) == kept
    assert [n for n, how in enumerate(outcomes(app, id)) if how == "done"] == kept


def test_a_reason_that_no_database_stores_is_stored_all_the_same(app: Packhorse) -> None:
    """NUL, half of a pair, and more than anybody reads."""
    said = ["a\x00b", "\ud800", "x" * 10_000]

    @app.work_package(each=True)
    def post(line: Line) -> None:
        raise Fail(said[line.id])

    id = post.package().add(*lines(0, 1, 2)).enqueue().id
    app.run_pending()
    assert told(app, id) == [("failed", "a\\x00b"), ("failed", "\\ud800"), ("failed", "x" * 500)]


def test_the_traceback_of_an_error_that_nobody_foresaw_is_in_the_log(app: Packhorse) -> None:
    """And a person's mistake in the data comes without one."""

    @app.work_package(each=True)
    def post(line: Line) -> None:
        if line.id:
            raise UserError("no address")
        raise ZeroDivisionError("in the handler")

    id = post.package().add(*lines(0, 1)).enqueue().id
    app.run_pending()
    first, second = [line.message for line in app.list_log(id)]
    assert first.startswith("line:0 failed: ZeroDivisionError: in the handler\nTraceback")
    assert second == "line:1 failed: no address"


def test_a_handler_that_returns_a_coroutine_fails_each_record(app: Packhorse) -> None:
    """It has done nothing, so it must not count as done."""

    async def work() -> None:
        return

    @app.work_package(each=True)
    def post(line: Line) -> object:
        return work()

    id = post.package().add(*lines(0)).enqueue().id
    app.run_pending()
    [(outcome, reason)] = told(app, id)
    assert outcome == "failed"
    assert "nobody has awaited" in str(reason)


def _none() -> None: ...
def _four(a: Any, b: Any, c: Any, d: Any) -> None: ...
def _default(record: Any, rate: int = 3) -> None: ...
def _keyword(ctx: Any, *, record: Any) -> None: ...
def _many(*records: Any) -> None: ...


@pytest.mark.parametrize("handler", [_none, _four, _default, _keyword, _many])
def test_a_handler_that_takes_no_record_is_refused_where_it_is_declared(
    app: Packhorse, handler: Callable[..., Any]
) -> None:
    """With the forms that it may take."""
    with pytest.raises(ConfigurationError, match=r"\(record\), \(ctx, record\) or \(ctx, package, record\)"):
        app.work_package(each=True)(handler)


def test_records_that_a_failure_has_rolled_back_are_as_the_database_has_them(app: Packhorse, database_url: str) -> None:
    """A change to a record that failed is not written by the next one's."""

    @app.work_package(each=True)
    def rename(ctx: Context, account: Account) -> None:
        account.name = f"new {account.id}"
        if account.id % 2:
            raise ValueError

    rename.package().add(*accounts(*range(4))).enqueue()
    app.run_pending()
    with connected(database_url) as db:
        rows = db.execute("select name from account where id < 4 order by id").fetchall()
    assert [name for (name,) in rows] == ["new 0", "account 1", "new 2", "account 3"]


@pytest.mark.accepts("M5")
def test_what_became_of_records_is_listed_page_by_page(app: Packhorse) -> None:
    """In order, with the reason; all of them, or those of some outcomes, of which None is none yet."""

    @app.work_package(each=True, chunk=2)
    def post(line: Line) -> None:
        if line.id == 1:
            raise UserError("no such account")
        if line.id == 2:
            raise Skip("later")
        if line.id == 4:
            raise Cancel("enough")

    id = post.package().add(*lines(*range(6))).enqueue().id
    assert {one.outcome for one in app.list_records(id)} == {None}
    app.run_pending()

    first = app.list_records(id, limit=4)
    rest = app.list_records(id, after=first[-1])
    assert [one.outcome for one in (*first, *rest)] == ["done", "failed", "skipped", "done", None, None]
    assert [(one.record.key, one.reason) for one in app.list_records(id, "failed", "skipped")] == [
        ("1", "no such account"),
        ("2", "later"),
    ]
    assert [one.record.key for one in app.list_records(id, None, after=rest[0])] == ["5"]
    assert app.list_records(id + 1) == []


def test_a_list_of_records_refuses_what_is_no_outcome(app: Packhorse) -> None:
    """It would be empty, as if there were none; and so would one of no records."""
    with pytest.raises(UsageError, match="'done', 'failed' or 'skipped', or to None yet, not to 'error'"):
        app.list_records(1, "error")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="limit must be 1 or more"):
        app.list_records(1, limit=0)
