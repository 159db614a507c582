"""Middleware around enqueue and run."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

import pytest

from packhorse import Context, Draft, JobState, Middleware, Packhorse
from packhorse.domain.decide import Ack

pytestmark = pytest.mark.accepts("C29")

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


class Tenant(Middleware):
    """Carries the tenant from the producer to the handler."""

    def enqueuing(self, draft: Draft) -> None:
        """Send it along; jobs of the big one have a queue of their own."""
        draft.meta["tenant"] = tenant.get()
        if tenant.get() == "big":
            draft.options = draft.options.changed(queue="big")

    @contextmanager
    def running(self, context: Context) -> Iterator[None]:
        """Have it for the handler."""
        token = tenant.set(context.meta.get("tenant", "nobody"))
        try:
            yield
        finally:
            tenant.reset(token)


class Diary(Middleware):
    """Notes what it sees."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes

    def enqueuing(self, draft: Draft) -> None:
        """Note the call."""
        self.notes.append(f"{self.name}: enqueuing {draft.task}{tuple(draft.args)}{dict(draft.kwargs)}")

    def enqueued(self, draft: Draft, job_id: int) -> None:
        """Note that there is an id."""
        self.notes.append(f"{self.name}: enqueued {draft.task} as a number: {job_id > 0}")

    @contextmanager
    def running(self, context: Context) -> Iterator[None]:
        """Note begin and end."""
        self.notes.append(f"{self.name}: begin {context.job.task}")
        yield
        self.notes.append(f"{self.name}: end {context.job.task}")

    def finished(self, context: Context, ack: Ack) -> None:
        """Note what follows."""
        self.notes.append(f"{self.name}: {ack.outcome}, {ack.state}")


class Broken(Middleware):
    """Fails in every hook."""

    def enqueuing(self, draft: Draft) -> None:
        """Fail half-way."""
        draft.meta["half"] = "done"
        draft.options = draft.options.changed(queue="half-done")
        raise RuntimeError("enqueuing")

    def enqueued(self, draft: Draft, job_id: int) -> None:
        """Fail."""
        raise RuntimeError("enqueued")

    def running(self, context: Context) -> AbstractContextManager[object]:
        """Fail."""
        raise RuntimeError("running")

    def finished(self, context: Context, ack: Ack) -> None:
        """Fail."""
        raise RuntimeError("finished")


class BrokenAtTheEnd(Middleware):
    """Fails when the handler has ended."""

    @contextmanager
    def running(self, context: Context) -> Iterator[None]:
        """Fail after the handler."""
        yield
        raise RuntimeError("at the end")


@contextmanager
def application(url: str, *middleware: Middleware) -> Iterator[Packhorse]:
    """An application with this middleware."""
    app = Packhorse(url, middleware=middleware)
    app.engine.migrate()
    yield app
    app.close()


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
def test_what_is_sent_along_arrives(database_url: str, is_async: bool) -> None:
    """Through the job's meta, into the handler's own thread or coroutine, and out of it again."""
    seen: list[str] = []

    def look() -> None:
        seen.append(tenant.get())

    async def alook() -> None:
        seen.append(tenant.get())

    with application(database_url, Tenant()) as app:
        task = app.task(name="look")(alook if is_async else look)
        token = tenant.set("big")
        handle = task.enqueue()
        tenant.reset(token)
        app.run_pending()

        assert seen == ["big"]
        assert tenant.get() == "nobody"
        assert handle.record().queue == "big"


def test_hooks_are_called_in_order(database_url: str) -> None:
    """The first one is the outermost, around the enqueue and around the run."""
    notes: list[str] = []
    with application(database_url, Diary("one", notes), Diary("two", notes)) as app:

        @app.task(name="add")
        def add(a: int, b: int) -> None: ...

        add.enqueue(1, b=2)
        app.run_pending()

    assert notes == [
        "one: enqueuing add(1,){'b': 2}",
        "two: enqueuing add(1,){'b': 2}",
        "two: enqueued add as a number: True",
        "one: enqueued add as a number: True",
        "one: begin add",
        "two: begin add",
        "two: end add",
        "one: end add",
        "one: success, succeeded",
        "two: success, succeeded",
    ]


def test_every_way_of_enqueueing_is_seen(database_url: str) -> None:
    """Many at once, by name, and on a connection."""
    notes: list[str] = []
    with application(database_url, Diary("one", notes)) as app:

        @app.task(name="add")
        def add(a: int) -> None: ...

        app.enqueue_many([add.call(1), add.call(2)])
        app.enqueue("elsewhere", 3)
        with app.transaction() as tx:
            add.using(conn=tx).enqueue(4)

    assert [note for note in notes if "enqueuing" in note] == [
        "one: enqueuing add(1,){}",
        "one: enqueuing add(2,){}",
        "one: enqueuing elsewhere(3,){}",
        "one: enqueuing add(4,){}",
    ]


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
def test_errors_can_be_reported(database_url: str, is_async: bool) -> None:
    """The handler's exception goes through the middleware; swallowing it there changes nothing."""
    seen: list[BaseException] = []

    class Report(Middleware):
        """Collects exceptions, and swallows them."""

        @contextmanager
        def running(self, context: Context) -> Iterator[None]:
            """Around the handler."""
            try:
                yield
            except ValueError as error:
                seen.append(error)

    def fail() -> None:
        raise ValueError("no")

    async def afail() -> None:
        fail()

    with application(database_url, Report(), Diary("two", [])) as app:
        handle = app.task(name="fail", max_attempts=1)(afail if is_async else fail).enqueue()
        app.run_pending()
        record = handle.record()

    assert [str(error) for error in seen] == ["no"]
    assert (record.state, record.error_message) == (JobState.FAILED, "no")


@pytest.mark.parametrize("broken", [Broken(), BrokenAtTheEnd()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("is_atomic", [False, True], ids=["plain", "atomic"])
def test_a_failing_one_is_reported_and_loses_nothing(
    database_url: str, broken: Middleware, is_atomic: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The job is enqueued as it was asked for, run once and acknowledged; the others are called; the log names it."""
    notes: list[str] = []
    with application(database_url, Diary("one", notes), broken, Diary("two", notes)) as app:

        @app.task(name="add", atomic=is_atomic)
        def add(ctx: Context) -> int:
            return 42

        handle = add.enqueue()
        with caplog.at_level(logging.ERROR, "packhorse.middleware"):
            app.run_pending()

        assert handle.result(timeout=1) == 42
        assert (handle.record().state, handle.record().queue, handle.record().meta) == (
            JobState.SUCCEEDED,
            "default",
            None,
        )
    assert len(notes) == 10
    assert type(broken).__name__ in caplog.text


def test_what_can_not_be_sent_along_is_left_out(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """A meta that is no JSON is reported; the job runs without it."""

    class Careless(Middleware):
        """Sends an object along."""

        def enqueuing(self, draft: Draft) -> None:
            """Send it."""
            draft.meta["user"] = object()

    with application(database_url, Careless()) as app:
        handle = app.task(name="add")(lambda: 42).enqueue()
        app.run_pending()
        assert handle.result(timeout=1) == 42

    assert "can't be stored; left out" in caplog.text
