"""Everything a producer and an operator does through the application."""

import asyncio
import os
import signal
import threading
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import packhorse.app
import packhorse.notifiers.local
from packhorse import ConfigurationError, DatabaseError, JobNotFound, JobState, Packhorse, PayloadError, SignatureError
from packhorse.notifiers.local import LocalNotifier
from packhorse.testing import Kit

DAY = timedelta(days=1)


@pytest.fixture
def packhorse_app() -> Packhorse:
    """An application without tasks yet."""
    return Packhorse()


@pytest.fixture
def app(packhorse_kit: Kit) -> Packhorse:
    """The same, with a database."""
    return packhorse_kit.app


def test_a_job_is_stored_as_it_was_asked_for(app: Packhorse) -> None:
    """With the task's defaults, and what `using` says over them."""

    @app.task(name="send", queue="mail", priority="low")
    def send(number: int, *, copy: bool = False) -> None: ...

    plain = send.enqueue(1).record()
    later = send.using(queue="slow", priority="urgent", delay=DAY, expected_in=2 * DAY, max_attempts=9).enqueue(
        2, copy=True
    )
    record = later.record()

    assert (plain.task, plain.queue, plain.priority, plain.state) == ("send", "mail", 7, JobState.AVAILABLE)
    assert (plain.args, plain.kwargs, plain.max_attempts, plain.order_at) == ("[1]", None, None, plain.enqueued_at)
    assert (record.queue, record.priority, record.state, record.max_attempts) == ("slow", 1, JobState.SCHEDULED, 9)
    assert (record.args, record.kwargs) == ("[2]", '{"copy":true}')
    assert record.scheduled_at == record.enqueued_at + DAY
    assert record.expected_at == record.order_at == record.enqueued_at + 2 * DAY


def test_a_moment_is_stored_as_it_was_given(app: Packhorse) -> None:
    """To the microsecond, in any time zone; one in the past is due at once."""

    @app.task(name="send")
    def send() -> None: ...

    moment = datetime(2040, 2, 29, 12, 30, 15, 123456, UTC)
    future = send.using(scheduled_at=moment).enqueue().record()
    past = send.using(scheduled_at=datetime(2020, 1, 1, tzinfo=UTC)).enqueue().record()

    assert (future.scheduled_at, future.order_at, future.state) == (moment, moment, JobState.SCHEDULED)
    assert past.state is JobState.AVAILABLE


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((1,), SignatureError, "missing a required argument"),
        ((1, 2, 3), SignatureError, "too many positional"),
        ((1, float("nan")), PayloadError, r"args\[1\]"),
        ((1, {"a": object()}), PayloadError, r"args\[1\]\.a"),
        ((1, "\x00"), PayloadError, r"args\[1\]"),
        ((1, "x" * 300_000), PayloadError, "256 KiB|262"),
    ],
)
def test_a_wrong_call_is_refused_when_it_is_enqueued(
    app: Packhorse, args: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    """By enqueue, by its twin, by name and among many; nothing is stored."""

    @app.task(name="send")
    def send(number: int, thing: Any) -> None: ...

    with pytest.raises(error, match=message):
        send.enqueue(*args)
    with pytest.raises(error, match=message):
        asyncio.run(send.aenqueue(*args))
    with pytest.raises(error, match=message):
        app.enqueue("send", *args)
    with pytest.raises(error, match=message):
        app.enqueue_many([send.call(1, 2), send.call(*args)])
    assert app.list_jobs() == []


def test_enqueue_by_name_for_code_that_is_elsewhere(app: Packhorse, packhorse_kit: Kit) -> None:
    """Plain JSON, any name; with options through `named`."""
    app.enqueue("shop.jobs.send_invoice", 42, copy=True)
    app.named("shop.jobs.send_invoice").using(delay=DAY).enqueue(43)

    packhorse_kit.assert_enqueued("shop.jobs.send_invoice", 42, copy=True, delay=timedelta(0))
    packhorse_kit.assert_enqueued("shop.jobs.send_invoice", 43, delay=DAY)
    with pytest.raises(PayloadError, match=r"args\[0\]"):
        app.enqueue("shop.jobs.send_invoice", DAY)


def test_many_are_stored_in_order_or_not_at_all(app: Packhorse, packhorse_kit: Kit) -> None:
    """Also when there are more than one statement takes, and from a generator."""

    @app.task(name="send")
    def send(number: int) -> None: ...

    handles = app.enqueue_many(send.call(number) for number in range(1203))
    asyncio.run(app.aenqueue_many([send.using(queue="slow").call(number) for number in range(3)]))

    ids = [handle.id for handle in handles]
    assert ids == sorted(ids)
    assert [app.get_job(ids[number]).args for number in (0, 500, 1202)] == ["[0]", "[500]", "[1202]"]
    packhorse_kit.assert_enqueued(send, queue="slow", count=3)
    packhorse_kit.assert_enqueued(send, count=1206)
    assert app.enqueue_many([]) == []


@pytest.mark.parametrize("at", [0, 1_500, 2_499])
def test_of_many_statements_full_all_are_stored_or_none(app: Packhorse, at: int) -> None:
    """Wherever the one is that can't be: on a server the first ones are under way by then."""

    @app.task(name="send")
    def send(number: int) -> None: ...

    calls = [send.call(n) for n in range(2_500)]
    with pytest.raises(PayloadError):
        app.enqueue_many([*calls[:at], send.call(object()), *calls[at:]])  # type: ignore[arg-type]
    before = app.count_jobs()[JobState.AVAILABLE]
    jobs = app.enqueue_many(calls)

    assert before == 0
    assert app.count_jobs()[JobState.AVAILABLE] == len(calls)
    assert [jobs[n].record().args for n in (0, 999, 1_000, 2_000, 2_499)] == [
        "[0]",
        "[999]",
        "[1000]",
        "[2000]",
        "[2499]",
    ]


def test_many_with_large_arguments_go_in_statements_of_a_bearable_size(app: Packhorse) -> None:
    """A server takes no message of more than a gigabyte, and nobody wants one; their order stays."""

    @app.task(name="send")
    def send(text: str, number: int) -> None: ...

    jobs = app.enqueue_many([send.call("ü" * 100_000, n) for n in range(100)])

    assert [job.record().args.rpartition(",")[2] for job in jobs[::33]] == ["0]", "33]", "66]", "99]"]
    assert app.count_jobs()[JobState.AVAILABLE] == 100


def test_many_are_refused_whole_by_a_server_that_breaks_off(app: Packhorse, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored before the trouble is rolled back, and the next enqueue works."""

    @app.task(name="send")
    def send(number: int) -> None: ...

    calls = [send.call(n) for n in range(2_500)]
    with monkeypatch.context() as broken:
        broken.setattr(app.engine, "_installation", "another one")
        with pytest.raises(DatabaseError, match="nothing was enqueued"):
            app.enqueue_many(calls)
    before = app.count_jobs()[JobState.AVAILABLE]
    app.enqueue_many(calls)

    assert (before, app.count_jobs()[JobState.AVAILABLE]) == (0, 2_500)


@pytest.mark.parametrize("wrong", [1, "send", None, ("send", 1)])
def test_many_of_something_else_are_refused(app: Packhorse, wrong: Any) -> None:
    """The message shows what a call looks like; nothing is stored."""
    with pytest.raises(TypeError, match=r"enqueue_many takes calls, such as send_invoice\.call\(42\), not"):
        app.enqueue_many([app.named("send").call(1), wrong])

    assert app.list_jobs() == []


def test_coroutines_have_twins(app: Packhorse, packhorse_kit: Kit) -> None:
    """aenqueue, by task and by name, on the loop of the caller without blocking it."""

    @app.task(name="send")
    async def send(number: int) -> int:
        return number

    async def produce() -> list[int]:
        handles = [await send.aenqueue(1), await app.aenqueue("send", 2), await send.using(priority=1).aenqueue(3)]
        await packhorse_kit.adrain()
        return [await handle.aresult(timeout=5) for handle in handles]

    assert asyncio.run(produce()) == [1, 2, 3]


def test_jobs_are_listed_by_state_queue_and_task(app: Packhorse) -> None:
    """The newest first, page by page; a mistyped state is refused."""

    @app.task(name="send")
    def send(number: int) -> None: ...

    ids = [handle.id for handle in app.enqueue_many(send.using(queue=f"q{n % 2}").call(n) for n in range(6))]
    other = app.enqueue("other").id

    assert [job.id for job in app.list_jobs(limit=2)] == [other, ids[5]]
    assert [job.id for job in app.list_jobs(limit=2, before_id=ids[5])] == [ids[4], ids[3]]
    assert [job.id for job in app.list_jobs(queue="q1", task="send", state="available")] == [ids[5], ids[3], ids[1]]
    assert app.list_jobs(state=JobState.FAILED) == []
    assert {queue.name for queue in app.list_queues()} == {"default", "q0", "q1"}
    assert app.count_jobs()[JobState.AVAILABLE] == 7
    with pytest.raises(ConfigurationError, match="no state 'avaliable'"):
        app.list_jobs(state="avaliable")
    with pytest.raises(ConfigurationError, match="limit"):
        app.list_jobs(limit=0)


def test_jobs_are_cancelled_and_retried(app: Packhorse, packhorse_kit: Kit) -> None:
    """One or many; those that can't be are left out of the answer."""

    @app.task(name="send", max_attempts=1)
    def send(fails: bool) -> None:
        if fails:
            raise ValueError("no")

    waiting, failing, done = send.using(delay=DAY).enqueue(False), send.enqueue(True), send.enqueue(False)
    packhorse_kit.drain(raising=False)

    assert app.cancel(waiting.id, failing.id, done.id, 10**9).ids == {waiting.id}
    assert app.retry(waiting.id, failing.id, done.id).ids == {waiting.id, failing.id}
    assert [app.get_job(one.id).state for one in (waiting, failing, done)] == [
        JobState.AVAILABLE,
        JobState.AVAILABLE,
        JobState.SUCCEEDED,
    ]
    assert [attempt.error_message for attempt in app.list_attempts(failing.id)] == ["no"]
    with pytest.raises(JobNotFound, match="no job 1000000000"):
        app.get_job(10**9)


def test_an_application_survives_a_fork_of_its_process(app: Packhorse) -> None:
    """A server that forks after the application was used enqueues in every child, over connections of its own."""

    @app.task(name="send")
    def send(number: int) -> None: ...

    send.enqueue(0)
    warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks beside threads, which is the point
    children = []
    for number in range(1, 4):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                send.enqueue(number)
                app.close()
                status = 0
            finally:
                os._exit(status)
        children.append(child)

    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert sorted(job.args for job in app.list_jobs()) == ["[0]", "[1]", "[2]", "[3]"]


def test_a_fork_beside_an_embedded_worker_leaves_its_locks_behind(app: Packhorse) -> None:
    """At that moment some thread of the parent may hold any of them; the child has no such thread, and no worker."""
    held = threading.Lock()
    worker = LocalNotifier(app.engine.address)
    worker.listen(lambda: held.release() if held.acquire() else None)
    warnings.simplefilter("ignore", DeprecationWarning)
    with held, packhorse.notifiers.local._lock, packhorse.app._opening:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            status = 1
            try:
                app.enqueue("send", 1)
                worker.close()
                app.close()
                status = 0
            finally:
                os._exit(status)

    assert os.waitpid(child, 0)[1] == 0
    assert app.count_jobs()[JobState.AVAILABLE] == 1
    worker.close()
