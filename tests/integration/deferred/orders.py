"""One face for every kind of model with methods that are called later, so that a test is written once."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, ClassVar, Self

from packhorse import Packhorse
from tests.integration.connections.shop import other_connection
from tests.integration.deferred.models import CALLED, TABLE


class Orders(ABC):
    """Orders in a database, and an open transaction of the application's own on them."""

    model: ClassVar[Any]

    def __init__(self, app: Packhorse, url: str) -> None:
        self.app = app
        self.url = url
        self.know(app)
        app.deferrable(self.model, name="shop.Order", queue="orders", batch_size=20)

    def know(self, app: Packhorse) -> None:
        """Have the application know what an order is."""
        app.record_type("order", self.model)

    @classmethod
    @contextmanager
    def opened(cls, url: str, **options: Any) -> Iterator[Self]:
        """With ten orders that are committed, numbered from 1."""
        CALLED.clear()
        with closing(other_connection(url)) as connection:
            connection.execute(TABLE)
            for number in range(1, 11):
                connection.execute(f"insert into customer_order (id, total) values ({number}, 0)")  # noqa: S608
        with cls.application(url, **options) as app:
            app.engine.migrate()
            orders = cls(app, url)
            orders.open()
            yield orders
            orders.close()

    @classmethod
    @contextmanager
    def application(cls, url: str, **options: Any) -> Iterator[Packhorse]:
        """The application of such models."""
        with closing(Packhorse(url, **options)) as app:
            yield app

    @abstractmethod
    def open(self) -> None:
        """Open a session."""

    @abstractmethod
    def close(self) -> None:
        """Close it."""

    @abstractmethod
    def get(self, *numbers: int) -> list[Any]:
        """Read orders, in the transaction that this opens if none is open."""

    @abstractmethod
    def create(self, number: int) -> Any:
        """A new order that is written with the transaction."""

    def call(self, method: str, records: Any, *args: Any, **options: Any) -> Any:
        """Call a method later."""
        return getattr(self.model.__queue__(**options), method)(records, *args)

    @abstractmethod
    def commit(self) -> None:
        """Commit the transaction."""

    @abstractmethod
    def rollback(self) -> None:
        """Roll it back."""

    @abstractmethod
    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        """Run the body in a savepoint and release it, or roll back to it."""

    def totals(self) -> dict[int, int]:
        """The orders' totals that are not 0, as everybody else sees them."""
        with closing(other_connection(self.url)) as connection:
            rows = connection.execute("select id, total from customer_order where total <> 0 order by id").fetchall()
        return {int(id): int(total) for id, total in rows}

    def note(self, number: int) -> str | None:
        """What somebody else reads as the note of an order."""
        with closing(other_connection(self.url)) as connection:
            words = f"select note from customer_order where id = {number}"  # noqa: S608
            [note] = connection.execute(words).fetchone()
        return None if note is None else str(note)

    def write_note(self, number: int, note: str) -> None:
        """Somebody else writes the note of an order."""
        with closing(other_connection(self.url)) as connection:
            connection.execute(f"update customer_order set note = '{note}' where id = {number}")  # noqa: S608

    def delete(self, *numbers: int) -> None:
        """Somebody else deletes orders."""
        with closing(other_connection(self.url)) as connection:
            for number in numbers:
                connection.execute(f"delete from customer_order where id = {number}")  # noqa: S608
