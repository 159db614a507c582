"""Packages lock their records, and take over the locks that the application has."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from packhorse import Context, JobState, Packhorse, Skip, UsageError
from packhorse.domain.package import LockRecord, Reference
from packhorse.errors import RecordLocked
from packhorse.workpackages.package import WorkPackage
from tests.integration.worker_kit import wait_for, working

HOUR = timedelta(hours=1)
A, B, C = (Reference("order", letter) for letter in "abc")


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


def held(app: Packhorse) -> dict[str, int | str | None]:
    """By whom records are locked."""
    return {lock.record.key: lock.job_id or lock.owner for lock in app.find_locks(A, B, C)}


@pytest.mark.accepts("M19")
def test_a_package_holds_its_records_until_it_has_ended(app: Packhorse) -> None:
    """Kept on a skip, free in what follows its success."""
    seen: list[Any] = []

    def run(ctx: Context, package: WorkPackage) -> None:
        seen.append(held(app))
        if len(seen) == 1:
            raise Skip("not yet")

    bill = app.work_package(name="bill")(run)
    job = bill.package().add(A, B).lock().enqueue()
    with pytest.raises(RecordLocked, match="order:a"):
        bill.package().add(C, A).lock().enqueue()
    assert app.count_jobs()[JobState.AVAILABLE] == 1
    with working(app):
        wait_for(app, job.id, JobState.SCHEDULED)
        assert held(app) == {"a": job.id, "b": job.id}
        app.cancel(job.id)
    assert held(app) == {}
    again = bill.package().add(A).lock("ignore").enqueue()
    with working(app):
        wait_for(app, again.id, JobState.SUCCEEDED)
    assert (seen[0], seen[-1], held(app)) == ({"a": job.id, "b": job.id}, {"a": again.id}, {})


@pytest.mark.accepts("M19")
def test_a_lock_of_the_applications_is_handed_over_in_one_transaction(app: Packhorse) -> None:
    """With the enqueue, or not at all; the rest is released at the end of the block."""
    bill = app.work_package(name="bill")(lambda package: None)
    with app.lock_records(A, B, C, owner="import") as lock:
        assert held(app) == {"a": "import", "b": "import", "c": "import"}
        with suppress(ZeroDivisionError), app.transaction() as tx:
            bill.package(conn=tx).add(A).lock(over=lock).enqueue()
            raise ZeroDivisionError
        assert app.find_locks(A) == [LockRecord(A, None, "import")]
        job = bill.package().add(A, B).lock(over=lock).enqueue()
    assert held(app) == {"a": job.id, "b": job.id}


def test_a_lock_belongs_to_the_callers_transaction(app: Packhorse) -> None:
    """It is gone with its rollback, and the block's own error is what is raised."""
    with pytest.raises(ZeroDivisionError), app.transaction() as tx, app.lock_records(A, conn=tx):
        raise ZeroDivisionError
    assert held(app) == {}
    with app.transaction() as tx:
        lock = app.lock_records(A, B, conn=tx)
    assert lock.records == [A, B]
    assert (set(held(app).values()), lock.release()) == ({lock.owner}, 2)


def test_coroutines_lock_as_well(app: Packhorse) -> None:
    """With the same rules."""
    bill = app.work_package(name="bill")(lambda package: None)

    async def run() -> None:
        async with await app.alock_records(A, B) as lock:
            await bill.package().add(A).lock(over=lock).aenqueue()

    asyncio.run(run())
    assert list(held(app)) == ["a"]


@pytest.mark.accepts("M19")
def test_a_handler_hands_its_locks_over_to_a_further_package(app: Packhorse) -> None:
    """Which it enqueues in its own transaction."""
    further: list[int] = []

    ship = app.work_package(name="ship")(lambda package: None)

    def run(package: WorkPackage) -> None:
        further.append(ship.package(delay=HOUR).add(A).lock(over=package).enqueue().id)

    bill = app.work_package(name="bill")(run)
    first = bill.package().add(A).lock().enqueue()
    with working(app):
        wait_for(app, first.id, JobState.SUCCEEDED)
    assert held(app) == {"a": further[0]}


def handle(record: Any) -> None:
    """Called with a package, or with each of its records."""


async def ahandle(record: Any) -> None:
    """The same as a coroutine."""


@pytest.mark.accepts("M19")
@pytest.mark.parametrize("each", [False, True], ids=["whole", "each"])
@pytest.mark.parametrize("handler", [handle, ahandle], ids=["function", "coroutine"])
def test_a_missing_lock_is_tolerated_and_logged(
    app: Packhorse, caplog: pytest.LogCaptureFixture, handler: Callable[[Any], Any], *, each: bool
) -> None:
    """When a package is retried whose records another one has locked meanwhile."""
    app.record_type("order", dict, key=str, load=lambda tx, keys: {key: {} for key in keys})
    bill = app.work_package(name="bill", each=each)(handler)
    first = bill.package().add(A, B).lock().enqueue()
    app.cancel(first.id)
    bill.package(delay=HOUR).add(A).lock().enqueue()
    app.retry(first.id)
    with caplog.at_level(logging.WARNING), working(app):
        wait_for(app, first.id, JobState.SUCCEEDED)
    assert f"package {first.id} holds 1 of the 2 locks" in caplog.text


@pytest.mark.accepts("M19")
def test_a_worker_releases_temporary_locks_at_its_start(app: Packhorse) -> None:
    """Others stay until somebody releases them."""
    app.lock_records(A, auto_cleanup=True)
    app.lock_records(B, owner="import")
    with working(app):
        assert held(app) == {"b": "import"}
    assert app.release_records("import") == 1


def test_how_to_lock_is_checked(app: Packhorse) -> None:
    """At once."""
    bill = app.work_package(name="bill")(lambda package: None)
    with pytest.raises(UsageError, match="on_locked"):
        bill.package().lock("wait")  # type: ignore[arg-type]
