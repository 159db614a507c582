"""A process that does everything that changes a count, at random, until it is killed in the middle of it.

It is started with `python -m tests.crash.counting URL SEED`.
"""

import itertools
import random
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta

from packhorse import Packhorse
from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack, decide
from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.outcome import Cancel, Fail, Failure, Outcome, Retry, Success
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import JobState
from packhorse.engine import Engine, JobFilter
from packhorse.errors import DatabaseBusy
from packhorse.testing.samples import ERROR, new_jobs

QUEUES = ("usual", "short", "brief")
"""As other queues are; one whose jobs may be pruned at once; one that keeps no succeeded ones."""
OUTCOMES: Sequence[Outcome] = (
    *(Success(), Success(), Success(), Success("1"), Success("2")),
    *(Failure(ERROR, Fail()), Failure(ERROR, Retry(after=timedelta(0))), Cancel("enough")),
)


class Mischief:
    """One process's random deeds.

    Args:
        engine: the database.
        seed: makes them differ from another's.
    """

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._chance = random.Random(seed)
        self._numbers = itertools.count(1)
        self._worker = self._chance.getrandbits(62)
        self._deeds: Sequence[Callable[[], object]] = (
            *(self._enqueue, self._enqueue, self._run, self._run, self._run, self._run_one),
            *(self._cancel, self._retry, self._delete, self._dismiss, self._prune, self._prune),
            *(engine.upkeep, lambda: engine.stage_jobs(50)),
        )

    def go_on(self) -> None:
        """Do one thing after the other."""
        while True:
            try:
                self._chance.choice(self._deeds)()
            except DatabaseBusy:
                continue

    def _enqueue(self) -> None:
        self._engine.insert_jobs(new_jobs(self._chance.randrange(1, 30), queue=self._chance.choice(QUEUES)))

    def _run(self) -> None:
        self._engine.ack_jobs([self._end(job) for job in self._claim(20)])

    def _run_one(self) -> None:
        """In a transaction of the handler's, which may be rolled back."""
        for job in self._claim(1):
            statements = self._engine.ack_statements(self._end(job))
            transaction = self._engine.begin()
            for statement in statements:
                transaction.run(statement)
            self._chance.choice((transaction.commit, transaction.rollback))()

    def _claim(self, limit: int) -> list[ClaimedJob]:
        lease = Lease(self._worker, next(self._numbers))
        return self._engine.claim_jobs(Claim(lease=lease, queue=self._chance.choice(QUEUES), limit=limit))

    def _end(self, job: ClaimedJob) -> Ack:
        return decide(job, self._chance.choice(OUTCOMES), RetryPolicy(), 0.0)

    def _cancel(self) -> None:
        self._engine.cancel_jobs(self._some(JobState.AVAILABLE), running=False)

    def _retry(self) -> None:
        self._engine.retry_jobs(self._some(JobState.FAILED))

    def _delete(self) -> None:
        self._engine.delete_jobs(self._some(JobState.SUCCEEDED)[:2])

    def _dismiss(self) -> None:
        self._engine.dismiss_jobs(self._some(JobState.FAILED), "ada", "seen to")

    def _prune(self) -> None:
        for expired in self._engine.list_expired():
            self._engine.prune_jobs(expired, self._chance.randrange(1, 30))

    def _some(self, state: JobState) -> list[int]:
        found = self._engine.list_jobs(JobFilter(state=state, limit=40))
        return self._chance.sample([job.id for job in found], min(len(found), 5))


if __name__ == "__main__":
    Mischief(Packhorse(sys.argv[1]).engine, int(sys.argv[2])).go_on()
