"""Batches, as an application uses them."""

import asyncio
import inspect
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from packhorse import (
    Batch,
    BatchFailed,
    BatchNotFound,
    BatchTimeout,
    ConfigurationError,
    Context,
    JobState,
    Packhorse,
    UserError,
)
from packhorse.testing import Kit
from tests.integration.worker_kit import Gate, wait_for, working
from tests.waiting import wait_until

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, "the name of a batch must be a text of 1 to 200 characters"),
    ({"type": ""}, "the type of a batch must be a text"),
    ({"expected": -1}, "expected must be a number of jobs up to 1,000,000,000, not -1"),
    ({"parent": "7"}, "named by what app.batch returns, or by its id, not '7'"),
    ({"keep_alive": 5}, "keep_alive must be a timedelta"),
    ({"on_end": print}, "on_end takes a call, such as"),
]
"""Options that are wrong, and what is said of them."""
Step = Any


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a database."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.fixture
def done() -> list[object]:
    """What ran, in order."""
    return []


@pytest.fixture
def step(app: Packhorse, done: list[object]) -> Step:
    """A task that notes its argument, and fails if that is below zero and `done` holds no pardon."""

    @app.task(name="step", max_attempts=1)
    def step(n: int) -> None:
        done.append(n)
        if n < 0 and "pardon" not in done:
            raise UserError("below zero")

    return step


@pytest.fixture
def note(app: Packhorse, done: list[object]) -> Step:
    """A task that notes a word."""

    @app.task(name="note")
    def note(word: str) -> None:
        done.append(word)

    return note


@pytest.mark.accepts("M24")
def test_a_batch_is_filled_and_waited_for(app: Packhorse, step: Step) -> None:
    """It returns when all are final, at once when there are none; the wait has a default limit."""

    def fill(batch: Batch) -> None:
        app.enqueue_many(step.using(batch=batch).call(n) for n in range(20))

    def leave_empty(batch: Batch) -> None:
        assert batch.record().is_open

    assert inspect.signature(app.execute_batch).parameters["timeout"].default == timedelta(seconds=300)
    assert app.execute_batch(leave_empty).enqueued == 0
    with working(app):
        record = app.execute_batch(fill)
    assert (record.name, record.enqueued, record.succeeded, record.processed) == ("fill", 20, 20, 20)
    assert (record.state, record.is_open, record.time_left) == ("succeeded", False, timedelta(0))


@pytest.mark.accepts("M24")
def test_waiting_for_a_failure_names_the_jobs(app: Packhorse, step: Step, done: list[object]) -> None:
    """Each once; after they were retried, what they did before does not count, however soon that is."""
    with app.batch("night") as batch:
        step.using(batch=batch).enqueue(1)
        failed = [step.using(batch=batch).enqueue(-n) for n in (1, 2)]
    with working(app):
        with pytest.raises(BatchFailed, match=r"2 of 3 jobs failed, 0 were cancelled") as failure:
            batch.wait()
        assert (failure.value.job_ids, failure.value.count) == (tuple(job.id for job in failed), 2)
        done.append("pardon")
        app.retry(*failure.value.job_ids)
        record = batch.wait()
    assert (record.enqueued, record.succeeded, record.failed) == (3, 3, 0)


@pytest.mark.accepts("M24")
def test_it_is_open_while_jobs_are_expected(app: Packhorse, step: Step) -> None:
    """Although it is closed, until the time given is over."""
    with app.batch("night", expected=2) as batch:
        step.using(batch=batch).enqueue(1)
    with working(app):
        with pytest.raises(BatchTimeout, match=r"has not ended within 0.2 s"):
            batch.wait(timeout=timedelta(milliseconds=200))
        step.using(batch=batch.id).enqueue(2)
        assert batch.wait(timeout=timedelta(seconds=30)).succeeded == 2


def test_callbacks_run_after_what_they_tell_of(app: Packhorse, step: Step, note: Step, done: list[object]) -> None:
    """Each once, on whatever workers count."""
    calls = {name: note.call(name) for name in ("on_success", "on_failure", "on_end")}
    with working(app), working(app):
        for many, numbers in ((4, (1, 2)), (8, (3, -4))):
            with app.batch("night", **calls) as batch:
                for n in numbers:
                    step.using(batch=batch).enqueue(n)
            wait_until(lambda count=many: len(done) == count, 15, "the callbacks")  # type: ignore[misc]
            assert not app.get_batch(batch.id).is_open
    assert sorted(map(str, done[:4])) == ["1", "2", "on_end", "on_success"]
    assert sorted(map(str, done[4:])) == ["-4", "3", "on_end", "on_failure"]


def test_the_batch_of_the_running_job_is_the_parent(app: Packhorse, step: Step) -> None:
    """Of a batch that it creates without saying whose it is."""
    children = list[Batch]()

    @app.task(name="split", atomic=True)
    def split(ctx: Context) -> None:
        with app.batch("child") as child:
            step.using(batch=child).enqueue(1)
        children.append(child)

    with app.batch("parent") as parent:
        split.using(batch=parent).enqueue()
    with working(app):
        parent.wait()
        record = children[0].wait()
    assert (record.parent_id, record.succeeded) == (parent.id, 1)
    assert [one.id for one in app.list_batches()] == [children[0].id, parent.id]
    assert [one.number for one in app.list_members(parent.id)] == [1]


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_batch_belongs_to_the_transaction_around_it(app: Packhorse, step: Step, is_committed: bool) -> None:
    """With its jobs and its end; after a rollback there is nothing of it."""
    batches = list[Batch]()

    def fill() -> None:
        with app.transaction() as tx, app.batch("night", conn=tx) as batch:
            batches.append(batch)
            step.using(batch=batch).enqueue(1)
            with pytest.raises(BatchNotFound):
                app.get_batch(batch.id)
            if not is_committed:
                raise KeyError

    if is_committed:
        fill()
        with working(app):
            assert batches[0].wait().succeeded == 1
    else:
        with pytest.raises(KeyError):
            fill()
        assert (app.list_batches(), app.list_jobs()) == ([], [])
        with pytest.raises(BatchNotFound, match="rolled back"):
            batches[0].close()
        with pytest.raises(BatchNotFound, match=f"no batch {batches[0].id}"):
            step.using(batch=batches[0]).enqueue(1)


def test_a_block_that_raises_leaves_the_batch_open(app: Packhorse, step: Step) -> None:
    """It is not what it was to be, so it must not be reported as done."""
    batch = app.batch("night")

    def fill() -> None:
        with batch:
            step.using(batch=batch).enqueue(1)
            raise KeyError

    with pytest.raises(KeyError):
        fill()
    with working(app):
        wait_until(lambda: batch.record().processed == 1, 15, "the job's end")
    assert batch.record().is_open


def test_coroutines_fill_and_wait(app: Packhorse, step: Step) -> None:
    """On a connection of their own, or in the transaction of an `async def` handler, which is that of its end."""
    children = list[Batch]()

    @app.task(name="asplit", atomic=True)
    async def asplit() -> None:
        async with await app.abatch("child") as child:
            await step.using(batch=child).aenqueue(1)
        children.append(child)

    async def fill() -> Batch:
        async with await app.abatch("parent") as parent:
            await asplit.using(batch=parent).aenqueue()
        await parent.await_end()
        return parent

    with working(app):
        parent = asyncio.run(fill())
        record = children[0].wait()
    assert (record.parent_id, record.succeeded) == (parent.id, 1)


def test_cancelled_jobs_are_no_success(app: Packhorse, step: Step, note: Step) -> None:
    """The batch ends without its success."""
    with app.batch("night", on_success=note.call("good"), on_end=note.call("end")) as batch:
        app.cancel(step.using(batch=batch).enqueue(1).id)
    with pytest.raises(BatchFailed, match="0 of 1 jobs failed, 1 were cancelled"):
        batch.wait()
    assert [job.args for job in app.list_jobs(task="note")] == ['["end"]']


def test_progress_and_time_left_are_seen_while_it_runs(app: Packhorse, step: Step) -> None:
    """Nobody can tell before the first one has ended."""
    gate = Gate()

    @app.task(name="slow")
    def slow() -> None:
        gate.wait()

    batch = app.batch("night", expected=4)
    step.using(batch=batch).enqueue(1)
    job = slow.using(batch=batch).enqueue()
    assert batch.record().time_left is None
    with working(app):
        gate.reached()
        wait_until(lambda: batch.record().processed == 1, 15, "the first one's end")
        record = batch.record()
        assert record.time_left is not None
        assert record.time_left > timedelta(0)
        gate.open()
        wait_for(app, job.id, JobState.SUCCEEDED)


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[next(iter(options)) for options, _ in WRONG])
def test_what_is_wrong_is_said(app: Packhorse, options: dict[str, Any], said: str) -> None:
    """Before anything is stored."""
    given: Any = {"name": "night", **options}
    with pytest.raises(ConfigurationError, match=said):
        app.batch(**given)
    assert app.list_batches() == []


def test_a_job_is_no_batch(app: Packhorse, step: Step) -> None:
    """Although both are numbered; a batch is no job to wait for either. The record of a batch will do."""
    job, batch = step.enqueue(1), app.batch("night")
    with pytest.raises(ConfigurationError, match="or by its id, not <JobHandle"):
        step.using(batch=job)
    with pytest.raises(ConfigurationError, match="a batch is named by"):
        app.batch("night", parent=job)
    with pytest.raises(ConfigurationError, match="by their handles or ids, not <Batch"):
        step.using(after=[batch])
    step.using(batch=app.get_batch(batch.id)).enqueue(2)
    assert app.batch("child", parent=batch.record()).record().parent_id == batch.id


def test_keys_that_find_other_jobs_are_refused(app: Packhorse, step: Step) -> None:
    """Those may be in another batch; and of a callback somebody must hear."""
    with pytest.raises(ConfigurationError, match="batch can't be combined with on_duplicate='keep'"):
        step.using(batch=1, unique_key="k", on_duplicate="keep")
    with pytest.raises(ConfigurationError, match="on_end can't have a unique_key"):
        app.batch("night", on_end=step.using(unique_key="k").call(1))
    with pytest.raises(ConfigurationError, match="on_end can't be in a batch itself"):
        app.batch("night", on_end=step.using(batch=1).call(1))


def test_inline_the_waiting_thread_runs_the_jobs(database_url: str) -> None:
    """Also a retry that falls due while it waits."""
    app, tries = Packhorse(database_url, worker="inline"), list[int]()
    app.engine.migrate()

    @app.task(name="second", max_attempts=2, on_error={})
    def second_try(n: int) -> None:
        tries.append(n)

    def fill(batch: Batch) -> None:
        second_try.using(batch=batch).enqueue(1)
        second_try.using(batch=batch, delay=timedelta(milliseconds=50)).enqueue(2)

    assert app.execute_batch(fill, timeout=20).succeeded == 2
    assert tries == [1, 2]
    app.close()


def test_many_threads_fill_one_batch(app: Packhorse, step: Step) -> None:
    """None waits for another one's transaction."""
    batch = app.batch("night")
    barrier = threading.Barrier(4)

    def fill(first: int) -> None:
        with app.transaction():
            app.enqueue_many(step.using(batch=batch).call(n) for n in range(first, first + 50))
            if app.engine.features.concurrent_writers:
                barrier.wait(20)

    threads = [threading.Thread(target=fill, args=(n * 50,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    batch.close()
    with working(app):
        assert batch.wait().succeeded == 200
    assert {member.number for member in app.list_members(batch.id)} == set(range(1, 201))


def test_the_testing_kit_runs_batches(packhorse_kit: Kit) -> None:
    """And their callbacks."""
    app = packhorse_kit.app

    @app.task(name="nothing")
    def nothing() -> None: ...

    with app.batch("night", on_end=nothing.call()) as batch:
        nothing.using(batch=batch).enqueue()
    packhorse_kit.drain()
    assert batch.wait(timeout=1).succeeded == 1
    assert len(app.list_jobs(task="nothing", state="succeeded")) == 2


@pytest.fixture
def packhorse_app() -> Packhorse:
    """An application without tasks yet."""
    return Packhorse()


def test_nothing_is_stored_where_one_of_the_batches_is_not_there(app: Packhorse, step: Step) -> None:
    """Nor counted in the one that is: not even in a transaction that goes on and commits."""
    with app.batch("night") as batch, app.transaction() as tx, pytest.raises(BatchNotFound):
        app.enqueue_many([step.using(batch=batch).call(1), step.using(batch=987_654).call(2)], conn=tx)
    assert (batch.wait().enqueued, app.list_jobs()) == (0, [])


@pytest.mark.accepts("M24", "M28")
def test_who_waits_for_a_batch_that_is_given_up_is_told_why(app: Packhorse, step: Step) -> None:
    """It is no success although all of its jobs have succeeded: more were to come."""
    batch = app.batch("month end", expected=3)
    with working(app):
        wait_for(app, step.using(batch=batch).enqueue(1).id)
        app.cancel_batch(batch.id, by="kim", why="its program has died")
        with pytest.raises(BatchFailed) as error:
            batch.wait()
    assert str(error.value) == f"batch {batch.id} (month end): cancelled by kim: its program has died"
    assert (error.value.job_ids, error.value.count) == ((), 0)
    record = batch.record()
    assert (record.state, record.processed, record.total, record.expected) == ("cancelled", 1, 1, 3)
