"""Our own application of a queue table: what `packhorse worker -A benchmarks.peers.rows:app` serves.

Its processor takes single rows, or, with BENCH_TASKS=lists, lists of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from benchmarks.peers.handling import TASKS_VARIABLE, handle
from benchmarks.peers.peer import NOTE
from benchmarks.peers.statements import STOCKS, statement
from packhorse import Context, Packhorse

_book, _insert = statement("stock_book"), statement("movements")

app = Packhorse()


@app.queue_table("movement")
class Movement:
    """Something that is taken away."""

    stock: int
    note: str


def book(ctx: Context, row: Movement) -> None:
    """Take it away."""
    ctx.tx.execute(_book, (row.stock,))
    handle(row.stock)


def book_all(ctx: Context, rows: list[Movement]) -> None:
    """Take all of them away, one by one."""
    for row in rows:
        book(ctx, row)


def enqueue(numbers: Sequence[int]) -> None:
    """Insert a row for each."""
    with app.transaction() as transaction:
        transaction.execute(_insert, ([n % STOCKS + 1 for n in numbers], NOTE))


are_lists = os.environ.get(TASKS_VARIABLE) == "lists"
app.queue_processor(Movement, name="book", batch_size=16, parallelism=2)(book_all if are_lists else book)
