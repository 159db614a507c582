"""Orders in the memory of a test, and an application that knows them."""

from collections.abc import Iterator
from contextlib import contextmanager

from packhorse import Packhorse, WorkPackage


class Order:
    """A business record that lives in the memory of the test."""

    def __init__(self, number: int, tenant: str | None = None) -> None:
        self.number = number
        self.tenant = tenant


class Orders(dict[str, Order]):
    """All orders, by their keys."""

    def add(self, *numbers: int, tenant: str | None = None) -> list[Order]:
        """Make some."""
        made = [Order(number, tenant) for number in numbers]
        self.update({str(order.number): order for order in made})
        return made


@contextmanager
def knowing(orders: Orders, url: str) -> Iterator[Packhorse]:
    """An application that knows orders."""
    app = Packhorse(url)
    app.engine.migrate()
    app.record_type(
        "order",
        Order,
        key=lambda order: str(order.number),
        load=lambda _, keys: {key: orders[key] for key in keys if key in orders},
        tenant=lambda order: order.tenant,
    )
    yield app
    app.close()


def numbers(package: WorkPackage, **how: bool) -> list[int]:
    """The numbers of the orders that it loads."""
    return [order.number for order in package.records(**how)]
