"""The application that the crash tests run: its tasks leave traces outside the queue's own tables.

`book` writes a row through its transaction (atomic); the others append a line to a file, synchronously. Both `book` and
`note` outlive more deaths of their workers than the default allows: tests kill many, and look for what is lost.
"""

import ctypes
import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from packhorse import Context, Notice, Packhorse, UserError, current

app = Packhorse(os.environ["ORACLE_DATABASE_URL"])
TRACES = Path(os.environ.get("ORACLE_TRACES", os.devnull))
SQLITE = app.engine.dialect == "sqlite"
INSERT_EFFECT = "insert into effects (n) values (?)" if SQLITE else "insert into effects (n) values (%s)"


def trace(line: str) -> None:
    """Append a line to the traces in one write, as several processes may."""
    handle = os.open(TRACES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, f"{line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


@app.task(name="book", atomic=True, max_crashes=100)
def book(ctx: Context, n: int) -> None:
    """An effect in the database, in the job's own transaction."""
    ctx.tx.execute(INSERT_EFFECT, (n,))


@app.task(name="tell_place", atomic=True)
def tell_place(ctx: Context) -> None:
    """An effect in the database: the place of the job that this one tells of, below zero if it is not the next one."""
    assert ctx.occasion is not None
    assert ctx.occasion.member is not None
    number = ctx.occasion.member.number or 0
    [highest] = ctx.tx.execute("select coalesce(max(n), 0) from effects").fetchone()
    ctx.tx.execute(INSERT_EFFECT, (number if highest == number - 1 else -number,))


@app.task(name="note", max_crashes=100)
def note(ctx: Context, n: int) -> None:
    """An effect outside the database."""
    trace(f"note {n} {ctx.job.attempt}")


@app.task(name="refuse", responsible="kim")
def refuse(n: int) -> None:
    """Fail for good."""
    raise UserError(f"{n} is wrong")


@app.on_failure
def tell(notice: Notice) -> None:
    """An effect in the database, in the notice's own transaction."""
    [n] = json.loads(notice.job.args)
    current().tx.execute(INSERT_EFFECT, (n,))


@app.task(name="hold")
def hold(ctx: Context, seconds: float, n: int) -> None:
    """Say that it started, take a while, say that it ended."""
    trace(f"started {n} {ctx.job.attempt} {os.getpid()}")
    time.sleep(seconds)
    trace(f"ended {n} {ctx.job.attempt} {os.getpid()}")


@app.task(name="stamp")
def stamp() -> float:
    """The moment of its start."""
    return time.time()


@app.task(name="hang", timeout=timedelta(seconds=0.3), max_attempts=1)
def hang() -> None:
    """Never end, in a thread that nobody can end."""
    trace(f"hanging {os.getpid()}")
    time.sleep(3600)


@app.task(name="die")
def die(ctx: Context) -> None:
    """Kill the worker process."""
    trace(f"died {ctx.job.id} {ctx.job.attempt} {os.getpid()}")
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="stall")
def stall(seconds: int) -> None:
    """Hold the interpreter, and every other thread with it, inside one call of a C function."""
    trace(f"stalling {os.getpid()}")
    ctypes.PyDLL(None).sleep(seconds)
    trace(f"stalled {os.getpid()}")


@app.task(name="book_slowly", atomic=True)
def book_slowly(ctx: Context, seconds: float, n: int) -> None:
    """An effect in the database, and a while before the commit."""
    trace(f"booking {n} {ctx.job.attempt} {os.getpid()}")
    time.sleep(seconds)
    ctx.tx.execute(INSERT_EFFECT, (n,))


@app.task(name="lock", atomic=True)
def lock(ctx: Context, seconds: float) -> None:
    """Hold the database's write lock (on SQLite everybody's, elsewhere a row's)."""
    ctx.tx.execute(INSERT_EFFECT, (-1,))
    trace(f"locking {os.getpid()}")
    time.sleep(seconds)
