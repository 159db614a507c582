"""How the run of a work package ends, and what follows: errors, retries by a person, skips."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from packhorse import Context, Fail, JobState, Notice, Packhorse, ServiceUnavailable, Skip, WorkPackage
from packhorse.domain.decide import decide
from packhorse.domain.outcome import WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.errors import DatabaseBusy
from tests.crash.conftest import connected
from tests.integration.each_kit import INSERT, TABLES, by_driver, effects, lines, outcomes
from tests.integration.package_kit import Orders, knowing
from tests.integration.worker_kit import wait_for, working
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)
UPDATE = "update account set name = 'x' where id = {}"


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with tables of its own, and no handlers yet."""
    with connected(database_url) as db:
        for table in TABLES:
            db.execute(table)
    with knowing(Orders(), database_url) as app:
        app.record_type("line", int, key=str, load=lambda tx, keys: {key: int(key) for key in keys})
        yield app


def due_in(app: Packhorse, id: int) -> timedelta:
    """How long after the end of its last run a package is due."""
    scheduled_at = app.get_job(id).scheduled_at
    assert scheduled_at is not None
    return scheduled_at - app.list_attempts(id)[-1].ended_at


def waits(app: Packhorse, id: int, wanted: timedelta) -> bool:
    """Whether a package waits for so long; on SQLite each statement has a time of its own."""
    return abs(due_in(app, id) - wanted) < timedelta(milliseconds=50)


@pytest.mark.accepts("M14")
@pytest.mark.parametrize("end", [ValueError("wrong"), Skip("later"), Fail("never")], ids=["error", "skip", "fail"])
@pytest.mark.parametrize("returned", [False, True])
def test_a_handler_runs_in_a_transaction_of_its_own(
    app: Packhorse, database_url: str, end: Exception, *, returned: bool
) -> None:
    """It commits with the success, and is undone by whatever else the run comes to."""

    @app.work_package
    def post(ctx: Context, package: WorkPackage) -> object:
        by_driver(ctx, package.param("n", int))
        if not package.param("good", bool):
            if returned and not isinstance(end, ValueError):
                return end
            raise end
        return None

    ids = [post.package().params(n=n, good=n < 2).enqueue().id for n in range(4)]
    app.run_pending()
    assert effects(database_url) == [0, 1]
    assert [app.get_job(id).state is JobState.SUCCEEDED for id in ids] == [True, True, False, False]


@pytest.mark.accepts("M14")
def test_the_transaction_is_undone_when_the_acknowledgement_comes_too_late(app: Packhorse, database_url: str) -> None:
    """It is inside: without it nothing is committed, and the next run's effect is the only one."""
    runs: list[int] = []

    @app.work_package
    def post(ctx: Context, package: WorkPackage) -> None:
        runs.append(ctx.job.attempt)
        if len(runs) == 1:
            assert app.engine.ack_jobs([decide(ctx.job, WorkerLost("somebody"), RetryPolicy(), 0.5)])
        by_driver(ctx, len(runs))

    id = post.package().enqueue().id
    with working(app):
        assert wait_for(app, id).state is JobState.SUCCEEDED
    assert effects(database_url) == [2]


@pytest.mark.accepts("M14")
def test_a_handler_may_run_outside_a_transaction(app: Packhorse, database_url: str) -> None:
    """`atomic=False`: what it commits itself stands, whatever the run comes to."""

    @app.work_package(atomic=False)
    def post(package: WorkPackage) -> None:
        with connected(database_url) as db:
            db.execute(INSERT.format(7, "driver"))
        raise ValueError("too late")

    id = post.package().enqueue().id
    app.run_pending()
    assert (app.get_job(id).state, effects(database_url)) == (JobState.FAILED, [7])


@pytest.mark.accepts("M14")
@pytest.mark.parametrize("value", [Fail, Skip], ids=["a class", "another class"])
def test_an_outcome_that_is_none_is_an_error(app: Packhorse, database_url: str, value: object) -> None:
    """A class where an outcome was meant; nothing of the run is kept."""

    @app.work_package
    def post(ctx: Context, package: WorkPackage) -> object:
        by_driver(ctx, 1)
        return value

    id = post.package().enqueue().id
    app.run_pending()
    assert (app.get_job(id).state, app.get_job(id).error_type) == (JobState.FAILED, "UsageError")
    assert effects(database_url) == []


@pytest.mark.accepts("M15")
def test_an_error_is_recorded_and_the_package_is_not_claimed_again(app: Packhorse) -> None:
    """Kind and message, the traceback, start and end; and others go on."""

    @app.work_package
    def post(package: WorkPackage) -> None:
        if package.param("wrong", bool):
            raise RuntimeError("test-error")

    ids = [post.package().param("wrong", wrong).enqueue().id for wrong in (True, False)]
    with working(app):
        assert [wait_for(app, id).state for id in ids] == [JobState.FAILED, JobState.SUCCEEDED]
        after = post.package().param("wrong", False).enqueue()
        wait_for(app, after.id)
    job, [attempt] = app.get_job(ids[0]), app.list_attempts(ids[0])
    assert (f"{job.error_type}: {job.error_message}", job.attempt) == ("RuntimeError: test-error", 1)
    assert 'raise RuntimeError("test-error")' in str(job.error_traceback)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert timedelta(0) <= job.finished_at - job.started_at < timedelta(seconds=20)
    assert (attempt.outcome, attempt.started_at) == ("fail", job.started_at)


@pytest.mark.accepts("M15")
def test_who_is_responsible_for_a_package_is_told_once(app: Packhorse) -> None:
    """The package's own person, else the task's; nobody where there is none."""
    told: list[tuple[str, int]] = []
    app.on_failure(lambda notice: told.append((notice.responsible, notice.job.id)))

    @app.work_package(responsible="kim")
    def post(package: WorkPackage) -> None:
        raise ValueError("wrong")

    @app.work_package
    def nobodys(package: WorkPackage) -> None:
        raise ValueError("wrong")

    with working(app):
        wait_until(lambda: "packhorse.notice" in app.engine.list_known_tasks(), what="the worker to know the hook")
        of_the_task = post.package().enqueue().id
        of_its_own = post.package(responsible="lee").enqueue().id
        of_nobody = nobodys.package().enqueue().id
        for id in (of_the_task, of_its_own, of_nobody):
            assert wait_for(app, id).state is JobState.FAILED
        wait_until(lambda: len(told) >= 2, what="both to be told")
        app.retry(of_its_own)
        wait_until(lambda: len(told) >= 3, what="the second failure to be told")
    assert sorted(told) == [("kim", of_the_task), ("lee", of_its_own), ("lee", of_its_own)]


@pytest.mark.accepts("M15")
def test_a_package_that_allows_no_retry_is_closed_as_it_fails(app: Packhorse) -> None:
    """It is in nobody's inbox and counts once; its error is on record, and who is responsible is told all the same."""
    told: list[int] = []
    app.on_failure(lambda notice: told.append(notice.job.id))

    @app.work_package(allow_retry=False, responsible="kim")
    def post(package: WorkPackage) -> None:
        raise ValueError("wrong")

    @app.work_package
    def kept(package: WorkPackage) -> None:
        raise ValueError("wrong")

    with working(app):
        wait_until(lambda: "packhorse.notice" in app.engine.list_known_tasks(), what="the worker to know the hook")
        with app.batch("day") as day:
            closed = post.package(batch=day).enqueue().id
        open_id = kept.package().enqueue().id
        for id in (closed, open_id):
            assert wait_for(app, id).state is JobState.FAILED
        wait_until(lambda: told == [closed], what="kim to be told")
    assert [failure.id for failure in app.inbox.list()] == [open_id]
    assert app.get_job(closed).error_message == "wrong"
    found = app.inbox.get(closed)
    assert (found.dismissed_by, found.dismissal) == (post.name, "its task allows no retry")
    assert found.dismissed_at is not None
    app.engine.count_batches(100)
    assert (app.get_batch(day.id).failed, app.get_batch(day.id).processed) == (1, 1)
    assert app.retry(closed).ids == {closed}
    assert app.get_job(closed).state is JobState.AVAILABLE


@pytest.mark.accepts("M16")
def test_a_retry_that_succeeds_clears_the_error(app: Packhorse) -> None:
    """The package runs again; message and traceback are gone with its success, and the history stays."""
    wrong = [True]

    @app.work_package
    def post(package: WorkPackage) -> None:
        if wrong:
            raise ValueError("wrong")

    id = post.package().enqueue().id
    app.run_pending()
    assert app.inbox.list()
    wrong.clear()
    app.retry(id, by="kim")
    assert app.get_job(id).state is JobState.AVAILABLE
    app.run_pending()
    job = app.get_job(id)
    assert (job.state, job.error_type, job.error_message, job.error_traceback) == (JobState.SUCCEEDED, None, None, None)
    assert [attempt.error_message for attempt in app.list_attempts(id)] == ["wrong"]
    assert not app.inbox.list()


@pytest.mark.accepts("M16")
def test_a_selection_is_run_again_and_each_outcome_is_recorded(app: Packhorse) -> None:
    """What has succeeded, and what waits, is left alone."""
    wrong = {1, 2, 3}
    runs: list[int] = []

    @app.work_package
    def post(package: WorkPackage) -> None:
        n = package.param("n", int)
        runs.append(n)
        if n in wrong:
            raise ValueError(f"no {n}")

    ids = [post.package().param("n", n).enqueue().id for n in range(4)]
    app.run_pending()
    waiting = post.package(delay=timedelta(hours=1)).param("n", 9).enqueue().id
    runs.clear()
    wrong -= {1, 3}
    done = app.select(task=post.name, state="failed").retry(by="kim")
    assert sorted(done.ids) == ids[1:]
    app.run_pending()
    assert sorted(runs) == [1, 2, 3]
    assert [app.get_job(id).state for id in (*ids, waiting)] == [
        JobState.SUCCEEDED,
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.SUCCEEDED,
        JobState.SCHEDULED,
    ]
    assert app.get_job(ids[2]).error_message == "no 2"


@pytest.mark.accepts("M17")
def test_a_skip_postpones_with_reason_and_is_no_error(app: Packhorse) -> None:
    """Its time, its reason and its count; it is not claimed before, and others run meanwhile."""
    told: list[Notice] = []
    app.on_failure(told.append)

    @app.work_package(responsible="kim")
    def post(package: WorkPackage) -> None:
        if package.param("skip", bool):
            raise Skip("test-skip", after=timedelta(milliseconds=12_345))

    skipped = post.package().param("skip", True).enqueue().id
    other = post.package().param("skip", False).enqueue().id
    with working(app):
        assert wait_for(app, other).state is JobState.SUCCEEDED
        job = wait_for(app, skipped, JobState.SCHEDULED)
        assert app.engine.stage_jobs(10) == 0
    assert (job.reason, job.skips, job.failures, job.error_type) == ("test-skip", 1, 0, None)
    assert waits(app, skipped, timedelta(milliseconds=12_345))
    [skip] = app.list_attempts(skipped)
    assert (skip.outcome, skip.reason) == ("skip", "test-skip")
    assert abs(datetime.now(UTC) - skip.ended_at) < 60 * SECOND
    assert not app.inbox.list()
    assert told == []


@pytest.mark.accepts("M17")
@pytest.mark.parametrize("after", [timedelta(0), timedelta(seconds=-3), None])
def test_a_skip_without_a_time_waits_five_seconds(app: Packhorse, after: timedelta | None) -> None:
    """So does one with a time that is none."""

    @app.work_package
    def post(package: WorkPackage) -> None:
        raise Skip("test-skip", after=after)

    id = post.package().enqueue().id
    app.run_pending()
    assert waits(app, id, 5 * SECOND)


@pytest.mark.accepts("M17")
def test_a_skip_may_be_spread(app: Packhorse) -> None:
    """Between five and ten seconds, each somewhere else; also where the handler is called for each record."""

    @app.work_package
    def post(package: WorkPackage) -> None:
        raise Skip("rivals", spread=5 * SECOND)

    @app.work_package(each=True)
    def post_each(line: int) -> None:
        raise Skip("rivals", spread=5 * SECOND)

    ids = [post.package().enqueue().id for _ in range(10)]
    ids += [post_each.package().add(*lines(1, 2)).enqueue().id for _ in range(10)]
    app.run_pending()
    found = [due_in(app, id) for id in ids]
    assert all(4.9 * SECOND <= wait <= 10.1 * SECOND for wait in found)
    assert len(set(found[:10])) > 5
    assert len(set(found[10:])) > 5


@pytest.mark.accepts("M17")
def test_ten_skips_are_counted_and_the_first_one_is_remembered(app: Packhorse) -> None:
    """They are no failures, however many; then it is done."""
    runs: list[int] = []

    @app.work_package
    def post(package: WorkPackage) -> None:
        runs.append(1)
        if len(runs) <= 10:
            raise Skip(f"test-skip {len(runs)}", after=timedelta(milliseconds=1))

    id = post.package().enqueue().id
    app.run_pending()
    first = app.list_attempts(id)[0]
    with working(app):
        job = wait_for(app, id)
    assert (job.state, job.skips, job.failures) == (JobState.SUCCEEDED, 10, 0)
    attempts = app.list_attempts(id)
    assert [attempt.reason for attempt in attempts] == [f"test-skip {n}" for n in range(1, 11)]
    assert attempts[0] == first


@pytest.mark.accepts("M17")
def test_skips_may_be_limited(app: Packhorse) -> None:
    """One more is a failure, which a person sees."""

    @app.work_package(max_skips=2)
    def post(package: WorkPackage) -> None:
        raise Skip("test-skip", after=timedelta(milliseconds=1))

    id = post.package().enqueue().id
    with working(app):
        job = wait_for(app, id)
    assert (job.state, job.reason) == (JobState.FAILED, "skipped more than 2 times: test-skip")
    assert app.inbox.list()


@pytest.mark.accepts("M18")
@pytest.mark.engines("postgresql")
def test_a_deadlock_is_a_skip_of_five_seconds(app: Packhorse, database_url: str) -> None:
    """SQLite has one writer, who waits for nobody. One of the two goes on, the other one comes back, uncounted."""
    both = threading.Barrier(2)
    with connected(database_url) as db:
        db.execute("insert into account (id, name) values (1, 'a'), (2, 'b')")

    @app.work_package
    def post(ctx: Context, package: WorkPackage) -> None:
        first, second = (1, 2) if package.param("up", bool) else (2, 1)
        ctx.tx.execute(UPDATE.format(first))
        both.wait(20)
        ctx.tx.execute(UPDATE.format(second))

    ids = [post.package().param("up", up).enqueue().id for up in (True, False)]
    with working(app):
        for id in ids:
            wait_for(app, id, JobState.SUCCEEDED, JobState.SCHEDULED)
    [loser] = [id for id in ids if app.get_job(id).state is JobState.SCHEDULED]
    job = app.get_job(loser)
    assert (job.skips, job.failures) == (1, 0)
    assert str(job.reason).startswith("deadlock detected")
    assert waits(app, loser, 5 * SECOND)


@pytest.mark.accepts("M18")
def test_a_busy_database_is_a_skip_of_five_seconds(app: Packhorse) -> None:
    """Also behind another exception."""

    @app.work_package
    def post(package: WorkPackage) -> None:
        try:
            raise DatabaseBusy("the database is locked")
        except DatabaseBusy as error:
            raise RuntimeError("in other words") from error

    id = post.package().enqueue().id
    app.run_pending()
    assert (app.get_job(id).skips, app.get_job(id).failures) == (1, 0)
    assert waits(app, id, 5 * SECOND)


def plainly(error: Exception) -> None:
    """Raise it."""
    raise error


def wrapped(error: Exception) -> None:
    """Raise it behind another one."""
    try:
        raise error
    except Exception as inner:
        raise RuntimeError("posting has failed") from inner


@pytest.mark.accepts("M18")
@pytest.mark.parametrize("throw", [plainly, wrapped])
@pytest.mark.parametrize("advice", [3000, 0, None])
def test_a_service_that_is_not_there_skips_as_long_as_it_advises(
    app: Packhorse, throw: Callable[[Exception], None], advice: int | None
) -> None:
    """Without an advice it is an error, which a person sees; each record of a package alone, where it is called so."""
    after = None if advice is None else timedelta(milliseconds=advice)

    @app.work_package
    def post(package: WorkPackage) -> None:
        throw(ServiceUnavailable("the bank does not answer", retry_after=after))

    @app.work_package(each=True)
    def post_each(line: int) -> None:
        if line == 1:
            throw(ServiceUnavailable("the bank does not answer", retry_after=after))

    ids = [post.package().enqueue().id, post_each.package().add(*lines(0, 1)).enqueue().id]
    app.run_pending()
    assert outcomes(app, ids[1]) == ["done", "skipped" if advice else "failed"]
    for id in ids:
        job = app.get_job(id)
        if advice:
            assert (job.state, job.skips, job.failures) == (JobState.SCHEDULED, 1, 0)
            assert waits(app, id, 3 * SECOND)
        else:
            assert (job.state, job.skips, job.failures) == (JobState.FAILED, 0, 1)
    if advice:
        assert app.get_job(ids[0]).reason == "the bank does not answer"


@pytest.mark.accepts("M18")
def test_the_tasks_own_policy_goes_before_an_advice(app: Packhorse) -> None:
    """By the type of the exception that was raised."""

    @app.work_package(on_error={ServiceUnavailable: Fail("ask the bank")})
    def post(package: WorkPackage) -> None:
        raise ServiceUnavailable("the bank does not answer", retry_after=3 * SECOND)

    id = post.package().enqueue().id
    app.run_pending()
    assert (app.get_job(id).state, app.get_job(id).reason) == (JobState.FAILED, "ask the bank")
