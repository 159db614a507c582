"""`JobStore`: jobs come, are claimed, and are acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from packhorse.domain.claim import Claim
from packhorse.domain.decide import UNRUN, Ack
from packhorse.domain.job import ClaimedJob, Lease, NewJob, are_alike
from packhorse.domain.moments import micros_in
from packhorse.domain.order import AGING_STEP
from packhorse.domain.state import JobState
from packhorse.engines.sql import rows as of
from packhorse.engines.sql.base import Command, Params, SqlBase, ids_in
from packhorse.engines.sql.documents import acks_document, check_texts, jobs_document, list_document, texts_document
from packhorse.engines.sql.keyed import Storing, storing
from packhorse.engines.sql.turns import announced, settled
from packhorse.errors import DatabaseError
from packhorse.statement import Row, Statement

LEAST_REACH = 100
"""In how many jobs more than it wants, of each priority, a claim looks for some that nobody is claiming just now."""
UNRECORDED = UNRUN | {"success"}
"""The outcomes that leave no attempt in the history."""


class SqlJobStore(SqlBase):
    """`packhorse.engine.JobStore` by statements."""

    def insert_statement(self, jobs: Sequence[NewJob], installation: str | None = None) -> Statement:
        command = _insertion(jobs, installation or self.installation_id())
        [text] = self._statements.get(command.name)
        return Statement(text, command.params)

    def storing(self, jobs: Sequence[NewJob], installation: str | None = None) -> Storing:
        return storing(self._statements, jobs, installation or self.installation_id(), self._is_committed)

    def _is_committed(self, package: int) -> bool:
        """Whether a package that a transaction has found as its own is not: by default its number tells that."""
        return False

    def limited(self, statement: Statement) -> Statement:
        return statement

    def insert_jobs(self, jobs: Sequence[NewJob]) -> list[int]:
        if not jobs:
            return []
        if not all(job.is_single for job in jobs):
            return self.insert_many([jobs], len(jobs))
        rows = self._write_all([_insertion(jobs, self.installation_id())])
        if not rows:
            self._forget_installation()
            rows = self._write_all([_insertion(jobs, self.installation_id())])
        return self._stored(jobs, rows)

    def insert_many(self, parcels: Iterable[Sequence[NewJob]], count: int) -> list[int]:
        installation = self.installation_id()
        transaction = self.begin()
        try:
            ids = [id for jobs in parcels if jobs for id in self._store_in(transaction.run, jobs, installation)]
        except BaseException:
            transaction.rollback()
            raise
        transaction.commit()
        return ids

    def _store_in(self, run: Callable[[Statement], list[Row]], jobs: Sequence[NewJob], installation: str) -> list[int]:
        """Store jobs in an open transaction of ours."""
        if all(job.is_single for job in jobs):
            return self._stored(jobs, run(self.limited(self.insert_statement(jobs, installation))))
        steps = self.storing(jobs, installation)
        try:
            rows = run(self.limited(next(steps)))
            while True:
                rows = run(self.limited(steps.send(rows)))
        except StopIteration as end:
            return self._counted(jobs, end.value)

    def _stored(self, jobs: Sequence[NewJob], rows: Sequence[Row]) -> list[int]:
        """The ids in the rows, if there is one for each job."""
        return self._counted(jobs, sorted(row[0] for row in rows))

    def _counted(self, jobs: Sequence[NewJob], ids: list[int]) -> list[int]:
        if len(ids) != len(jobs):
            raise self._replaced()
        return ids

    def _replaced(self) -> DatabaseError:
        self._forget_installation()
        return DatabaseError(f"{self.address} was replaced by another database meanwhile; nothing was enqueued")

    def claim_jobs(self, claim: Claim) -> list[ClaimedJob]:
        rows = self._write_all(_claiming(claim))
        rows.sort(key=of.by_age if claim.aging else of.by_urgency)
        return [of.claimed_job(*row, claim.lease) for row in rows]

    def permit_jobs(self, worker: int, queues: Sequence[str]) -> None:
        self._write("permit_jobs", {"worker": worker, "names": list_document(sorted(queues))})

    def regate_jobs(self, queues: Sequence[str], limit: int) -> int:
        return len(self._write("regate_jobs", {"names": list_document(sorted(queues)), "limit": limit}))

    def ack_jobs(self, acks: Sequence[Ack]) -> set[int]:
        return ids_in(self._write_all(ack_commands(acks))) if acks else set()

    def ack_statements(self, ack: Ack) -> Sequence[Statement]:
        return [
            Statement(text, command.params)
            for command in handler_commands(ack)
            for text in self._statements.get(command.name, *command.options)
        ]

    def stage_jobs(self, limit: int) -> int:
        return len(self._write("stage_jobs", {"limit": limit}))

    def park_jobs(self, queue: str, task: str, limit: int) -> int:
        return len(self._write("park_jobs", {"queue": queue, "task": task, "limit": limit}))

    def unpark_jobs(self, tasks: Sequence[str], limit: int) -> int:
        return len(self._write("unpark_jobs", {"names": list_document(tasks), "limit": limit}))


def _insertion(jobs: Sequence[NewJob], installation: str) -> Command:
    """What stores these jobs, one or more."""
    if len(jobs) == 1 and jobs[0].is_plain:
        return _insert_job(jobs[0], installation)
    return _insert_alike_jobs(jobs, installation) if are_alike(jobs) else _insert_jobs(jobs, installation)


def _insert_job(job: NewJob, installation: str) -> Command:
    params: Params = {
        "task": job.task,
        "queue": job.queue,
        "priority": job.priority,
        "args": job.args,
        "kwargs": job.kwargs,
        "meta": job.meta,
        "max_attempts": job.max_attempts,
        "installation": installation,
    }
    check_texts(params.values())
    return Command("insert_job", params)


def _insert_alike_jobs(jobs: Sequence[NewJob], installation: str) -> Command:
    params: Params = {
        "task": jobs[0].task,
        "queue": jobs[0].queue,
        "priority": jobs[0].priority,
        "max_attempts": jobs[0].max_attempts,
        "texts": texts_document([job.args for job in jobs]),
        "installation": installation,
    }
    check_texts((jobs[0].task, jobs[0].queue))
    return Command("insert_alike_jobs", params)


def _insert_jobs(jobs: Sequence[NewJob], installation: str) -> Command:
    return Command("insert_jobs", {"jobs": jobs_document(jobs), "installation": installation})


def _claiming(claim: Claim) -> list[Command]:
    """What claims jobs: of a queue with a limit, under a lock that makes the counting exact."""
    if not claim.limited:
        return [_claim_jobs(claim)]
    return [_take_permits(claim.queue), _claim_jobs(claim), _note_starts(claim)]


def _claim_jobs(claim: Claim) -> Command:
    params, *options = _claim_options(claim)
    return Command("claim_jobs", params, tuple(options))


def _take_permits(queue: str) -> Command:
    return Command("take_permits", {"queue": queue})


def _note_starts(claim: Claim) -> Command:
    lease = claim.lease
    return Command("note_starts", {"queue": claim.queue, "worker": lease.worker, "number": lease.number})


def _claim_options(claim: Claim) -> tuple[Params, *tuple[str, ...]]:
    """The parameters of a claim, and which parts of its statement they need."""
    lease, options = claim.lease, ["suspects"] if claim.suspects else []
    params: dict[str, str | int | None] = {
        "queue": claim.queue,
        "limit": claim.limit,
        "worker": lease.worker,
        "number": lease.number,
    }
    if claim.limited:
        options.append("limited")
    if claim.other_tasks:
        options.append("others")
        params["names"] = list_document(sorted(claim.other_tasks))
    if claim.aging:
        options.append("aging")
        params |= {"step": micros_in(AGING_STEP), "reach": 2 * claim.limit + LEAST_REACH}
    if claim.above is not None:
        options.append("above")
        params["above"] = claim.above
    if claim.after is not None:
        options.append("after")
        params |= dict(zip(("after_priority", "after_at", "after_id"), claim.after, strict=True))
    return params, *options


def ack_commands(acks: Sequence[Ack]) -> list[Command]:
    """What records these acks, and lets the next jobs of their keys go on."""
    return [*_starts_undone(acks), *settled(_recording(acks), acks)]


def handler_commands(ack: Ack) -> list[Command]:
    """The same in a handler's transaction, whose snapshot may be too old to settle whose turn it is."""
    return announced(_recording([ack]), ack)


def _starts_undone(acks: Sequence[Ack]) -> list[Command]:
    """What gives the starts back to their queues' rates of jobs that were claimed and did not run."""
    ids: dict[tuple[Lease, bool], list[int]] = {}
    for ack in acks:
        if ack.outcome in UNRUN:
            ids.setdefault((ack.lease, ack.state.is_final), []).append(ack.job_id)
    return [_undo_starts(lease, of_lease, is_final) for (lease, is_final), of_lease in ids.items()]


def _undo_starts(lease: Lease, ids: Sequence[int], is_final: bool) -> Command:
    params: Params = {"ids": list_document(ids), "worker": lease.worker, "number": lease.number}
    return Command("undo_starts", params, ("final",) if is_final else ())


def _recording(acks: Sequence[Ack]) -> list[Command]:
    """What records these acks: for those that say nothing but success, a list of ids for each lease.

    They are in order of lease and id, so that two that overlap lock their rows in one order. The lists go first, so a
    success that came after another end of the same run is left out.
    """
    ids_by_lease: dict[Lease, set[int]] = {}
    others: dict[tuple[int, Lease], Ack] = {}
    for ack in acks:
        if not ack.is_plain:
            others.setdefault((ack.job_id, ack.lease), ack)
        elif not others or (ack.job_id, ack.lease) not in others:
            ids_by_lease.setdefault(ack.lease, set()).add(ack.job_id)
    commands = [_succeed_jobs(lease, ids_by_lease[lease]) for lease in sorted(ids_by_lease, key=_number)]
    if others:
        commands.append(_ack_jobs(list(others.values())))
    return commands


def _number(lease: Lease) -> int:
    return lease.number


def _succeed_jobs(lease: Lease, ids: set[int]) -> Command:
    params: Params = {"ids": list_document(sorted(ids)), "worker": lease.worker, "number": lease.number}
    return Command("succeed_jobs", params)


def _ack_jobs(acks: Sequence[Ack]) -> Command:
    states = {ack.state for ack in acks}
    needed = {
        "final": any(state.is_final for state in states),
        "live": not all(state.is_final for state in states),
        "recorded": any(ack.outcome not in UNRECORDED for ack in acks),
        "available": JobState.AVAILABLE in states,
        "failed": JobState.FAILED in states,
    }
    options = tuple(option for option, is_needed in needed.items() if is_needed)
    return Command("ack_jobs", {"acks": acks_document(acks)}, options)
