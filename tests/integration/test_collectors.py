"""Collectors: what a package is made for, what is gathered, and what a unique key merges."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from packhorse import (
    BatchNotFound,
    ConfigurationError,
    Context,
    JobState,
    Packhorse,
    PayloadError,
    RecordLocked,
    Reference,
    Retry,
    WorkPackage,
)
from packhorse.workpackages.task import PackageTask
from tests.integration.worker_kit import Gate, wait_for, working

ORDERS = [Reference("order", str(number)) for number in range(4)]
HOUR = timedelta(hours=1)


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


def merge(bill: PackageTask[None], order: Reference, **parameters: Any) -> int:
    """Enqueue a package under a key, or add to the one that waits; its number."""
    package = bill.package(unique_key="k", on_duplicate="merge", serial_key="k").params(**parameters)
    return package.add(order).enqueue().id


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
    """It is in that batch, and counted there once; those of no batch have one, too."""
    batches = [app.batch("even"), app.batch("odd")]
    collector = app.collector(
        bill, "batch", batch_of=lambda order: None if order.key == "3" else batches[int(order.key) % 2]
    )
    with app.transaction():
        for order in [*ORDERS, ORDERS[0]]:
            collector.schedule(order)
    assert packages(app) == [["0", "2"], ["1"], ["3"]]
    app.engine.count_batches(100)
    assert [app.get_batch(batch.id).enqueued for batch in batches] == [1, 1]


@pytest.mark.accepts("M4", "M23")
def test_packages_of_a_collector_may_be_in_a_batch(app: Packhorse, bill: PackageTask[None]) -> None:
    """What is added to one that is there does not count again; without the batch nothing is gathered."""
    batch = app.batch("month end")
    collector, lost = app.collector(bill, batch=batch), app.collector(bill, name="lost", batch=batch.id + 1)
    with app.transaction():
        for order in ORDERS:
            collector.schedule(order)
        with pytest.raises(BatchNotFound):
            lost.schedule(ORDERS[0])
    assert packages(app) == [["0", "1", "2", "3"]]
    app.engine.count_batches(100)
    assert app.get_batch(batch.id).enqueued == 1


@pytest.mark.accepts("M4")
def test_collectors_of_two_handlers_gather_apart(app: Packhorse, bill: PackageTask[None]) -> None:
    """Also under one name; those of one handler under two."""
    ship = app.work_package(name="ship")(lambda package: None)
    with app.transaction():
        for task, name in ((bill, "sales"), (ship, "sales"), (bill, "returns"), (bill, "sales")):
            app.collector(task, name=name).schedule(ORDERS[len(name) % 4])
    assert [job.task for job in app.list_jobs()] == ["bill", "ship", "bill"]


@pytest.mark.accepts("M4")
def test_a_handler_gathers_in_its_own_transaction(app: Packhorse, bill: PackageTask[None]) -> None:
    """What a run that fails has scheduled is gone with it."""
    collector, runs = app.collector(bill, delay=HOUR), list[int]()

    def close(ctx: Context, package: WorkPackage) -> None:
        for order in ORDERS:
            collector.schedule(order)
        runs.append(ctx.job.attempt)
        if len(runs) == 1:
            raise Retry("again", after=timedelta(0))

    job = app.work_package(name="close", max_attempts=2)(close).package().enqueue()
    with working(app):
        wait_for(app, job.id, JobState.SUCCEEDED)
    assert runs == [1, 2]
    assert packages(app)[1:] == [["0", "1", "2", "3"]]


@pytest.mark.accepts("M4")
def test_one_package_without_records(app: Packhorse, bill: PackageTask[None]) -> None:
    """The items give its parameters."""
    collector = app.collector(bill, "bare", parameters=lambda item: {f"seen_{item}": True})
    with app.transaction():
        handles = [collector.schedule(item) for item in ("a", "b", "a")]
    assert packages(app) == [[]]
    assert handles[0] is not None
    assert sum(name.startswith("seen_") for name in app.get_package(handles[0].id).parameters) == 2


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


@pytest.mark.accepts("M33")
def test_a_package_that_is_held_is_merged_into(app: Packhorse, bill: PackageTask[None]) -> None:
    """It waits; one that was cancelled does not, and another one takes its place."""
    first = merge(bill, ORDERS[0])
    app.hold(first)
    assert merge(bill, ORDERS[1]) == first
    app.cancel(first)
    assert merge(bill, ORDERS[2]) != first
    assert packages(app) == [["0", "1"], ["2"]]


@pytest.mark.accepts("M33")
def test_a_merged_package_runs_once_for_all(app: Packhorse) -> None:
    """With the records and the parameters of everybody; what comes while it runs has one more run."""
    gate, seen = Gate(), list[tuple[list[str], Any]]()

    def run(package: WorkPackage) -> None:
        seen.append(([record.key for record in package.references()], dict(package.parameters)))
        gate.wait()

    bill = app.work_package(name="bill")(run)
    first = merge(bill, ORDERS[0], who="Ann")
    assert merge(bill, ORDERS[1], when="now") == first
    with working(app):
        gate.reached()
        second = merge(bill, ORDERS[0])
        assert merge(bill, ORDERS[3]) == second != first
        gate.open()
        wait_for(app, second, JobState.SUCCEEDED)
    assert seen == [(["0", "1"], {"who": "Ann", "when": "now"}), (["0", "3"], {})]


@pytest.mark.accepts("M33")
def test_a_package_that_is_merged_into_has_one_correlation_id(app: Packhorse, bill: PackageTask[None]) -> None:
    """That of the first that brings one; another one is refused, since nobody who waits for it would be told."""
    first = merge(bill, ORDERS[0])
    builder = bill.package(unique_key="k", on_duplicate="merge").add(ORDERS[1]).correlation("import 7")
    assert builder.enqueue().id == first
    with pytest.raises(PayloadError, match="known as 'import 7' already"):
        bill.package(unique_key="k", on_duplicate="merge").add(ORDERS[2]).correlation("import 8").enqueue()
    assert app.get_package(first).correlation == "import 7"
    assert packages(app) == [["0", "1"]]


def test_what_a_collector_is_told_is_checked(app: Packhorse, bill: PackageTask[None]) -> None:
    """At once."""
    mistakes: list[dict[str, Any]] = [
        {"mode": "two"},
        {"mode": "batch"},
        {"batch_of": str},
        {"mode": "batch", "batch_of": str, "batch": 1},
        {"unique_key": "k"},
        {"priority": "nonsense"},
        {"name": ""},
        {"name": "a\nb"},
        {"lock": "wait"},
    ]
    for wrong in mistakes:
        with pytest.raises(ConfigurationError):
            app.collector(bill, **wrong)
