"""The application of a worker that is besieged: it tells of every claim, and of every run with the lease it had.

What it tells goes into a file, in the order in which it happened, and outlives each crash of the database.
"""

import os
import time
from datetime import timedelta
from pathlib import Path

from packhorse import Context, Packhorse, Retry
from packhorse.domain.claim import Claim
from packhorse.domain.job import ClaimedJob
from tests.crash.gates import gate_of, pass_gate

app = Packhorse(os.environ["ORACLE_DATABASE_URL"])
TRACES = Path(os.environ["ORACLE_TRACES"])
handle = os.open(TRACES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
claim_jobs = app.engine.claim_jobs


def tell(*words: object) -> None:
    """Append a line in one write, as many threads do; nothing waits for the disk."""
    os.write(handle, f"{' '.join(map(str, words))}\n".encode())


def telling_claims(claim: Claim) -> list[ClaimedJob]:
    """Claim, and tell which jobs came under which lease before any of them can start."""
    jobs = claim_jobs(claim)
    tell("claimed", time.time(), claim.lease.number, *(job.id for job in jobs))
    return jobs


app.engine.claim_jobs = telling_claims  # type: ignore[method-assign]  # the engine's own claim, overheard


def tell_run(ctx: Context, began: float) -> None:
    """Tell that a job has run, under which lease and as which attempt."""
    tell("ran", began, time.time(), ctx.job.lease.number, ctx.job.id, ctx.job.attempt)


@app.task(name="mark")
def mark(ctx: Context) -> None:
    """An effect outside of the database: the line itself."""
    tell_run(ctx, time.time())


@app.task(name="book", atomic=True)
def book(ctx: Context) -> None:
    """An effect in the database, in the job's own transaction."""
    tell_run(ctx, time.time())
    ctx.tx.execute("insert into effects (n) values (%s)", (ctx.job.id,))


@app.task(name="hold")
def hold(ctx: Context) -> None:
    """As `mark`, once this run is let go; it may then fail."""
    wait_at_gate(ctx)


@app.task(name="hold_booking", atomic=True)
def hold_booking(ctx: Context) -> None:
    """As `book`, once this run is let go, on a connection that is opened only then."""
    wait_at_gate(ctx)
    ctx.tx.execute("insert into effects (n) values (%s)", (ctx.job.id,))


def wait_at_gate(ctx: Context) -> None:
    """Tell that this run is held, and wait until it is let go."""
    began = time.time()
    tell("holding", ctx.job.lease.number, ctx.job.id)
    is_failing = pass_gate(gate_of(TRACES, ctx.job.id, ctx.job.lease.number))
    tell_run(ctx, began)
    if is_failing:
        raise Retry(after=timedelta(0))
