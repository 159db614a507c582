"""What a handler returned, waited for from any process."""

import asyncio
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from packhorse import Backoff, Cancel, Fail, JobFailed, JobHandle, JobNotFound, JobNotKept, Packhorse, ResultTimeout
from packhorse.testing import Kit

pytestmark = pytest.mark.accepts("C27")


@dataclass(frozen=True)
class Receipt:
    """A result of a class of the application's own."""

    total: Decimal
    on: date


@pytest.fixture
def packhorse_app() -> Packhorse:
    """An application without tasks yet."""
    return Packhorse()


@pytest.fixture
def app(packhorse_kit: Kit) -> Packhorse:
    """The same, with a database."""
    return packhorse_kit.app


def test_the_result_comes_back_as_it_was_returned(app: Packhorse, packhorse_kit: Kit) -> None:
    """By the annotation of the function; also through a handle made from the id alone."""

    @app.task(name="receipt")
    def receipt(total: Decimal) -> Receipt:
        return Receipt(total, date(2026, 2, 28))

    handle = receipt.enqueue(Decimal("12.50"))
    packhorse_kit.drain()

    assert handle.result(timeout=1) == Receipt(Decimal("12.50"), date(2026, 2, 28))
    assert app.job(handle.id).result() == Receipt(Decimal("12.50"), date(2026, 2, 28))
    assert asyncio.run(handle.aresult(timeout=timedelta(seconds=1))) == Receipt(Decimal("12.50"), date(2026, 2, 28))


def test_the_handle_of_a_rolled_back_job_is_never_another_jobs(app: Packhorse) -> None:
    """SQLite gives the id again to the next one, whose result is nobody else's."""

    @app.task(name="echo")
    def echo(text: str) -> str:
        return text

    undone = list[JobHandle[str]]()
    with suppress(KeyError), app.transaction():
        undone.append(echo.enqueue("undone"))
        raise KeyError
    done = echo.enqueue("done")
    app.run_pending()

    assert done.result(timeout=1) == "done"
    for ask in (undone[0].record, undone[0].result, lambda: asyncio.run(undone[0].aresult())):
        with pytest.raises(JobNotFound, match="rolled back"):
            ask()


@pytest.mark.accepts("C24")
def test_inline_a_job_that_falls_due_while_somebody_waits_is_run(database_url: str) -> None:
    """A delayed one and a retry; there is no worker that would do it."""
    app = Packhorse(database_url, worker="inline")
    app.engine.migrate()
    tries = list[int]()

    @app.task(name="flaky", backoff=Backoff(first=timedelta(milliseconds=100)))
    def flaky(number: int) -> int:
        tries.append(number)
        if tries.count(number) < 2:
            raise OSError("not yet")
        return number

    late = flaky.using(delay=timedelta(milliseconds=200)).enqueue(1)
    assert late.result(timeout=10) == 1
    assert asyncio.run(flaky.enqueue(2).aresult(timeout=10)) == 2
    assert sorted(tries) == [1, 1, 2, 2]
    app.close()


def test_a_result_is_waited_for(app: Packhorse) -> None:
    """Until another thread, or process, has run the job; a sync and an async waiter at once."""

    @app.task(name="answer")
    def answer() -> int:
        return 42

    handle = answer.enqueue()
    runner = threading.Timer(0.2, app.run_pending)
    runner.start()

    async def wait() -> list[int]:
        return list(await asyncio.gather(handle.aresult(timeout=10), asyncio.to_thread(handle.result, 10)))

    assert asyncio.run(wait()) == [42, 42]
    runner.join()


def test_another_process_gets_it_too(app: Packhorse, packhorse_kit: Kit) -> None:
    """One that knows nothing of the task takes the plain JSON value."""

    @app.task(name="add")
    def add(a: int, b: int) -> dict[str, int]:
        return {"sum": a + b}

    handle = add.enqueue(1, 2)
    place = f"{packhorse_kit.url!r}, schema={packhorse_kit.schema!r}"
    code = f"from packhorse import Packhorse; print(Packhorse({place}).job({handle.id}).result(timeout=20))"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    packhorse_kit.drain()

    assert other.communicate(timeout=60)[0].strip() == "{'sum': 3}"


def test_a_job_that_has_not_finished_in_time_says_so(app: Packhorse) -> None:
    """ResultTimeout is a TimeoutError, too; a timeout of zero looks once."""

    @app.task(name="never")
    def never() -> None: ...

    handle = never.enqueue()

    with pytest.raises(ResultTimeout, match=f"job {handle.id} has not finished"):
        handle.result(timeout=0)
    with pytest.raises(TimeoutError):
        asyncio.run(handle.aresult(timeout=0.02))


@pytest.mark.parametrize(
    ("raised", "state", "reason", "error_type"),
    [
        (Fail("no such customer"), "failed", "no such customer", None),
        (Cancel("not wanted"), "cancelled", "not wanted", None),
        (ValueError("wrong"), "failed", None, "ValueError"),
    ],
)
def test_a_job_that_did_not_succeed_raises_with_the_reason(
    app: Packhorse, raised: Exception, state: str, reason: str | None, error_type: str | None
) -> None:
    """State, reason and the handler's exception are attributes."""

    @app.task(name="refuse", max_attempts=1)
    def refuse() -> None:
        raise raised

    handle = refuse.enqueue()
    app.run_pending()

    with pytest.raises(JobFailed, match=str(raised)) as failed:
        handle.result(timeout=1)
    assert (failed.value.job_id, failed.value.state, failed.value.reason) == (handle.id, state, reason)
    assert failed.value.error_type in (error_type, type(raised).__name__)


def test_a_job_that_is_not_there_is_not_waited_for(app: Packhorse) -> None:
    """Its transaction was rolled back, say."""

    @app.task(name="gone")
    def gone() -> None: ...

    handles: list[JobHandle[None]] = []

    def enqueue_in_vain() -> None:
        with app.transaction() as tx:
            handles.append(gone.using(conn=tx).enqueue())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        enqueue_in_vain()
    [handle] = handles
    with pytest.raises(JobNotFound, match="rolled back"):
        handle.result(timeout=10)
    with pytest.raises(JobNotFound):
        handle.record()
    with pytest.raises(JobNotFound):
        app.job(handle.id)
    assert app.find_job(handle.id) is None


def test_a_result_can_be_switched_off(app: Packhorse, packhorse_kit: Kit) -> None:
    """keep_result=False: nothing is stored, the result is None."""

    @app.task(name="silent", keep_result=False)
    def silent() -> int:
        return 42

    handle = silent.enqueue()
    run = packhorse_kit.run_one()

    assert handle.result(timeout=1) is None
    assert run.job.record.result is None


def test_a_result_that_is_too_big_does_not_fail_the_job(app: Packhorse, packhorse_kit: Kit) -> None:
    """64 KiB; what was done is done, the record says why there is no result."""

    @app.task(name="big")
    def big() -> str:
        return "x" * 70_000

    big.enqueue()
    run = packhorse_kit.run_one()

    assert (run.outcome, run.result) == ("success", None)
    assert "result" in str(run.job.record.reason)


def test_handles_are_values(app: Packhorse) -> None:
    """Equal by id, so that sets of them work."""

    @app.task(name="one")
    def one() -> None: ...

    handle = one.enqueue()

    assert {handle, app.job(handle.id)} == {handle}
    assert repr(handle) == f"<JobHandle {handle.id}>"


@pytest.mark.accepts("C21")
def test_a_job_whose_queue_keeps_none_has_no_result_and_says_why(app: Packhorse, packhorse_kit: Kit) -> None:
    """Not that there never was one; a job that failed there is kept, and so says what went wrong."""

    @app.task(name="divide", queue="brief", max_attempts=1)
    def divide(by: int) -> float:
        return 1 / by

    app.queues.set("brief", keep_succeeded=timedelta(0))
    good, bad = divide.enqueue(1), divide.enqueue(0)
    found = app.job(good.id)
    packhorse_kit.drain(raising=False)

    for handle in (good, found):
        with pytest.raises(JobNotKept, match="its queue brief keeps no succeeded jobs"):
            handle.result(timeout=1)
    with pytest.raises(JobNotKept):
        asyncio.run(good.aresult(timeout=1))
    with pytest.raises(JobFailed, match="division by zero"):
        bad.result(timeout=1)
