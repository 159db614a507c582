"""On whose behalf a job was enqueued reaches its handler, in whatever mode it runs, and nothing of it stays behind."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from packhorse import Acting, Draft, JobState, Middleware, Packhorse, PayloadError, UsageError, acting, acting_as
from packhorse.domain.acting import ACTING_KEY
from packhorse.domain.job import NewJob
from tests.integration.worker_kit import WRITTEN, wait_for, working, written_app

APP = """
import os
from msgspec import to_builtins
from packhorse import Packhorse, acting
app = Packhorse(os.environ["WRITTEN_APP_URL"])

@app.roles_from
def roles(acting):
    return {7: ["clerk", "boss"], 8: []}[acting.user]

@app.task(name="function")
def function():
    return to_builtins(acting())

@app.task(name="coroutine")
async def coroutine():
    return to_builtins(acting())

@app.task(name="atomic", atomic=True)
def atomic(ctx):
    return to_builtins(acting())

@app.task(name="child", isolation="process")
def child():
    return to_builtins(acting())
"""
TASKS = ["function", "coroutine", "atomic", "child"]
ALL: dict[str, Any] = {
    "tenant": "acme",
    "organisation": 3,
    "user": 7,
    "role": "boss",
    "process": 2**70,
    "creator": 9,
    "extra": {"warehouse": [1, {"shelf": "ä"}]},
}
NOBODY: dict[str, Any] = {**dict.fromkeys(ALL), "extra": {}}


@pytest.fixture
def written(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packhorse]:
    """An application whose handlers return on whose behalf they run, importable by children."""
    with written_app(APP, database_url, tmp_path, monkeypatch) as app:
        yield app


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a task that returns on whose behalf it runs."""
    app = Packhorse(database_url)
    app.engine.migrate()
    app.task(name="seen")(seen)
    yield app
    app.close()


def seen() -> Any:
    """On whose behalf this runs."""
    return msgspec.to_builtins(acting())


def results(app: Packhorse, *handles: Any) -> list[Any]:
    """What a worker's runs of the jobs have returned."""
    with working(app, app_path=WRITTEN):
        return [handle.result(timeout=20) for handle in handles]


@pytest.mark.accepts("M11")
@pytest.mark.parametrize("task", TASKS)
def test_a_handler_sees_what_its_job_was_enqueued_with(written: Packhorse, task: str) -> None:
    """Tenant, organisation, user, role, process and more: in a thread, a coroutine, a transaction, a child process."""
    with acting_as(**ALL):
        handle = written.enqueue(task)
    after = written.enqueue(task)

    assert results(written, handle, after) == [ALL, NOBODY]
    assert acting() == Acting()


@pytest.mark.accepts("M11")
@pytest.mark.parametrize("task", TASKS)
def test_user_and_role_have_something_to_fall_back_on(written: Packhorse, task: str) -> None:
    """The user is the enqueuer, else the creator; the role is the stored one, else the user's first valid one."""
    with acting_as(creator=7):
        created = written.enqueue(task)
    with acting_as(user=8):
        without_roles = written.enqueue(task)

    assert results(written, created, without_roles) == [
        {**NOBODY, "creator": 7, "user": 7, "role": "clerk"},
        {**NOBODY, "user": 8},
    ]


@pytest.mark.accepts("M11")
def test_nothing_stays_behind_in_a_worker(app: Packhorse) -> None:
    """Not even of a handler that has changed it, and never left the block."""

    @app.task(name="careless")
    def careless() -> None:
        acting_as(user="left behind").__enter__()

    with acting_as(user=7):
        first = careless.enqueue()
    second = app.enqueue("seen")
    with working(app, threads=1):
        first.result(timeout=10)

        assert second.result(timeout=10) == NOBODY


@pytest.mark.accepts("M11")
def test_inline_a_handler_sees_its_own_and_not_the_producer_s(database_url: str) -> None:
    """Also a job of somebody else, which runs in this producer's thread; afterwards the producer has its own again."""
    app = Packhorse(database_url)
    app.engine.migrate()
    app.task(name="seen")(seen)

    async def aseen() -> Any:
        return seen()

    app.task(name="aseen")(aseen)
    nobody_s = app.enqueue("seen")
    with acting_as(user=7):
        mine = app.enqueue("aseen")
        with acting_as(user=8):
            app.run_pending()
        assert acting() == Acting(user=7)

    assert [nobody_s.result(timeout=1), mine.result(timeout=1)] == [NOBODY, {**NOBODY, "user": 7}]
    app.close()


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
def test_what_a_handler_enqueues_has_the_same(app: Packhorse, is_async: bool) -> None:
    """Or what it says otherwise; what the application keeps elsewhere is not asked inside a job."""
    handles: list[Any] = []
    app.acting_from(lambda: Acting(user="the program's"))

    def spread() -> None:
        handles.append(app.enqueue("seen"))
        with acting_as(user=None, tenant="other"):
            handles.append(app.enqueue("seen"))
        with acting_as(Acting()):
            handles.append(app.enqueue("seen"))

    async def aspread() -> None:
        handles.append(await app.aenqueue("seen"))
        with acting_as(user=None, tenant="other"):
            handles.append(await asyncio.create_task(app.aenqueue("seen")))
        with acting_as(Acting()):
            handles.append(await app.aenqueue("seen"))

    app.task(name="spread")(aspread if is_async else spread)
    with acting_as(user=7, tenant="acme"):
        first = app.enqueue("spread")
    with working(app):
        first.result(timeout=10)
        found = [handle.result(timeout=10) for handle in handles]

    assert found == [{**NOBODY, "tenant": "acme", "user": 7}, {**NOBODY, "tenant": "other"}, NOBODY]


def test_every_way_of_enqueueing_takes_it_along(app: Packhorse) -> None:
    """Many at once, also thousands; in a transaction; in a coroutine; with keys."""
    with acting_as(tenant=1):
        handles = app.enqueue_many([app.named("seen").call() for _ in range(1500)])[-1:]
        with app.transaction() as tx:
            handles.append(app.enqueue("seen", conn=tx))
        handles.append(asyncio.run(app.aenqueue("seen")))
        handles.append(app.named("seen").using(unique_key="x", group="g", priority="urgent").enqueue())

    assert [Acting(tenant=1)] * 4 == [msgspec.convert(stored(handle), Acting) for handle in handles]


def stored(handle: Any) -> Any:
    """What a job's meta says."""
    return msgspec.json.decode(handle.record().meta)[ACTING_KEY]


def test_blocks_change_a_part_of_what_the_application_gives(app: Packhorse) -> None:
    """Each enqueue asks anew; None is nobody."""
    given: list[Acting | None] = [Acting(tenant="acme", user=7, extra={"a": 1}), Acting(tenant="acme", user=7), None]

    @app.acting_from
    def ask() -> Acting | None:
        return given.pop(0)

    with acting_as(user=8, extra={"b": 2}), acting_as(role="boss", extra={"c": 3}):
        assert stored(app.enqueue("seen")) == {
            "tenant": "acme",
            "user": 8,
            "role": "boss",
            "extra": {"a": 1, "b": 2, "c": 3},
        }
    assert stored(app.enqueue("seen")) == {"tenant": "acme", "user": 7}
    assert app.enqueue("seen").record().meta is None


def test_middleware_sends_its_own_beside_it(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """And can't take its place; what it can't send is left out alone."""

    class Sender(Middleware):
        """Sends what it is told."""

        sent: Any = "x"

        def enqueuing(self, draft: Draft) -> None:
            """Send it."""
            draft.meta.update({"own": self.sent, ACTING_KEY: {"user": "somebody"}})

    sender = Sender()
    app = Packhorse(database_url, middleware=[sender])
    app.engine.migrate()
    with acting_as(user=7):
        first = app.enqueue("seen")
        sender.sent = object()
        with caplog.at_level(logging.ERROR):
            second = app.enqueue("seen")

    assert msgspec.json.decode(first.record().meta or "") == {"own": "x", ACTING_KEY: {"user": 7}}
    assert msgspec.json.decode(second.record().meta or "") == {ACTING_KEY: {"user": 7}}
    assert "left out" in caplog.text
    app.close()


@pytest.mark.accepts("M11")
def test_what_a_batch_enqueues_acts_for_whoever_created_it(app: Packhorse) -> None:
    """Not for whoever happens to count its jobs; without callbacks nobody is asked."""
    seen = app.named("seen")
    with acting_as(tenant="acme", user=7):
        batch = app.batch("month end", on_success=seen.call(), on_end=seen.call())
    with batch:
        job = seen.using(batch=batch).enqueue()

    assert results(app, job) == [NOBODY]
    batch.wait(10)
    called = [one for one in app.list_jobs(task="seen") if one.id != job.id]
    assert results(app, *(app.job(one.id) for one in called)) == [{**NOBODY, "tenant": "acme", "user": 7}] * 2

    @app.acting_from
    def ask() -> Acting:
        raise LookupError("nobody is logged in")

    app.batch("without callbacks")
    with pytest.raises(LookupError, match="nobody is logged in"):
        app.batch("with one", on_end=seen.call())


def test_a_job_without_it_has_no_meta(app: Packhorse) -> None:
    """It pays nothing: neither a column nor a look."""
    with acting_as():
        assert app.enqueue("seen").record().meta is None


def test_it_is_stored_or_nothing_is(app: Packhorse) -> None:
    """A job is never run for nobody because its own could not be told."""

    @app.acting_from
    def ask() -> Acting:
        raise LookupError("nobody is logged in")

    with pytest.raises(LookupError, match="nobody is logged in"):
        app.enqueue("seen")
    with acting_as(Acting(extra={"at": object()})), pytest.raises(PayloadError, match=r"^acting\.extra\.at: "):
        app.enqueue("seen")
    app.acting_from(lambda: "Anna")  # type: ignore[arg-type, return-value] # it is refused
    with pytest.raises(UsageError, match="must give an Acting or None, not 'Anna'"):
        app.enqueue("seen")

    assert list(app.list_jobs()) == []


@pytest.mark.parametrize("meta", ["[", "7", '{"packhorse.acting": {"user": [1]}}', '{"packhorse.acting": null}'])
def test_what_cant_be_read_is_never_taken_for_nobody(app: Packhorse, meta: str) -> None:
    """Whoever asks fails, and so does an enqueue in the job; who does not ask, runs."""

    @app.task(name="spread", max_attempts=1)
    def spread() -> None:
        app.enqueue("seen")

    @app.task(name="unasked")
    def unasked() -> None: ...

    spoiled = app.engine.insert_jobs([_job(name, meta) for name in ("spread", "unasked")])
    with working(app):
        asking, unaware = (wait_for(app, id) for id in spoiled)

    assert unaware.state is JobState.SUCCEEDED
    assert (asking.state, asking.error_type) == (JobState.FAILED, "PayloadError")


def _job(task: str, meta: str) -> NewJob:
    """As SQL may enqueue it."""
    return NewJob(task=task, meta=meta)


@pytest.mark.parametrize("wrong", [{"user": 1.5}, {"tenant": True}, {"role": ["x"]}, {"extra": [1]}])
def test_what_names_nobody_is_refused(wrong: dict[str, Any]) -> None:
    """Where it is said."""
    with pytest.raises(UsageError, match="must be a"), acting_as(**wrong):
        pass
    with pytest.raises(UsageError, match="must be a"):
        Acting(**wrong)
