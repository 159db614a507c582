"""`JobStore`: jobs come, are claimed, and are acknowledged."""

from __future__ import annotations

from collections.abc import Sequence

from packhorse.domain.decide import Ack
from packhorse.domain.job import ClaimedJob, NewJob
from packhorse.domain.state import JobState
from packhorse.engine import Claim, Statement
from packhorse.engines.sql import rows as of
from packhorse.engines.sql.base import Params, SqlBase, ids_in
from packhorse.engines.sql.documents import acks_document, jobs_document, list_document
from packhorse.errors import DatabaseError

UNRECORDED = frozenset({"success", "unstarted", "unknown"})
"""The outcomes that leave no attempt in the history."""


class SqlJobStore(SqlBase):
    """`packhorse.engine.JobStore` by statements."""

    def insert_statement(self, jobs: Sequence[NewJob], installation: str | None = None) -> Statement:
        [text] = self._statements.get("insert_jobs")
        params = {"jobs": jobs_document(jobs), "installation": installation or self.installation_id()}
        return Statement(text, params)

    def limited(self, statement: Statement) -> Statement:
        return statement

    def insert_jobs(self, jobs: Sequence[NewJob]) -> list[int]:
        if not jobs:
            return []
        rows = self._write("insert_jobs", self._insert_params(jobs))
        if not rows:
            self._forget_installation()
            rows = self._write("insert_jobs", self._insert_params(jobs))
        if len(rows) != len(jobs):
            raise DatabaseError("the database's installation id changes while jobs are stored; nothing was stored")
        return sorted(row[0] for row in rows)

    def claim_jobs(self, claim: Claim) -> list[ClaimedJob]:
        lease = claim.lease
        params: dict[str, str | int | None] = {
            "queue": claim.queue,
            "limit": claim.limit,
            "worker": lease.worker,
            "number": lease.number,
        }
        options = ["suspects"] if claim.suspects else []
        if claim.other_tasks:
            options.append("others")
            params["names"] = list_document(sorted(claim.other_tasks))
        rows = self._write("claim_jobs", params, *options)
        return sorted((of.claimed_job(row, lease) for row in rows), key=of.by_urgency)

    def ack_jobs(self, acks: Sequence[Ack]) -> set[int]:
        if not acks:
            return set()
        return ids_in(self._write("ack_jobs", {"acks": acks_document(acks)}, *ack_options(acks)))

    def ack_statements(self, ack: Ack) -> Sequence[Statement]:
        params = {"acks": acks_document([ack])}
        return [Statement(text, params) for text in self._statements.get("ack_jobs", *ack_options([ack]))]

    def stage_jobs(self, limit: int) -> int:
        return len(self._write("stage_jobs", {"limit": limit}))

    def park_jobs(self, queue: str, task: str, limit: int) -> int:
        return len(self._write("park_jobs", {"queue": queue, "task": task, "limit": limit}))

    def unpark_jobs(self, tasks: Sequence[str], limit: int) -> int:
        return len(self._write("unpark_jobs", {"names": list_document(tasks), "limit": limit}))

    def cancel_jobs(self, ids: Sequence[int]) -> set[int]:
        return ids_in(self._write("cancel_jobs", {"ids": list_document(sorted(ids))}))

    def retry_jobs(self, ids: Sequence[int]) -> set[int]:
        return ids_in(self._write("retry_jobs", {"ids": list_document(sorted(ids))}))

    def _insert_params(self, jobs: Sequence[NewJob]) -> Params:
        return {"jobs": jobs_document(jobs), "installation": self.installation_id()}


def ack_options(acks: Sequence[Ack]) -> tuple[str, ...]:
    """Which parts of `ack_jobs.sql` these acks need."""
    states = {ack.state for ack in acks}
    needed = {
        "final": any(state.is_final for state in states),
        "live": not all(state.is_final for state in states),
        "recorded": any(ack.outcome not in UNRECORDED for ack in acks),
        "available": JobState.AVAILABLE in states,
    }
    return tuple(option for option, is_needed in needed.items() if is_needed)
