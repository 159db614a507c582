"""Middleware around enqueue and run."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from packhorse import Cancel, Context, Draft, Fail, JobState, Middleware, Packhorse, Retry, Skip
from packhorse.config import WorkerMode
from packhorse.domain.decide import Ack
from packhorse.domain.outcome import Verdict

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
        try:
            yield
        finally:
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
def application(url: str, *middleware: Middleware, worker: WorkerMode | None = None) -> Iterator[Packhorse]:
    """An application with this middleware."""
    app = Packhorse(url, middleware=middleware, worker=worker)
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


def enqueue(app: Packhorse) -> None:
    """By itself."""
    app.enqueue("add", 1)


def enqueue_many(app: Packhorse) -> None:
    """Among many."""
    app.enqueue_many([app.named("add").call(1)])


def enqueue_in_block(app: Packhorse) -> None:
    """In a transaction whose commit is seen."""
    with app.transaction():
        app.enqueue("add", 1)


def enqueue_in_coroutine(app: Packhorse) -> None:
    """By a coroutine."""
    asyncio.run(aenqueue(app))


async def aenqueue(app: Packhorse) -> None:
    """By itself, in a coroutine."""
    await app.aenqueue("add", 1)


def enqueue_in_coroutine_s_block(app: Packhorse) -> None:
    """In a coroutine's transaction whose commit is seen."""

    async def main() -> None:
        async with app.transaction():
            await aenqueue(app)

    asyncio.run(main())


@pytest.mark.parametrize(
    "produce",
    [enqueue, enqueue_many, enqueue_in_block, enqueue_in_coroutine, enqueue_in_coroutine_s_block],
    ids=lambda produce: produce.__name__,
)
def test_inline_the_enqueue_comes_before_the_run(database_url: str, produce: Callable[[Packhorse], None]) -> None:
    """However it is enqueued: a diary has its job's id before it has its end."""
    notes: list[str] = []
    with application(database_url, Diary("one", notes), worker="inline") as app:

        @app.task(name="add")
        def add(a: int) -> None: ...

        produce(app)

    assert notes == [
        "one: enqueuing add(1,){}",
        "one: enqueued add as a number: True",
        "one: begin add",
        "one: end add",
        "one: success, succeeded",
    ]


class Guard(Middleware):
    """Refuses every run, in its own way."""

    def __init__(self, verdict: Verdict | None) -> None:
        self.verdict = verdict

    @contextmanager
    def running(self, context: Context) -> Iterator[None]:
        """Refuse it."""
        if self.verdict is not None:
            raise self.verdict
        yield


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Fail("not here"), JobState.FAILED),
        (Skip("not here"), JobState.SCHEDULED),
        (Retry("not here"), JobState.SCHEDULED),
        (Cancel("not here"), JobState.CANCELLED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_outcome_that_one_raises_stands_for_the_run(
    database_url: str, verdict: Verdict, state: JobState, is_async: bool
) -> None:
    """The handler is not called; those outside are left again, those inside are not entered, and all are told."""
    notes: list[str] = []

    def add() -> None:
        notes.append("called")

    async def aadd() -> None:
        add()

    with application(database_url, Diary("one", notes), Guard(verdict), Diary("two", notes)) as app:
        handle = app.task(name="add")(aadd if is_async else add).enqueue()
        notes.clear()
        app.run_pending()
        record = handle.record()

    assert (record.state, record.reason) == (state, "not here")
    assert notes[:2] == ["one: begin add", "one: end add"]
    assert [note.partition(",")[0] for note in notes[2:]] == [f"{one}: {_outcome(verdict)}" for one in ("one", "two")]


def _outcome(verdict: Verdict) -> str:
    return type(verdict).__name__.lower()


def test_the_guide_s_example_runs_word_for_word(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The tenant reaches the handler, and a job without one is not run, whether it was forgotten or came from SQL."""
    monkeypatch.setenv("PACKHORSE_DATABASE_URL", database_url)
    text = Path("docs/guide.md").read_text("utf-8")
    example: Any = {}
    exec(re.findall(r"## Middleware\n+```python\n(.*?)```", text, re.DOTALL)[0], example)  # noqa: S102
    app: Packhorse = example["app"]
    current: ContextVar[str] = example["tenant"]
    seen: list[str] = []
    app.engine.migrate()

    @app.task(name="look", max_attempts=1)
    def look() -> None:
        seen.append(current.get())

    token = current.set("acme")
    with_tenant = look.enqueue()
    current.reset(token)
    without = look.enqueue()
    app.run_pending()
    records = with_tenant.record(), without.record()
    app.close()

    assert seen == ["acme"]
    assert [record.state for record in records] == [JobState.SUCCEEDED, JobState.FAILED]
    assert records[1].reason == "enqueued without a tenant"
    assert "LookupError" in caplog.text


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
