"""`app.gathering`: enqueues without a connection are kept back, and stored together or not at all."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from packhorse import Packhorse, acting_as
from packhorse.errors import DuplicateJob, PayloadError, UsageError
from tests.integration.web.kit import notes, task_of, users


def test_what_is_gathered_is_stored_together(app: Packhorse) -> None:
    """Nothing is written before; then the handles are those of the jobs, in the order of the calls."""
    with app.gathering() as gathered:
        first = task_of(app).enqueue("a")
        rest = app.enqueue_many(task_of(app).call(text) for text in "bc")
        assert notes(app) == []
        gathered.store()
        assert notes(app) == ["a", "b", "c"]
        assert [first.id, *(one.id for one in rest)] == [job.id for job in reversed(app.list_jobs())]
        assert first.record().task == "note"


def test_what_is_not_stored_is_dropped(app: Packhorse) -> None:
    """At the end of the block, however it ends; the handles say so."""
    with app.gathering():
        job = task_of(app).enqueue("a")
        with pytest.raises(UsageError, match="no id before the request's response"):
            _ = job.id
    with pytest.raises(UsageError, match="dropped"):
        _ = job.id
    assert notes(app) == []


def test_a_transaction_that_is_named_or_open_wins(app: Packhorse) -> None:
    """What belongs to it is stored with it, at once, and has an id."""
    with app.gathering():
        with app.transaction() as tx:
            joined = task_of(app).enqueue("joined")
            named = task_of(app).using(conn=tx).enqueue("named")
        assert (joined.id, named.id) > (0, 0)
    assert notes(app) == ["joined", "named"]


def test_arguments_are_refused_where_they_are_given(app: Packhorse) -> None:
    """Not when they are stored."""
    with app.gathering() as gathered:
        with pytest.raises(PayloadError):
            task_of(app).enqueue(object())  # type: ignore[arg-type]
        gathered.store()
    assert notes(app) == []


def test_what_the_database_refuses_takes_the_rest_with_it(app: Packhorse) -> None:
    """All are stored or none."""
    once = task_of(app).using(unique_key="once", on_duplicate="refuse")
    once.enqueue("first")
    with app.gathering() as gathered:
        task_of(app).enqueue("a")
        again = once.enqueue("again")
        with pytest.raises(DuplicateJob):
            gathered.store()
        with pytest.raises(UsageError, match="dropped"):
            _ = again.id
    assert notes(app) == ["first"]


def test_it_is_for_whoever_enqueues_on_whose_behalf(app: Packhorse) -> None:
    """As it was at the enqueue, not at the end."""
    with app.gathering() as gathered:
        with acting_as(user=7):
            task_of(app).enqueue("a")
        gathered.store()
    assert users(app) == [7]


def test_threads_and_coroutines_of_the_block_gather_too(app: Packhorse) -> None:
    """Those that begin with a copy of its context; after the end theirs are stored at once."""

    async def request() -> None:
        go_on = asyncio.Event()

        async def later() -> None:
            await go_on.wait()
            await task_of(app).aenqueue("later")

        with app.gathering() as gathered:
            waiting = asyncio.create_task(later())
            await asyncio.gather(*(task_of(app).aenqueue("task") for _ in range(2)))
            await asyncio.to_thread(task_of(app).enqueue, "thread")
            assert notes(app) == []
            await asyncio.to_thread(gathered.store)
        go_on.set()
        await waiting

    asyncio.run(request())
    assert notes(app) == ["task", "task", "thread", "later"]


def test_a_thread_of_its_own_does_not_gather(app: Packhorse) -> None:
    """It is another context: stored at once."""
    with app.gathering(), ThreadPoolExecutor(1) as pool:
        pool.submit(task_of(app).enqueue, "apart").result()
        pool.submit(copy_context().run, task_of(app).enqueue, "dropped").result()
    assert notes(app) == ["apart"]


def test_applications_gather_apart(app: Packhorse, database_url: str) -> None:
    """What another application enqueues is stored at once."""
    other = Packhorse(database_url)
    with app.gathering():
        task_of(app).enqueue("dropped")
        other.enqueue("note", "other")
    other.close()
    assert notes(app) == ["other"]


def test_a_batch_and_its_jobs_are_stored_at_once(app: Packhorse) -> None:
    """A batch has to be there before its jobs, and may be closed before the request's end."""
    with app.gathering(), app.batch("import") as batch:
        task_of(app).using(batch=batch).enqueue("in it")
    assert notes(app) == ["in it"]


def test_a_job_that_runs_inside_does_not_gather(database_url: str) -> None:
    """Inline, after a commit inside a request: what it enqueues is the job's, not the request's."""
    app = Packhorse(database_url, worker="inline")
    app.engine.migrate()
    inner = app.task(name="inner")(lambda: None)

    @app.task(name="outer")
    def outer() -> None:
        inner.enqueue()

    with app.gathering():
        with app.transaction() as tx:
            outer.using(conn=tx).enqueue()
        inner.enqueue()
    assert sorted(job.task for job in app.list_jobs()) == ["inner", "outer"]
    app.close()
