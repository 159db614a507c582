"""An application whose packages are about numbers: each leaves a row in a table, and a line in a file."""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packhorse import Context, Packhorse, UserError
from tests.crash.oracle_app import INSERT_EFFECT, TRACES

app = Packhorse(os.environ["ORACLE_DATABASE_URL"])


@dataclass(frozen=True)
class Number:
    """A record."""

    n: int


def load(tx: Any, keys: Sequence[str]) -> Mapping[str, Number]:
    """Every number is there."""
    return {key: Number(int(key)) for key in keys}


DEADLY = (13, 120)
"""They kill whoever books them."""
app.record_type("number", Number, key=lambda number: str(number.n), load=load)


def book_line(ctx: Context, number: Number) -> None:
    """A line that no transaction undoes."""
    with TRACES.open("a") as traces:
        traces.write(f"booked {number.n} {ctx.job.attempt}\n")


@app.work_package(each=True, chunk=50, name="book")
def book(ctx: Context, number: Number) -> None:
    """An effect in the database, and a line that no transaction undoes; every tenth leaves a line and fails."""
    book_line(ctx, number)
    ctx.tx.execute(INSERT_EFFECT, (number.n,))
    if number.n % 10 == 7:
        raise UserError(f"{number.n} is wrong")


@app.work_package(each=True, chunk=50, name="book_async")
async def book_async(ctx: Context, number: Number) -> None:
    """The same, for coroutines."""
    book_line(ctx, number)
    await ctx.tx.execute(INSERT_EFFECT, (number.n,))
    if number.n % 10 == 7:
        raise UserError(f"{number.n} is wrong")


def book_or_die(ctx: Context, number: Number) -> None:
    """The same, but some kill the process."""
    book_line(ctx, number)
    ctx.tx.execute(INSERT_EFFECT, (number.n,))
    if number.n in DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if number.n % 10 == 7:
        raise UserError(f"{number.n} is wrong")


async def book_or_die_async(ctx: Context, number: Number) -> None:
    """The same, for coroutines."""
    book_line(ctx, number)
    await ctx.tx.execute(INSERT_EFFECT, (number.n,))
    if number.n in DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if number.n % 10 == 7:
        raise UserError(f"{number.n} is wrong")


app.work_package(each=True, chunk=50, name="die")(book_or_die)
app.work_package(each=True, chunk=50, name="die_async")(book_or_die_async)
app.work_package(each=True, chunk=50, name="die_isolated", isolation="process")(book_or_die)
