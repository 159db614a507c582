"""Collectors: what a package is made for, what is gathered, and what a unique key merges."""

from collections.abc import Iterator
from typing import Any

import pytest

from packhorse import ConfigurationError, Packhorse, PayloadError
from packhorse.domain.package import Reference
from packhorse.errors import RecordLocked
from packhorse.workpackages.package import WorkPackage
from packhorse.workpackages.task import PackageTask

ORDERS = [Reference("order", str(number)) for number in range(4)]


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.fixture
def bill(app: Packhorse) -> PackageTask[None]:
    """A handler of packages."""

    def bill(package: WorkPackage) -> None:
        pass

    task: PackageTask[None] = app.work_package(name="bill")(bill)
    return task


def packages(app: Packhorse) -> list[list[str]]:
    """The keys of the records of all packages."""
    ids = app.engine.list_package_ids(0, 99)
    return [[one.record.key for one in app.engine.list_elements(id)] for id in ids]


@pytest.mark.accepts("M4")
def test_one_package_for_each_record(app: Packhorse, bill: PackageTask[None]) -> None:
    """Each once, however often it is scheduled."""
    collector = app.collector(bill, "each")
    with app.transaction():
        for order in [*ORDERS, ORDERS[0]]:
            collector.schedule(order)
    assert packages(app) == [["0"], ["1"], ["2"], ["3"]]


@pytest.mark.accepts("M4")
def test_one_package_for_each_batch(app: Packhorse, bill: PackageTask[None]) -> None:
    """What a batch is known by, the application says."""
    collector = app.collector(bill, "batch", batch_of=lambda order: int(order.key) % 2)
    with app.transaction():
        for order in ORDERS:
            collector.schedule(order)
    assert packages(app) == [["0", "2"], ["1", "3"]]


@pytest.mark.accepts("M4")
def test_one_package_without_records(app: Packhorse, bill: PackageTask[None]) -> None:
    """The items give its parameters."""
    collector = app.collector(bill, "bare", parameters=lambda item: {f"seen_{item}": True})
    with app.transaction():
        handles = [collector.schedule(item) for item in ("a", "b", "a")]
    assert packages(app) == [[]]
    assert handles[0] is not None
    assert app.get_package(handles[0].id).parameters.count("seen_") == 2


@pytest.mark.accepts("M4")
def test_items_that_are_not_eligible_are_ignored(app: Packhorse, bill: PackageTask[None]) -> None:
    """A transaction without any others has no package."""
    collector = app.collector(bill, eligible=lambda order: order.key == "3")
    with app.transaction():
        assert collector.schedule(ORDERS[0]) is None
    assert packages(app) == []
    with app.transaction():
        assert len(collector.schedule_many(ORDERS)) == 1
    assert packages(app) == [["3"]]


@pytest.mark.accepts("M4")
def test_an_item_outside_a_transaction_has_a_package_of_its_own(app: Packhorse, bill: PackageTask[None]) -> None:
    """And so has the next one."""
    collector = app.collector(bill)
    for order in ORDERS[:2]:
        collector.schedule(order)
    assert packages(app) == [["0"], ["1"]]


@pytest.mark.accepts("M4")
def test_items_that_ask_for_different_values_are_refused(app: Packhorse, bill: PackageTask[None]) -> None:
    """Whether they come in one call or in two; equal ones are welcome."""
    collector = app.collector(bill, parameters=lambda order: {"odd": int(order.key) % 2 == 1})
    with app.transaction():
        collector.schedule_many([ORDERS[0], ORDERS[2]])
        for refused in (ORDERS[1:2], ORDERS[2:4]):
            with pytest.raises(PayloadError, match="odd"):
                collector.schedule_many(refused)
    assert packages(app) == [["0", "2"]]


def test_its_packages_may_lock_their_records(app: Packhorse, bill: PackageTask[None]) -> None:
    """Each as it is gathered; one that is locked is refused, and the rest stands."""
    locked = bill.package().add(ORDERS[1]).lock().enqueue()
    collector = app.collector(bill, lock="refuse")
    with app.transaction():
        first = collector.schedule(ORDERS[0])
        with pytest.raises(RecordLocked):
            collector.schedule(ORDERS[1])
        collector.schedule(ORDERS[2])
    assert first is not None
    assert {lock.record.key: lock.job_id for lock in app.find_locks(*ORDERS)} == {
        "0": first.id,
        "1": locked.id,
        "2": first.id,
    }


@pytest.mark.accepts("M33")
def test_packages_under_one_key_are_merged_while_they_wait(app: Packhorse, bill: PackageTask[None]) -> None:
    """Whoever enqueues them, and in whatever transactions."""
    for order in ORDERS:
        bill.package(unique_key="customer:7", on_duplicate="merge").add(order).enqueue()
    assert packages(app) == [["0", "1", "2", "3"]]


def test_what_a_collector_is_told_is_checked(app: Packhorse, bill: PackageTask[None]) -> None:
    """At once."""
    mistakes: list[dict[str, Any]] = [{"mode": "two"}, {"mode": "batch"}, {"unique_key": "k"}, {"priority": "nonsense"}]
    for wrong in mistakes:
        with pytest.raises(ConfigurationError):
            app.collector(bill, **wrong)
