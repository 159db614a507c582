"""An application whose handlers wait until the test lets them go on, and whose code can change under its workers."""

import asyncio
import os
import signal
import time
from pathlib import Path

from packhorse import Context, Packhorse
from tests.crash.gates import pass_gate
from tests.crash.oracle_app import trace

CODE = Path(os.environ["STEERED_CODE"]).read_text()
"""What stands for the code: it is read once, when a process imports this module."""
if CODE == "broken":
    raise ImportError("the code is broken")

app = Packhorse(os.environ["ORACLE_DATABASE_URL"])
GATES = Path(os.environ["STEERED_CODE"]).parent
kept: list[bytes] = []


def gate_of(name: str) -> Path:
    """The file that lets the handlers of that name go on when it is there."""
    return GATES / f"gate-{name}"


@app.task(name="work")
def work(ctx: Context, name: str) -> None:
    """Wait at the gate, in a thread."""
    trace(f"started {name} {os.getpid()}")
    if pass_gate(gate_of(name)):
        raise RuntimeError("as the test wants it")
    trace(f"ended {name} {os.getpid()}")


@app.task(name="awork")
async def awork(ctx: Context, name: str) -> None:
    """The same on the event loop."""
    trace(f"started {name} {os.getpid()}")
    await wait_long(name)
    trace(f"ended {name} {os.getpid()}")


async def wait_long(name: str) -> None:
    """What a coroutine awaits."""
    await asyncio.to_thread(pass_gate, gate_of(name))


@app.task(name="iwork", isolation="process")
def iwork(ctx: Context, name: str) -> None:
    """The same in a child process."""
    trace(f"started {name} {os.getpid()}")
    pass_gate(gate_of(name))


@app.task(name="tell")
def tell() -> tuple[str, int]:
    """Which code runs, and where."""
    return CODE, os.getpid()


@app.task(name="chain")
def chain(n: int) -> int:
    """Enqueue the next one, until none is left."""
    if n > 1:
        chain.enqueue(n - 1)
    return os.getpid()


@app.task(name="grow")
def grow(mebibytes: int) -> int:
    """Occupy memory and keep it."""
    kept.append(os.urandom(1 << 20) * mebibytes)
    return os.getpid()


@app.task(name="sleep")
def sleep(seconds: float) -> None:
    """Take a while."""
    time.sleep(seconds)


@app.task(name="kill")
def kill() -> None:
    """End the process."""
    os.kill(os.getpid(), signal.SIGKILL)
