"""Handlers of every kind in one worker, their time limits, and the transactions of atomic ones."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from packhorse import Backoff, Context, JobState, Packhorse, current
from tests.crash.conftest import connected
from tests.integration.worker_kit import Gate, wait_for, working
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema and no tasks yet."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.mark.accepts("C19")
def test_functions_run_on_threads_and_coroutines_on_one_loop(app: Packhorse) -> None:
    """Any mix in one worker: sixteen functions at once on threads of their own, a hundred coroutines on one."""
    gate, loops = Gate(), set[int]()

    @app.task(name="function")
    def function() -> None:
        gate.wait()

    @app.task(name="coroutine")
    async def coroutine() -> None:
        loops.add(threading.get_ident())
        await asyncio.to_thread(gate.wait)

    with working(app):
        jobs = app.enqueue_many([*[function.call()] * 16, *[coroutine.call()] * 4])
        gate.reached(20)
        gate.open()
        assert {wait_for(app, job.id).state for job in jobs} == {JobState.SUCCEEDED}

    assert len(loops) == 1


@pytest.mark.accepts("C19")
def test_the_context_is_at_hand_deep_in_a_call_stack(app: Packhorse) -> None:
    """packhorse.current() gives the running job's context, in threads and in coroutines."""

    def deep() -> int:
        return current().job.id

    @app.task(name="plain")
    def plain() -> int:
        return deep()

    @app.task(name="awaited")
    async def awaited() -> int:
        await asyncio.sleep(0)
        return deep()

    with working(app):
        for job in (plain.enqueue(), awaited.enqueue()):
            assert job.result(timeout=10) == job.id


@pytest.mark.accepts("C20")
def test_a_coroutine_is_cancelled_at_its_time_limit(app: Packhorse) -> None:
    """The attempt is a counted failure, the coroutine was cancelled at its await."""
    cancelled = threading.Event()

    @app.task(name="sleepy", timeout=SECOND / 5, max_attempts=1)
    async def sleepy() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with working(app):
        record = wait_for(app, sleepy.enqueue().id)

    assert cancelled.is_set()
    assert (record.state, record.error_type, record.failures) == (JobState.FAILED, "TimeLimit", 1)


@pytest.mark.accepts("C20")
def test_a_thread_over_its_time_limit_gives_its_slot_away_and_is_retried_after_it_ended(app: Packhorse) -> None:
    """Two slots, both held: when one job is late another runs in its place; it is retried once its thread has ended."""
    late_gate, gate, runs = Gate(), Gate(), list[int]()

    @app.task(name="stuck", timeout=SECOND / 5, backoff=Backoff(first=timedelta(0), jitter=0))
    def stuck(ctx: Context) -> str:
        runs.append(ctx.job.attempt)
        if ctx.job.attempt == 1:
            late_gate.wait()
        return "too late" if ctx.job.attempt == 1 else "in time"

    @app.task(name="long")
    def long() -> None:
        gate.wait()

    @app.task(name="quick")
    def quick() -> str:
        return "done"

    with working(app, threads=2):
        late = stuck.enqueue()
        long.enqueue()
        late_gate.reached()
        gate.reached()
        others = app.enqueue_many([quick.call()] * 5)
        assert [job.result(timeout=10) for job in others] == ["done"] * 5
        assert app.get_job(late.id).state == JobState.EXECUTING
        assert runs == [1]
        late_gate.open()
        assert late.result(timeout=10) == "in time"
        gate.open()

    assert app.get_job(late.id).failures == 1
    assert app.list_attempts(late.id)[0].error_type == "TimeLimit"


@pytest.mark.accepts("C7", "C8")
@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_the_writes_of_an_atomic_handler_commit_with_its_success_only(
    app: Packhorse, database_url: str, kind: str
) -> None:
    """What it wrote before it failed is gone; what it wrote when it succeeded is there, once."""
    mark = "?" if app.engine.dialect == "sqlite" else "%s"
    with connected(database_url) as db:
        db.execute("create table sold (n integer)")

    if kind == "function":

        @app.task(name="sell", atomic=True, backoff=Backoff(first=timedelta(0), jitter=0))
        def sell(ctx: Context, n: int) -> None:
            ctx.tx.execute(f"insert into sold values ({mark})", (n,))  # noqa: S608 - a placeholder
            if ctx.job.attempt == 1:
                raise RuntimeError("after the write")

        enqueue = sell.enqueue
    else:

        @app.task(name="sell", atomic=True, backoff=Backoff(first=timedelta(0), jitter=0))
        async def asell(ctx: Context, n: int) -> None:
            await ctx.tx.execute(f"insert into sold values ({mark})", (n,))  # noqa: S608 - a placeholder
            if ctx.job.attempt == 1:
                raise RuntimeError("after the write")

        enqueue = asell.enqueue
    with working(app):
        record = wait_for(app, enqueue(7).id)

    with connected(database_url) as db:
        assert db.execute("select n from sold").fetchall() == [(7,)]
    assert (record.state, record.attempt) == (JobState.SUCCEEDED, 2)


@pytest.mark.accepts("C7", "C2")
def test_jobs_that_an_atomic_handler_enqueues_exist_only_if_it_commits(app: Packhorse) -> None:
    """Enqueued inside the handler's transaction: nothing of a failed run, exactly one of the successful one."""

    @app.task(name="child")
    def child(n: int) -> None: ...

    @app.task(name="parent", atomic=True, backoff=Backoff(first=timedelta(0), jitter=0))
    def parent(ctx: Context) -> None:
        child.enqueue(ctx.job.attempt)
        if ctx.job.attempt < 3:
            raise RuntimeError("not yet")

    with working(app):
        wait_for(app, parent.enqueue().id, JobState.SUCCEEDED)
        wait_until(lambda: app.count_jobs()[JobState.SUCCEEDED] == 2, what="the child's run")

    assert [job.args for job in app.list_jobs(task="child")] == ["[3]"]


ISOLATED_APP = """
import os, sys, time
from datetime import timedelta
from packhorse import Context, Packhorse
app = Packhorse(os.environ["ISOLATED_URL"])
MARK = "?" if app.engine.dialect == "sqlite" else "%s"

@app.task(name="where", isolation="process")
def where() -> list[int]:
    print("this must not disturb the answers")
    return [os.getpid(), os.getppid()]

@app.task(name="hang", isolation="process", timeout=timedelta(seconds=0.5), max_attempts=1)
def hang(pidfile: str) -> None:
    open(pidfile, "w").write(str(os.getpid()))
    while True: pass

@app.task(name="vanish", isolation="process")
def vanish() -> None:
    os._exit(3)

@app.task(name="sell", isolation="process", atomic=True)
def sell(ctx: Context, n: int) -> None:
    ctx.tx.execute(f"insert into sold values ({MARK})", (n,))

@app.task(name="refuse", isolation="process", max_attempts=1)
async def refuse() -> None:
    raise ValueError("from the child")
"""


@pytest.fixture
def isolated(app: Packhorse, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packhorse]:
    """An application whose tasks run in children, importable by them."""
    (tmp_path / "isolated_app.py").write_text(ISOLATED_APP)
    monkeypatch.setenv("ISOLATED_URL", database_url)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.syspath_prepend(str(tmp_path))
    import sys

    sys.modules.pop("isolated_app", None)
    import isolated_app  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]

    yield isolated_app.app
    isolated_app.app.close()


@pytest.mark.accepts("C19")
def test_an_isolated_handler_runs_in_a_child_process(isolated: Packhorse) -> None:
    """Its pid is another one, whose parent is the worker; the child is kept for the next job."""
    with working(isolated, app_path="isolated_app:app", children=1):
        first, second = (isolated.named("where").enqueue().result(timeout=20) for _ in range(2))

    assert first == second
    assert first[0] != os.getpid() == first[1]


@pytest.mark.accepts("C19", "C20")
def test_an_isolated_handler_is_killed_at_its_time_limit(isolated: Packhorse, tmp_path: Path) -> None:
    """An endless loop ends with its process; the attempt is a counted failure, the next job gets a new child."""
    pidfile = tmp_path / "pid"
    with working(isolated, app_path="isolated_app:app", children=1):
        record = wait_for(isolated, isolated.named("hang").enqueue(str(pidfile)).id)
        after = isolated.named("where").enqueue().result(timeout=20)

    assert (record.state, record.error_type, record.failures) == (JobState.FAILED, "TimeLimit", 1)
    assert after[0] != int(pidfile.read_text())
    assert not Path(f"/proc/{pidfile.read_text()}").exists()


@pytest.mark.accepts("C19", "C6")
def test_a_child_that_dies_is_a_crash_of_its_job_alone(isolated: Packhorse) -> None:
    """Three deaths end as worker_lost; the worker lives on."""
    with working(isolated, app_path="isolated_app:app"):
        record = wait_for(isolated, isolated.named("vanish").enqueue().id, timeout=30)
        assert isolated.named("where").enqueue().result(timeout=20)

    assert (record.state, record.reason, record.crashes) == (JobState.FAILED, "worker_lost", 3)


@pytest.mark.accepts("C19", "C7")
def test_an_isolated_handler_may_be_atomic_and_may_be_a_coroutine(isolated: Packhorse, database_url: str) -> None:
    """The child commits the writes with the acknowledgement; an error comes back with its traceback."""
    with connected(database_url) as db:
        db.execute("create table sold (n integer)")
    with working(isolated, app_path="isolated_app:app"):
        sold = wait_for(isolated, isolated.named("sell").enqueue(7).id)
        refused = wait_for(isolated, isolated.named("refuse").enqueue().id)

    with connected(database_url) as db:
        assert db.execute("select n from sold").fetchall() == [(7,)]
    assert sold.state == JobState.SUCCEEDED
    assert (refused.state, refused.error_message) == (JobState.FAILED, "from the child")
    assert "isolated_app.py" in (refused.error_traceback or "")


@pytest.mark.accepts("C9", "C20")
def test_a_stop_cancels_coroutines_that_outlast_it(app: Packhorse) -> None:
    """A coroutine that runs past the shutdown timeout is cancelled; its job runs again later, uncounted."""

    @app.task(name="endless")
    async def endless() -> None:
        started.set()
        await asyncio.sleep(60)

    started = threading.Event()
    with working(app, shutdown_timeout=0.2):
        job = endless.enqueue()
        assert started.wait(10)
        begun = time.monotonic()

    assert time.monotonic() - begun < 5
    record = app.get_job(job.id)
    assert record.state in (JobState.SCHEDULED, JobState.AVAILABLE)
    assert (record.failures, record.crashes) == (0, 0)
