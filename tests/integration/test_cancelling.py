"""A running job sees its cancellation; what it makes of that is its own."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from packhorse import Context, JobState, Packhorse
from packhorse.domain.decide import Ack, decide
from packhorse.domain.outcome import Failure
from packhorse.domain.retry import RetryPolicy
from packhorse.runtime.acker import Acker
from packhorse.testing.contract.steps import claim_one
from packhorse.testing.samples import ERROR
from tests.integration.worker_kit import WRITTEN, Gate, wait_for, working, written_app
from tests.waiting import wait_until

pytestmark = pytest.mark.accepts("C17")

APP = """
import os, time
from pathlib import Path
from packhorse import Context, Packhorse
app = Packhorse(os.environ["WRITTEN_APP_URL"])

@app.task(name="count", isolation="process", max_attempts=1)
def count(ctx: Context, sign: str) -> None:
    ctx.log.info("counting in %s", os.getpid())
    number = 0
    while True:
        ctx.progress(number)
        Path(sign).touch()
        number += 1
        time.sleep(0.01)

@app.task(name="acount", isolation="process", max_attempts=1)
async def acount(ctx: Context, sign: str) -> None:
    import asyncio
    Path(sign).touch()
    while not ctx.cancelled:
        await asyncio.sleep(0.01)
    ctx.check_cancelled()

@app.task(name="deaf", isolation="process")
def deaf(ctx: Context, sign: str) -> None:
    ctx.log.info("not listening")
    Path(sign).touch()
    while True:
        time.sleep(1)

@app.task(name="die", isolation="process", max_attempts=1)
def die(ctx: Context, sign: str) -> None:
    ctx.log.info("last words")
    while not Path(sign).exists():
        time.sleep(0.01)
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application on an empty database."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.fixture
def isolated_app(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packhorse]:
    """An application whose tasks run in children, importable by them."""
    with written_app(APP, database_url, tmp_path, monkeypatch) as app:
        yield app


@pytest.mark.parametrize("atomic", [False, True], ids=["plain", "atomic"])
def test_a_handler_that_tells_its_progress_ends_there(app: Packhorse, atomic: bool) -> None:
    """As cancelled, with who has asked for it; what an atomic one has written is undone."""
    gate = Gate()

    @app.task(name="count", atomic=atomic)
    def count(ctx: Context) -> None:
        gate.wait()
        wait_until(lambda: ctx.cancelled, what="the cancellation to be seen")
        if atomic:
            ctx.tx.execute("create table counted (id integer)")
        ctx.progress(1, 2)
        raise AssertionError("it went on")

    with working(app):
        job = count.enqueue()
        gate.reached()
        assert app.cancel(job.id, by="ann", why="too dear").asked == {job.id}
        gate.open()
        record = wait_for(app, job.id)
        wait_until(lambda: app.find_progress(job.id), what="progress")

    assert (record.state, record.reason, record.error_type) == (JobState.CANCELLED, "cancelled by ann: too dear", None)
    [attempt] = app.list_attempts(job.id)
    assert attempt.outcome == "cancel"


def test_a_coroutine_sees_it(app: Packhorse) -> None:
    """And may tidy up before it ends."""
    seen = threading.Event()

    @app.task(name="serve")
    async def serve(ctx: Context) -> None:
        try:
            while True:
                ctx.check_cancelled()
                await asyncio.sleep(0.01)
        finally:
            seen.set()

    with working(app):
        job = serve.enqueue()
        wait_for(app, job.id, JobState.EXECUTING)
        app.cancel(job.id, by="ann")
        record = wait_for(app, job.id)

    assert seen.is_set()
    assert (record.state, record.reason) == (JobState.CANCELLED, "cancelled by ann")


def test_a_handler_that_never_looks_goes_on_to_its_end(app: Packhorse) -> None:
    """Its success stands; the record says that the cancellation came too late."""
    gate, contexts = Gate(), list[Context]()

    @app.task(name="deaf")
    def deaf(ctx: Context) -> int:
        contexts.append(ctx)
        gate.wait()
        return 42

    with working(app):
        job = deaf.enqueue()
        gate.reached()
        app.cancel(job.id, by="ann")
        wait_until(lambda: contexts[0].cancelled, what="the worker to know")
        gate.open()
        record = wait_for(app, job.id)

    assert (record.state, record.result) == (JobState.SUCCEEDED, "42")
    assert record.reason == "cancelled too late by ann; it had done its work"


def test_a_cancelled_job_that_fails_is_not_tried_again(app: Packhorse) -> None:
    """It is cancelled, with its error; nobody has to look at it."""
    gate, contexts = Gate(), list[Context]()

    @app.task(name="fail", max_attempts=5)
    def fail(ctx: Context) -> None:
        contexts.append(ctx)
        gate.wait()
        raise ValueError("broken")

    with working(app):
        job = fail.enqueue()
        gate.reached()
        app.cancel(job.id, by="ann")
        wait_until(lambda: contexts[0].cancelled, what="the worker to know")
        gate.open()
        record = wait_for(app, job.id)

    assert (record.state, record.reason) == (JobState.CANCELLED, "cancelled by ann")
    assert (record.error_type, record.attempt, record.failures) == ("ValueError", 1, 1)


def test_a_failure_that_crosses_the_cancellation_is_not_tried_again(app: Packhorse) -> None:
    """The worker had not heard of it when it acknowledged: it hears of it from the refusal."""

    @app.task(name="fail")
    def fail() -> None:
        """Never run here."""

    record = fail.enqueue()
    job = claim_one(app.engine)
    app.cancel(record.id, by="ann")
    ack: Ack = decide(job, Failure(ERROR), RetryPolicy(), 0.5)
    acker = Acker(app.engine, lambda: None)
    acker.put(ack)
    acker.run_once()

    cancelled = app.get_job(record.id)
    assert acker.is_idle()
    assert (cancelled.state, cancelled.reason) == (JobState.CANCELLED, "cancelled by ann")
    assert (cancelled.error_type, [one.outcome for one in app.list_attempts(record.id)]) == (ERROR.type, ["cancel"])


def test_a_job_that_has_not_started_in_its_worker_never_does(app: Packhorse) -> None:
    """It was claimed already, and waited there for a free slot."""
    gate, ran = Gate(), list[int]()

    @app.task(name="work")
    def work(number: int) -> None:
        ran.append(number)
        if number == 0:
            gate.wait()

    with working(app, threads=1) as worker:
        first = work.enqueue(0)
        gate.reached()
        app.cancel(first.id, by="ann")
        wait_until(lambda: worker._executor._cancelled, what="the worker to know")
        second = work.enqueue(1)
        app.cancel(second.id, by="ann")
        gate.open()
        record = wait_for(app, second.id)

    assert ran == [0]
    assert (record.state, record.attempt) == (JobState.CANCELLED, 0)
    assert record.reason is not None
    assert record.reason.startswith("cancelled")


def test_a_cancelled_job_whose_worker_dies_is_not_rescued(app: Packhorse) -> None:
    """It is cancelled: nobody wants it any more."""

    @app.task(name="work")
    def work() -> None:
        raise AssertionError("it ran again")

    job = work.enqueue()
    claim_one(app.engine, worker=7)
    app.cancel(job.id, by="ann")
    with working(app):
        record = wait_for(app, job.id)

    assert (record.state, record.crashes) == (JobState.CANCELLED, 1)
    assert record.reason == "cancelled by ann; worker_lost"


@pytest.mark.parametrize("task", ["count", "acount"])
def test_an_isolated_handler_sees_it(isolated_app: Packhorse, tmp_path: Path, task: str) -> None:
    """It is told through the pipe."""
    sign = tmp_path / "sign"
    with working(isolated_app, app_path=WRITTEN, children=1):
        job = isolated_app.named(task).enqueue(str(sign))
        wait_until(sign.exists, 60, "the handler to begin")
        isolated_app.cancel(job.id, by="ann")
        record = wait_for(isolated_app, job.id, timeout=30)

    assert (record.state, record.reason) == (JobState.CANCELLED, "cancelled by ann")


@pytest.mark.accepts("M26")
def test_an_isolated_handler_that_does_not_listen_is_killed(isolated_app: Packhorse, tmp_path: Path) -> None:
    """After the grace, because it can be; no crash is counted, and its lines are kept."""
    sign = tmp_path / "sign"
    with working(isolated_app, app_path=WRITTEN, children=1, cancel_grace=0.2):
        job = isolated_app.named("deaf").enqueue(str(sign))
        wait_until(sign.exists, 60, "the handler to begin")
        isolated_app.cancel(job.id, by="ann")
        record = wait_for(isolated_app, job.id, timeout=30)
        wait_until(lambda: isolated_app.list_log(job.id), what="its line")

    assert (record.state, record.crashes, record.attempt) == (JobState.CANCELLED, 0, 1)
    assert record.reason == "cancelled by ann; it did not stop by itself, so its process was ended"


@pytest.mark.accepts("M26")
def test_an_isolated_handlers_log_and_progress_come_through_the_pipe(isolated_app: Packhorse, tmp_path: Path) -> None:
    """While it runs, and what it said before it was killed stays."""
    sign = tmp_path / "sign"
    with working(isolated_app, app_path=WRITTEN, children=1):
        job = isolated_app.named("die").enqueue(str(sign))
        [line] = wait_until(lambda: isolated_app.list_log(job.id), 60, "its line")
        sign.touch()
        wait_for(isolated_app, job.id, JobState.AVAILABLE, JobState.FAILED, timeout=30)
        counting = isolated_app.named("count").enqueue(str(sign))
        progress = wait_until(lambda: isolated_app.find_progress(counting.id), 30, "progress")
        isolated_app.cancel(counting.id)
        isolated_app.cancel(job.id)

    assert (line.message, line.logger, line.attempt) == ("last words", "packhorse.job", 1)
    assert progress is not None
    assert progress.attempt == 1
