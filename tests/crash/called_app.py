"""The application of the tests of deferred calls with real processes: each run leaves a trace and an effect."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packhorse import Deferrable, Packhorse, current


@dataclass(eq=False)
class Order(Deferrable):
    """An order of no framework, which is always there."""

    id: int

    def book(self) -> None:
        """Tell that it ran, outside the transaction, and write an effect in it."""
        trace(f"booked {self.id}")
        current().tx.execute(f"insert into effects (n) values ({self.id})")  # noqa: S608 - a number

    def hold(self, seconds: float) -> None:
        """Tell that it started, take a while, and write: on SQLite writing any earlier would lock out all others."""
        trace(f"started {self.id} {os.getpid()}")
        time.sleep(seconds)
        current().tx.execute(f"insert into effects (n) values ({self.id})")  # noqa: S608 - a number

    def stamp(self) -> float:
        """The moment of its start."""
        return time.time()

    def tell_process(self) -> int:
        """In which process it runs."""
        return os.getpid()


def trace(line: str) -> None:
    """Append a line to the traces in one write, as several processes may."""
    handle = os.open(Path(os.environ.get("ORACLE_TRACES", os.devnull)), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


def load(transaction: Any, keys: Sequence[str]) -> dict[str, Order]:
    """The orders of these keys."""
    return {key: Order(int(key)) for key in keys}


def make(url: str | None = None) -> Packhorse:
    """An application that knows orders; a worker's database is in the environment."""
    app = Packhorse(url or os.environ["ORACLE_DATABASE_URL"])
    app.record_type("order", Order, key=lambda order: str(order.id), load=load)
    app.deferrable(Order, name="shop.Order")
    return app
