"""The inbox of an application: user errors, working through failures, and telling who is responsible."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from packhorse import (
    ConfigurationError,
    Context,
    DuplicateTask,
    Fail,
    JobFailed,
    JobNotFound,
    JobState,
    Middleware,
    Notice,
    Packhorse,
    Retry,
    UserError,
    current,
)
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import INSERT
from tests.integration.worker_kit import wait_for, working
from tests.waiting import wait_until

ADDRESS = UserError("customer 42 has no address", "fill it in and solve this")


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """An application with a table of its own."""
    with Shop.opened(Packhorse(database_url), database_url) as shop:
        yield shop


@pytest.fixture
def app(shop: Shop) -> Packhorse:
    """The application."""
    return shop.app


def raising(error: BaseException | type[BaseException]) -> Callable[[], None]:
    """A handler that raises it."""

    def handler() -> None:
        raise error

    return handler


def raising_later(error: BaseException) -> Callable[[], Any]:
    """The same as a coroutine."""

    async def handler() -> None:
        raise error

    return handler


def returning(error: BaseException) -> Callable[[], Any]:
    """A handler that returns it."""
    return lambda: error


class AddressMissing(UserError):
    """An application's own kind."""


@pytest.mark.accepts("T15")
@pytest.mark.parametrize("kind", [raising, raising_later, returning])
@pytest.mark.parametrize("atomic", [False, True], ids=["plain", "atomic"])
def test_a_user_error_goes_to_the_inbox_at_once(app: Packhorse, kind: Any, atomic: bool) -> None:
    """It is not tried again by itself, whatever the task says; it has words for a person and no traceback."""
    task = app.task(name="bill", atomic=atomic, on_error={UserError: Retry})(kind(ADDRESS))
    job = task.enqueue()
    app.run_pending()

    [item] = app.inbox.list()
    assert (item.id, item.attempt, item.state) == (job.id, 1, "open")
    assert (item.error_type, item.error_message) == ("UserError", "customer 42 has no address")
    assert (item.reason, item.error_traceback) == ("fill it in and solve this", "")
    assert job.record().state is JobState.FAILED
    with pytest.raises(JobFailed, match="customer 42 has no address"):
        job.result()


@pytest.mark.accepts("T15")
def test_a_user_error_is_recorded_although_the_work_is_undone(shop: Shop) -> None:
    """What the handler wrote is rolled back, and the record is not."""

    @shop.app.task(name="bill", atomic=True)
    def bill(ctx: Context) -> None:
        ctx.tx.execute(INSERT)
        raise AddressMissing("no address")

    bill.enqueue()
    shop.app.run_pending()

    assert shop.count_sales() == 0
    assert [(item.error_type, item.reason) for item in shop.app.inbox.list()] == [("UserError", None)]


@pytest.mark.accepts("T15")
def test_a_user_error_is_recorded_once_while_it_is_unsolved(app: Packhorse) -> None:
    """Open, then processing, then solved, which runs the job again; if it is not put right it is there again, once."""
    wrong = [True]

    @app.task(name="bill")
    def bill() -> str:
        if wrong:
            raise ADDRESS
        return "billed"

    job = bill.enqueue()
    app.run_pending()
    assert app.inbox.take(job.id, by="kim").ids == {job.id}
    assert (app.inbox.get(job.id).state, app.inbox.get(job.id).taken_by) == ("processing", "kim")

    assert app.inbox.solve(job.id, by="kim").ids == {job.id}
    app.run_pending()
    assert [(item.id, item.state) for item in app.inbox.list()] == [(job.id, "open")]
    assert len(app.list_attempts(job.id)) == 2

    wrong.clear()
    app.inbox.solve(job.id, by="kim")
    app.run_pending()
    assert (job.result(), app.inbox.count()) == ("billed", 0)
    with pytest.raises(JobNotFound, match="is not in the inbox"):
        app.inbox.get(job.id)


def test_a_user_error_is_one_line_in_the_log(app: Packhorse, caplog: pytest.LogCaptureFixture) -> None:
    """No traceback: it is no mistake in the program."""
    app.task(name="bill")(raising(ADDRESS)).enqueue()
    with caplog.at_level(logging.WARNING, "packhorse"):
        app.run_pending()

    [line] = [record.getMessage() for record in caplog.records]
    assert "customer 42 has no address" in line
    assert "Traceback" not in caplog.text


def test_a_user_error_in_middleware_stands_for_the_run(database_url: str) -> None:
    """As an outcome does: what is checked around every run need not be checked in each handler."""

    class Tenant(Middleware):
        def running(self, context: Context) -> AbstractContextManager[object]:
            raise UserError("the tenant is closed")

    app = Packhorse(database_url, middleware=[Tenant()])
    app.engine.migrate()
    ran: list[int] = []
    app.task(name="bill")(lambda: ran.append(1)).enqueue()
    app.run_pending()

    assert (ran, [item.error_message for item in app.inbox.list()]) == ([], ["the tenant is closed"])
    app.close()


def test_equal_failures_are_worked_through_together(app: Packhorse) -> None:
    """One group of them, however many; solved or dismissed as a whole, with a reason."""
    bill = app.task(name="bill")(raising(ADDRESS))
    other = app.task(name="other")(raising(Fail("useless")))
    app.enqueue_many([bill.call() for _ in range(30)])
    other.enqueue()
    app.run_pending()

    assert [(group.task, group.count) for group in app.inbox.groups()] == [("bill", 30), ("other", 1)]
    alike = app.inbox.select(task="bill", message="customer 42 *")
    assert alike.count().total == alike.count("solve").total == 30
    with pytest.raises(ConfigurationError, match="with a reason"):
        alike.dismiss(why=" ")
    with pytest.raises(ConfigurationError, match="nothing says which jobs"):
        app.inbox.select(task=None)
    assert len(alike.dismiss(by="kim", why="closed").ids) == 30
    assert [item.task for item in app.inbox.list()] == ["other"]
    assert {item.dismissal for item in app.inbox.list(dismissed=True)} == {"closed"}


@contextmanager
def telling(app: Packhorse) -> Iterator[list[tuple[str, str | None]]]:
    """Whom the application tells what, while the block lasts."""
    told: list[tuple[str, str | None]] = []

    @app.on_failure
    def tell(notice: Notice) -> None:
        told.append((notice.responsible, notice.job.error_message))

    yield told


@pytest.mark.accepts("M15")
def test_the_responsible_person_is_told_once_after_the_commit(app: Packhorse) -> None:
    """The job's own, else the task's; nobody is told of what nobody is responsible for, nor before all attempts."""
    with telling(app) as told:
        app.task(name="a", max_attempts=1, responsible="kim")(raising(ValueError("a"))).enqueue()
        app.task(name="b", max_attempts=1, responsible="kim")(raising(ValueError("b"))).using(
            responsible="robin"
        ).enqueue()
        app.task(name="c", max_attempts=1)(raising(ValueError("c"))).enqueue()
        app.task(name="d", responsible="kim")(raising(ValueError("d"))).enqueue()
        app.run_pending()
        assert told == [("kim", "a"), ("robin", "b")]
        app.run_pending()
    assert len(told) == 2
    assert [item.responsible for item in app.inbox.list()] == [None, "robin", "kim"]


@pytest.mark.accepts("M15")
def test_a_hook_that_raises_is_reported_and_tried_again(app: Packhorse) -> None:
    """As any task: it backs off, and ends in the inbox, of which nobody is told in turn."""

    @app.on_failure
    def tell(notice: Notice) -> None:
        raise ConnectionError("no mail server")

    app.task(name="bill", responsible="kim")(raising(ADDRESS)).enqueue()
    app.run_pending()

    [notice] = app.list_jobs(task="packhorse.notice")
    assert (notice.state, notice.error_message, notice.failures) == (JobState.SCHEDULED, "no mail server", 1)


@pytest.mark.accepts("M15")
def test_what_a_hook_writes_and_enqueues_happens_with_the_notice(shop: Shop) -> None:
    """The hook is an atomic handler: after a failure of its own nothing of it is left."""
    app, tries = shop.app, [1]
    mail = app.task(name="mail")(lambda: None)

    @app.on_failure
    def tell(notice: Notice) -> None:
        current().tx.execute(INSERT)
        mail.enqueue()
        if tries and tries.pop():
            raise Retry(after=None)

    app.task(name="bill", responsible="kim")(raising(ADDRESS)).enqueue()
    app.run_pending()
    assert (shop.count_sales(), app.list_jobs(task="mail")) == (0, [])
    [notice] = app.list_jobs(task="packhorse.notice")
    app.cancel(notice.id)
    app.retry(notice.id)
    app.run_pending()
    assert (shop.count_sales(), len(app.list_jobs(task="mail"))) == (1, 1)


def test_a_hook_may_be_a_coroutine(app: Packhorse) -> None:
    """In a worker it runs on the worker's event loop."""
    told: list[str] = []

    @app.on_failure
    async def tell(notice: Notice) -> None:
        told.append(notice.responsible)

    bill = app.task(name="bill", responsible="kim")(raising(ADDRESS))
    with working(app):
        wait_for(app, bill.enqueue().id, JobState.FAILED)
        wait_until(lambda: told, what="the notice")
    assert told == ["kim"]


def test_nobody_is_told_of_what_was_solved_by_then(app: Packhorse) -> None:
    """The notice is withdrawn, and says so."""
    with telling(app) as told:
        job = app.task(name="bill")(lambda: None).enqueue()
        notices = [app.enqueue("packhorse.notice", id, "kim") for id in (job.id, 10**9)]
        app.run_pending()

    assert told == []
    assert {str(notice.record().reason) for notice in notices} == {
        "nobody need be told: the failure was solved or deleted meanwhile"
    }


def test_there_is_one_hook_and_it_takes_a_notice(app: Packhorse) -> None:
    """A mistake is told where it is made."""
    with pytest.raises(ConfigurationError, match="takes a function of one argument"):
        app.on_failure(lambda: None)  # type: ignore[arg-type, misc]
    with telling(app), pytest.raises(DuplicateTask):
        app.on_failure(print)
    with pytest.raises(ConfigurationError, match="responsible must be a text"):
        app.task(name="x", responsible="")(lambda: None)
