"""What one transaction schedules is one package when it commits, on every kind of connection."""

from typing import Any

import pytest

from packhorse import PayloadError
from packhorse.domain.package import Reference
from packhorse.workpackages.collector import Collector
from packhorse.workpackages.package import WorkPackage
from packhorse.workpackages.task import PackageTask
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import Wired

ORDERS = [Reference("order", str(number)) for number in range(10)]


@pytest.fixture
def bill(shop: Shop) -> PackageTask[None]:
    """A handler of packages."""

    def bill(package: WorkPackage) -> None:
        pass

    task: PackageTask[None] = shop.app.work_package(name="shop.bill")(bill)
    return task


def schedule(wired: Wired, collector: Collector[None], item: object, **params: object) -> Any:
    """Schedule on the connection, as its kind is used."""
    if wired.is_async:
        return wired.run(collector.aschedule(item, conn=wired.raw, **params))  # type: ignore[attr-defined]
    return collector.schedule(item, conn=wired.raw, **params)


def packages(shop: Shop) -> list[list[str]]:
    """The keys of the records of all packages that another connection sees."""
    engine = shop.app.engine
    return [[one.record.key for one in engine.list_elements(id)] for id in engine.list_package_ids(0, 99)]


@pytest.mark.accepts("M4")
def test_ten_items_of_a_transaction_are_one_package_at_its_commit(
    shop: Shop, wired: Wired, bill: PackageTask[None]
) -> None:
    """Before it there is nothing; the next transaction begins another one."""
    collector = shop.app.collector(bill)
    wired.begin()
    wired.write()
    handles = [schedule(wired, collector, order) for order in ORDERS]
    assert len({handle.id for handle in handles}) == 1
    assert (packages(shop), shop.count_jobs()) == ([], 0)
    wired.commit()
    assert packages(shop) == [[order.key for order in ORDERS]]
    assert (shop.count_jobs(), shop.count_sales()) == (1, 1)

    wired.begin()
    schedule(wired, collector, ORDERS[0])
    wired.commit()
    assert packages(shop)[1:] == [["0"]]


@pytest.mark.accepts("M4")
def test_what_was_rolled_back_was_never_gathered(shop: Shop, wired: Wired, bill: PackageTask[None]) -> None:
    """And what the next transaction gathers does not look for it."""
    collector = shop.app.collector(bill)
    wired.begin()
    wired.write()
    schedule(wired, collector, ORDERS[0])
    wired.rollback()
    assert shop.count_jobs() == 0
    wired.begin()
    schedule(wired, collector, ORDERS[1])
    schedule(wired, collector, ORDERS[2])
    wired.commit()
    assert packages(shop) == [["1", "2"]]


@pytest.mark.accepts("M4")
@pytest.mark.parametrize("keep", [True, False], ids=["released", "rolled-back"])
def test_a_savepoint_decides_on_what_was_gathered_in_it(
    shop: Shop, wired: Wired, bill: PackageTask[None], keep: bool
) -> None:
    """Also on a package that was begun inside: what comes after its rollback is gathered anew."""
    collector, others = shop.app.collector(bill), shop.app.collector(bill, name="others")
    wired.begin()
    wired.write()
    schedule(wired, collector, ORDERS[0])

    def inside() -> None:
        schedule(wired, collector, ORDERS[1])
        schedule(wired, others, ORDERS[2])

    wired.in_savepoint(inside, keep=keep)
    schedule(wired, collector, ORDERS[3])
    schedule(wired, others, ORDERS[4])
    wired.commit()
    assert packages(shop) == ([["0", "1", "3"], ["2", "4"]] if keep else [["0", "3"], ["4"]])


@pytest.mark.accepts("M4")
def test_a_parameter_has_one_value(shop: Shop, wired: Wired, bill: PackageTask[None]) -> None:
    """The same one may be given again; another one is an error, and nothing of that item is gathered."""
    collector = shop.app.collector(bill)
    wired.begin()
    wired.write()
    schedule(wired, collector, ORDERS[0], date="today")
    schedule(wired, collector, ORDERS[1], date="today", who="Ann")
    with pytest.raises(PayloadError, match="date"):
        schedule(wired, collector, ORDERS[2], date="tomorrow")
    wired.commit()
    assert packages(shop) == [["0", "1"]]
