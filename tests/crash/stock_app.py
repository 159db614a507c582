"""The application of the crash tests of queue tables: each movement writes one line, or kills its process."""

import os
import signal
import time
from pathlib import Path

from packhorse import Backoff, Context, Packhorse

app = Packhorse(os.environ["ORACLE_DATABASE_URL"])
TRACES = Path(os.environ.get("ORACLE_TRACES", os.devnull))
MARK = "?" if app.engine.dialect == "sqlite" else "%s"
KILLER, SLEEPER = -1, -2


@app.queue_table("stock_movement")
class StockMovement:
    """A movement of stock."""

    n: int


@app.queue_processor(StockMovement, name="move", parallelism=4, batch_size=16, backoff=Backoff())
def move(ctx: Context, row: StockMovement) -> None:
    """Write the effect in the row's transaction; then, for some, die or wait for death."""
    ctx.tx.execute(f"insert into effects (n) values ({MARK})", (row.n,))  # noqa: S608 - of two words
    if row.n == KILLER:
        os.kill(os.getpid(), signal.SIGKILL)
    if row.n == SLEEPER:
        with TRACES.open("a") as traces:
            traces.write("asleep\n")
        time.sleep(60)
