"""Two accounts of the same work: the worker's own, in a file, and the database's, of every lease that ended there.

Moments are in seconds since 1970, by the one clock of the machine that both run on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from tests.crash.conftest import connected

LEDGER = """
create table ledger (job bigint not null, lease bigint not null, became text not null, at double precision not null);
create function enter() returns trigger language plpgsql as $$
begin
    insert into ledger
    select old.id, old.lease_number, case tg_op when 'DELETE' then 'finished' else new.state end,
        extract(epoch from clock_timestamp());
    return null;
end
$$;
create trigger enter after update or delete on packhorse.job
for each row when (old.lease_number is not null) execute function enter();
"""
"""Whatever takes a lease from a job is entered here in the same transaction, so that both are kept or neither."""


class Lease(NamedTuple):
    """One claim of one job."""

    job: int
    number: int


class Run(NamedTuple):
    """One run, told by its handler."""

    began: float
    ended: float
    lease: Lease
    attempt: int


class End(NamedTuple):
    """When the database took its lease from a job, and what the job became: `finished`, or a live state."""

    at: float
    became: str


class Account:
    """What the worker told.

    Args:
        traces: its lines, as words.
    """

    def __init__(self, traces: Sequence[Sequence[str]]) -> None:
        told: defaultdict[str, list[Sequence[str]]] = defaultdict(list)
        for kind, *words in traces:
            told[kind].append(words)
        self.claims = {int(number): float(at) for at, number, *_ in told["claimed"]}
        """When the answer to each claim was there, by the lease's number."""
        self.runs = [_run(*words) for words in told["ran"]]
        self.holding = {Lease(int(job), int(number)) for number, job in told["holding"]}
        """The leases of runs that came to a gate."""

    def repeated(self) -> set[int]:
        """The jobs that ran more than once as the same attempt: a claim of theirs was forgotten in between."""
        times = Counter((run.lease.job, run.attempt) for run in self.runs)
        return {job for (job, _), count in times.items() if count > 1}

    def buffered(self) -> dict[int, int]:
        """For each claim, how many of the jobs that ran had been claimed and had not begun when its answer came."""
        claimed = sorted(self.claims[run.lease.number] for run in self.runs)
        began = sorted(run.began for run in self.runs)
        return {number: bisect_right(claimed, at) - bisect_right(began, at) for number, at in self.claims.items()}

    def pace(self, seconds: float, within: float) -> dict[int, int]:
        """For each claim, the most runs that began in any `seconds` of the last `within` seconds before its answer."""
        began = sorted(run.began for run in self.runs)
        counts = [n - bisect_right(began, at - seconds) for n, at in enumerate(began, start=1)]
        return {
            number: max(counts[bisect_right(began, at - within) : bisect_right(began, at)], default=0)
            for number, at in self.claims.items()
        }


def _run(began: str, ended: str, number: str, job: str, attempt: str) -> Run:
    return Run(float(began), float(ended), Lease(int(job), int(number)), int(attempt))


def open_ledger(database_url: str) -> None:
    """Let the database enter every end of a lease from now on."""
    with connected(database_url) as db:
        db.execute(LEDGER)


def ledger(database_url: str) -> dict[Lease, End]:
    """What the database entered.

    Raises:
        AssertionError: it ended one lease twice.
    """
    with connected(database_url) as db:
        rows = db.execute("select job, lease, became, at from ledger").fetchall()
    ends = {Lease(job, number): End(at, became) for job, number, became, at in rows}
    assert len(ends) == len(rows), "a lease ended twice"
    return ends
