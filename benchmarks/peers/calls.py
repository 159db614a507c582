"""Our own application of a method that is called later; `packhorse worker -A benchmarks.peers.calls:app` serves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import NOTE
from benchmarks.peers.statements import STOCKS, statement
from packhorse import Deferrable, Packhorse, current

_book, _read = statement("stock_book"), statement("stock_read")


@dataclass
class Stock(Deferrable):
    """What is counted down, one row of a table."""

    id: int

    def book(self, note: str) -> None:
        """Take one away."""
        current().tx.execute(_book, (self.id,))
        handle(self.id)


def load(transaction: Any, keys: Sequence[str]) -> Mapping[str, Stock]:
    """Read the records that are to be called."""
    rows = transaction.execute(_read, ([int(key) for key in keys],)).fetchall()
    return {str(id): Stock(id) for (id,) in rows}


def enqueue(numbers: Sequence[int]) -> None:
    """Call the method later, for one record after the other."""
    records = [Stock(n % STOCKS + 1) for n in numbers]
    Stock.__queue__(batch_size=1).book(records, NOTE)


app = Packhorse()
app.record_type("stock", Stock, key=lambda stock: str(stock.id), load=load)
app.deferrable(Stock)
