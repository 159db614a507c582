"""A lock on records belongs to the caller's transaction, on every kind of connection."""

from contextlib import closing
from typing import Any

import pytest

from packhorse import Packhorse, RecordLock, RecordLocked, Reference, WorkPackage, WrongDatabase
from packhorse.batching import Batch
from packhorse.workpackages.builder import PackageBuilder
from packhorse.workpackages.task import PackageTask
from tests.integration.connections.shop import Shop, another_database, other_connection
from tests.integration.connections.wired import Wired

A, B, C = (Reference("order", letter) for letter in "abc")


def bill(package: WorkPackage) -> None:
    """Handle a package; nobody runs it here."""


@pytest.fixture
def task(shop: Shop) -> PackageTask[None]:
    """A task of work packages."""
    return shop.app.work_package(name="shop.bill")(bill)


def locked(wired: Wired, app: Packhorse, *records: Reference) -> RecordLock:
    """Lock records on the connection, as its kind is used."""
    if wired.is_async:
        lock: RecordLock = wired.run(app.alock_records(*records, owner="import", conn=wired.raw))  # type: ignore[attr-defined]
        return lock
    return app.lock_records(*records, owner="import", conn=wired.raw)


def released(wired: Wired, app: Packhorse) -> int:
    """Release them there."""
    if wired.is_async:
        return int(wired.run(app.arelease_records("import", conn=wired.raw)))  # type: ignore[attr-defined]
    return app.release_records("import", conn=wired.raw)


def enqueued(wired: Wired, builder: PackageBuilder[None]) -> int:
    """Enqueue a package that was built for the connection; its number."""
    return int((wired.run(builder.aenqueue()) if wired.is_async else builder.enqueue()).id)  # type: ignore[attr-defined]


def held(app: Packhorse) -> dict[str, int | str | None]:
    """By whom records are locked, for everybody else."""
    return {lock.record.key: lock.job_id or lock.owner for lock in app.find_locks(A, B, C)}


@pytest.mark.accepts("M1", "M19")
def test_a_lock_commits_with_the_callers_row(shop: Shop, wired: Wired, task: PackageTask[None]) -> None:
    """The application's own, what a package takes over of it, and what is released; nobody sees it before."""
    wired.begin()
    wired.write()
    lock = locked(wired, shop.app, A, B)
    id = enqueued(wired, task.package(conn=wired.raw).add(A, C).lock(over=lock))
    assert held(shop.app) == {}
    wired.commit()
    assert held(shop.app) == {"a": id, "b": "import", "c": id}

    wired.begin()
    wired.write()
    assert released(wired, shop.app) == 1
    wired.commit()
    assert held(shop.app) == {"a": id, "c": id}


@pytest.mark.accepts("M2", "M19", "M23")
def test_a_rollback_leaves_no_lock_and_no_count(shop: Shop, wired: Wired, task: PackageTask[None]) -> None:
    """The records are free, or their owner's again; the batch has as many packages as before."""
    batch = shop.app.batch("month end")
    task.package(batch=batch).add(C).enqueue()
    shop.app.lock_records(A, owner="import")
    wired.begin()
    wired.write()
    enqueued(wired, task.package(conn=wired.raw, batch=batch).add(A, B).lock(over="import"))
    wired.rollback()

    assert held(shop.app) == {"a": "import"}
    assert (counted(shop, batch), shop.count_jobs(), shop.count_sales()) == (1, 1, 0)
    wired.begin()
    enqueued(wired, task.package(conn=wired.raw, batch=batch).add(B).lock())
    wired.commit()
    assert (counted(shop, batch), list(held(shop.app))) == (2, ["a", "b"])


@pytest.mark.accepts("M2", "M19")
@pytest.mark.parametrize("keep", [True, False], ids=["released", "rolled-back"])
def test_a_savepoint_decides_on_the_locks_taken_in_it(
    shop: Shop, wired: Wired, task: PackageTask[None], keep: bool
) -> None:
    """One outside is untouched by it."""
    wired.begin()
    wired.write()
    outside, inside = enqueued(wired, task.package(conn=wired.raw).add(A).lock()), list[int]()
    wired.in_savepoint(lambda: inside.append(enqueued(wired, task.package(conn=wired.raw).add(B).lock())), keep=keep)
    wired.commit()
    assert held(shop.app) == {"a": outside, **({"b": inside[0]} if keep else {})}


@pytest.mark.accepts("M19")
def test_the_transaction_goes_on_after_a_refusal(shop: Shop, wired: Wired, task: PackageTask[None]) -> None:
    """Nothing of the package, and none of its locks, is in it."""
    first = task.package().add(B).lock().enqueue().id
    wired.begin()
    wired.write()
    with pytest.raises(RecordLocked, match=f"order:b is locked by job {first}"):
        enqueued(wired, task.package(conn=wired.raw).add(A, B, C).lock())
    with pytest.raises(RecordLocked):
        locked(wired, shop.app, C, B)
    wired.commit()
    assert (held(shop.app), shop.count_jobs(), shop.count_sales()) == ({"b": first}, 1, 1)


@pytest.mark.accepts("C1")
def test_another_installation_is_refused(shop: Shop, wired: Wired) -> None:
    """Nothing is locked and nothing gathered in either."""
    with another_database(shop.url) as url, closing(Packhorse(url)) as other:
        other.engine.migrate()
        task = other.work_package(name="bill")(bill)
        shop.app.collector(shop.app.work_package(name="bill")(bill)).schedule(A)
        wired.begin()
        for refused in (lambda: locked(wired, other, A), lambda: gathered(wired, other, task)):
            with pytest.raises(WrongDatabase):
                refused()
        wired.rollback()
        assert (held(shop.app), held(other), shop.count_jobs(), other.list_jobs()) == ({}, {}, 1, [])
        assert [element.record for element in shop.app.engine.list_elements(1)] == [A]


@pytest.mark.accepts("M3", "M19")
def test_in_autocommit_a_lock_is_there_at_once(database_url: str) -> None:
    """All of it or nothing, on a connection that commits every statement by itself."""
    with Shop.opened(Packhorse(database_url), database_url) as shop, closing(other_connection(database_url)) as conn:
        with shop.app.lock_records(A, B, conn=conn, owner="import"):
            assert held(shop.app) == {"a": "import", "b": "import"}
            with pytest.raises(RecordLocked):
                shop.app.lock_records(C, B, conn=conn, owner="export")
            assert list(held(shop.app)) == ["a", "b"]
        assert held(shop.app) == {}


def counted(shop: Shop, batch: Batch) -> int:
    """How many jobs have come into a batch."""
    shop.app.engine.count_batches(100)
    return shop.app.get_batch(batch.id).enqueued


def gathered(wired: Wired, app: Packhorse, task: PackageTask[None]) -> Any:
    """Have a collector gather a record on the connection."""
    collector = app.collector(task)
    if wired.is_async:
        return wired.run(collector.aschedule(B, conn=wired.raw))  # type: ignore[attr-defined]
    return collector.schedule(B, conn=wired.raw)
