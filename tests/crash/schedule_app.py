"""The application of the fleets that keep schedules: each run leaves a line in a file, with its tick."""

import os
import time
from datetime import timedelta
from pathlib import Path

from packhorse import Alarm, Context, Packhorse

app = Packhorse(os.environ["ORACLE_DATABASE_URL"])
handle = os.open(os.environ["ORACLE_TRACES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
GATE = Path(os.environ["ORACLE_TRACES"]).with_suffix(".gate")


def tell(*words: object) -> None:
    """Append a line in one write."""
    os.write(handle, f"{' '.join(map(str, words))}\n".encode())


@app.every(timedelta(seconds=1), name="second", overlap="allow")
def second(ctx: Context) -> None:
    """Tell the tick, and when it ran."""
    tell("second", ctx.meta["schedule"]["tick"], time.time(), ctx.job.id)


@app.every(timedelta(seconds=1), name="long", overlap="skip", alarm_after=timedelta(seconds=2))
def long(ctx: Context) -> None:
    """Tell the begin and the end; while the gate is shut, it lasts."""
    tell("begin", ctx.job.id, ctx.meta["schedule"]["tick"])
    until = time.monotonic() + 30
    while GATE.exists() and time.monotonic() < until:
        time.sleep(0.01)
    tell("end", ctx.job.id)


@app.on_alarm
def alarmed(alarm: Alarm) -> None:
    """Tell of it."""
    tell("alarm", alarm.kind, alarm.run.job_id)


app.sql_task()
