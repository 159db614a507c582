"""What a work package came to, waited for by whoever enqueued it."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from packhorse import (
    JobFailed,
    JobHandle,
    JobRolledBack,
    JobState,
    Packhorse,
    Reference,
    ResultTimeout,
    Skip,
    WorkPackage,
)
from packhorse.workpackages.task import PackageTask
from tests.integration.connections.shop import other_connection
from tests.integration.worker_kit import working, written_app

pytestmark = pytest.mark.accepts("M21")

ORDERS = [Reference("order", str(number)) for number in range(3)]
WRITTEN = """
import os
from packhorse import Packhorse, WorkPackage

app = Packhorse(os.environ["WRITTEN_APP_URL"])

@app.work_package
def count(package: WorkPackage) -> int:
    return len(package)
"""


class Billing:
    """A task of work packages whose handler does what the test says next."""

    def __init__(self, app: Packhorse) -> None:
        self.app = app
        self.next: list[Exception] = []
        """What the next runs raise, in this order; after that they return."""
        self.task: PackageTask[int] = app.work_package(name="bill")(self.bill)

    def bill(self, package: WorkPackage) -> int:
        """Return how many orders there are."""
        if self.next:
            raise self.next.pop(0)
        return len(package)

    def enqueue(self, count: int = 3, conn: object | None = None) -> JobHandle[int]:
        """A package of some orders."""
        return self.task.package(conn=conn).add(*ORDERS[:count]).enqueue()


@pytest.fixture
def billing(database_url: str) -> Iterator[Billing]:
    """An application with that task."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield Billing(app)
    app.close()


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    """Where others wait."""
    with ThreadPoolExecutor(4) as executor:
        yield executor


def test_the_result_of_a_package_is_what_its_handler_returned(billing: Billing) -> None:
    """Waited for by a thread and by a coroutine, while a worker runs it."""

    async def both(handle: JobHandle[int]) -> list[int]:
        return list(await asyncio.gather(handle.aresult(timeout=20), asyncio.to_thread(handle.result, 20)))

    with working(billing.app):
        assert asyncio.run(both(billing.enqueue())) == [3, 3]


def test_a_package_that_is_enqueued_by_a_coroutine_is_waited_for_alike(billing: Billing) -> None:
    """`aenqueue` and `aresult`."""

    async def enqueue_and_wait() -> int:
        handle = await billing.task.package().add(*ORDERS).aenqueue()
        return await handle.aresult(timeout=20)

    with working(billing.app):
        assert asyncio.run(enqueue_and_wait()) == 3


def test_an_error_of_the_handler_is_raised_to_whoever_waits(billing: Billing) -> None:
    """With its message; in a coroutine, too."""
    billing.next.append(ValueError("no such rate"))
    handle = billing.enqueue()
    billing.app.run_pending()

    with pytest.raises(JobFailed, match="ValueError: no such rate"):
        handle.result(timeout=1)
    with pytest.raises(JobFailed, match="ValueError: no such rate"):
        asyncio.run(handle.aresult(timeout=1))


def test_a_skip_is_no_end_of_the_wait(billing: Billing, aside: ThreadPoolExecutor) -> None:
    """Who waits goes on until the package is done."""
    billing.next.append(Skip("not yet", after=timedelta(milliseconds=300)))
    handle = billing.enqueue()
    billing.app.run_pending()
    assert (handle.record().skips, handle.record().state) == (1, JobState.SCHEDULED)
    with pytest.raises(ResultTimeout):
        handle.result(timeout=0)

    waiting = aside.submit(handle.result, 20)
    with working(billing.app):
        assert waiting.result(timeout=20) == 3
    assert handle.record().skips == 1


def test_who_waits_is_answered_once_and_a_retry_is_another_wait(billing: Billing) -> None:
    """A package that failed has failed for its waiter; whoever asks after somebody's retry waits for that run."""
    billing.next.append(ValueError("wrong"))
    handle = billing.enqueue()
    billing.app.run_pending()
    with pytest.raises(JobFailed):
        handle.result(timeout=1)

    billing.app.retry(handle.id)
    with pytest.raises(ResultTimeout):
        handle.result(timeout=0)
    billing.app.run_pending()
    assert handle.result(timeout=1) == 3


def test_another_package_of_the_same_records_answers_nobody_who_waits_for_the_first(billing: Billing) -> None:
    """Each handle is that of one package, whatever is enqueued again."""
    first = billing.enqueue()
    billing.app.run_pending()
    second = billing.enqueue(2)

    assert first.result(timeout=1) == 3
    with pytest.raises(ResultTimeout):
        second.result(timeout=0)
    billing.app.run_pending()
    assert (first.result(timeout=1), second.result(timeout=1)) == (3, 2)


def test_another_thread_waits_for_the_commit_and_then_for_the_end(billing: Billing, aside: ThreadPoolExecutor) -> None:
    """Where `app.transaction` sees the commit; who has the transaction open himself would wait in vain."""
    with working(billing.app):
        with billing.app.transaction() as tx:
            handle = billing.enqueue(conn=tx)
            waiting = aside.submit(handle.result, 20)
            late = aside.submit(handle.result, 0.05)
            with pytest.raises(ResultTimeout):
                late.result(timeout=20)
            assert not waiting.done()
        assert waiting.result(timeout=20) == 3


@pytest.mark.accepts("M2")
def test_a_rollback_ends_the_wait_of_others_with_an_error(billing: Billing, aside: ThreadPoolExecutor) -> None:
    """Where `app.transaction` sees it; a waiting coroutine is told, too."""
    waiting: list[Future[Any]] = []
    handles: list[JobHandle[int]] = []
    with suppress(ZeroDivisionError), billing.app.transaction() as tx:
        handles.append(handle := billing.enqueue(conn=tx))
        waiting += [aside.submit(handle.result, 20), aside.submit(asyncio.run, handle.aresult(20))]
        raise ZeroDivisionError

    for one in waiting:
        with pytest.raises(JobRolledBack, match=r"was rolled back, and the job with it"):
            one.result(timeout=20)
    with pytest.raises(JobRolledBack):
        handles[0].record()


@pytest.mark.accepts("M2")
def test_the_handle_of_a_package_that_was_rolled_back_is_not_that_of_the_next_one(billing: Billing) -> None:
    """SQLite gives the number again, and all packages of a task are called alike."""
    undone: list[JobHandle[int]] = []
    with suppress(ZeroDivisionError), billing.app.transaction() as tx:
        undone.append(billing.enqueue(conn=tx))
        raise ZeroDivisionError
    done = billing.enqueue()
    billing.app.run_pending()

    assert done.result(timeout=1) == 3
    with pytest.raises(JobRolledBack):
        undone[0].result(timeout=1)


@pytest.mark.accepts("M2")
def test_a_savepoint_that_is_undone_ends_the_wait_for_what_was_enqueued_in_it(
    billing: Billing, database_url: str
) -> None:
    """And for nothing else in the transaction."""
    inside: list[JobHandle[int]] = []
    with billing.app.transaction(other_connection(database_url)) as tx:
        outside = billing.enqueue(conn=tx)
        with suppress(ZeroDivisionError), billing.app.transaction(tx.connection) as inner:
            inside.append(billing.enqueue(2, conn=inner))
            raise ZeroDivisionError
    tx.connection.close()
    billing.app.run_pending()

    assert outside.result(timeout=1) == 3
    with pytest.raises(JobRolledBack):
        inside[0].result(timeout=1)


def test_inline_the_result_is_there_after_the_commit(database_url: str) -> None:
    """No worker is needed."""
    app = Packhorse(database_url, worker="inline")
    app.engine.migrate()
    billing = Billing(app)
    with app.transaction() as tx:
        handle = billing.enqueue(conn=tx)

    assert handle.result(timeout=5) == 3
    app.close()


def test_a_process_waits_for_what_the_worker_of_another_one_runs(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a web process does: it enqueues, and learns the result; it runs nothing itself."""
    with written_app(WRITTEN, database_url, tmp_path, monkeypatch) as app:
        code = (
            "from written_app import count; from packhorse import Reference;"
            "print(count.package().add(Reference('order', '1')).enqueue().result(timeout=30))"
        )
        web = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        with working(app):
            assert web.communicate(timeout=60)[0].strip() == "1"
