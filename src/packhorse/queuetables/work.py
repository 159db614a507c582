"""One run of rows: they are made, worked on, and what follows is committed with that or recorded beside it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from packhorse.context import Entered, Watch
from packhorse.domain.decide import Ack, decide
from packhorse.domain.frames import calls_handlers
from packhorse.domain.job import Lease
from packhorse.domain.outcome import ErrorInfo, Fail, Failure, Outcome, Success, Verdict, WorkerLost, message_of
from packhorse.domain.queuetable import RowAck, RowRun, TakenRow, Trouble
from packhorse.domain.retry import RetryPolicy, chance
from packhorse.domain.state import JobState
from packhorse.queuetables.context import RowContext, RowJournal, stand_in
from packhorse.queuetables.processor import QueueProcessor
from packhorse.rowstore import AsyncRowHold, RowHold, RowTable
from packhorse.runtime.report import storable, storable_ack
from packhorse.runtime.run import Run, Runner, leading, outcome_of, outcome_of_error, within_limit
from packhorse.tasktransaction import AsyncTaskTransaction, TaskTransaction

log: logging.Logger = logging.getLogger("packhorse.worker")

UNREADABLE = "its stored values can't be read"
ENDED_BY_SERVER = ("IdleInTransactionSessionTimeout", "QueryCanceled")
"""What the driver raises then."""
MOST_NAMED = 5
"""So many rows are named in a line of the log."""
ALL_REJECTED = ErrorInfo("Rejected", "every row was rejected")


@dataclass(slots=True, kw_only=True)
class Work:
    """Rows on their way through the steps."""

    rows: Sequence[TakenRow]
    run: Run
    journal: RowJournal
    began: float
    refused: dict[str, Outcome]
    """What is left out of the commit, by key."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the rows of one transaction."""

    done: int = 0
    failed: int = 0
    is_conflict: bool = False
    """Whether the database has undone it for nobody's fault."""
    leaves: bool = False
    """Whether rows are to leave the table now."""
    error: str | None = None


class RowRunner:
    """Runs a processor on rows that were taken.

    Args:
        processor: which one.
        table: the rows' table, bound to the database.
        runner: what the steps of jobs need; those of rows need the same.
        worker: the incarnation of this process.
        name: what the process is called.
        job_id: the job that all this belongs to; None in a worker's own runs.
    """

    def __init__(
        self,
        processor: QueueProcessor[Any],
        table: RowTable,
        runner: Runner,
        *,
        worker: int,
        name: str,
        job_id: int | None = None,
    ) -> None:
        self._processor = processor
        self._table = table
        self._runner = runner
        self._worker = worker
        self._name = name
        self._job_id = job_id

    def run(self, hold: RowHold, lease: Lease, watch: Watch) -> Ended:
        """Work on rows in this thread."""
        tx = TaskTransaction(hold.begin, self._runner.sessions, self._runner.files, is_eager=self._runner.eager)
        work = self._prepared(hold.rows, lease, tx, watch)
        self._call(work, tx)
        done, refused = self._parted(work)
        if done:
            try:
                tx.open()
                is_accepted = tx.commit_with(hold.ending(done, refused, self._record(work)))
            except BaseException as error:  # noqa: BLE001 - a commit that failed is the run's outcome
                work.run.outcome = outcome_of_error(work.run, error)
            else:
                return self._committed(work, refused, is_accepted=is_accepted)
        acks = self._undone(work)
        hold.put_back(acks, self._record(work), tx.rollback)
        return self._told(work, acks)

    async def arun(self, hold: AsyncRowHold, lease: Lease, watch: Watch) -> Ended:
        """The same with a coroutine function."""
        tx = AsyncTaskTransaction(await hold.begin(), self._runner.sessions, store=self._runner.files)
        work = self._prepared(hold.rows, lease, tx, watch)
        await self._acall(work)
        done, refused = self._parted(work)
        if done:
            try:
                is_accepted = await tx.commit_with(hold.ending(done, refused, self._record(work)))
            except BaseException as error:  # noqa: BLE001 - a commit that failed is the run's outcome
                work.run.outcome = outcome_of_error(work.run, error)
            else:
                return self._committed(work, refused, is_accepted=is_accepted)
        acks = self._undone(work)
        await hold.put_back(acks, self._record(work), tx.rollback)
        return self._told(work, acks)

    @property
    def _policy(self) -> RetryPolicy:
        return self._processor.task.policy

    def _prepared(
        self, taken: Sequence[TakenRow], lease: Lease, tx: TaskTransaction | AsyncTaskTransaction, watch: Watch
    ) -> Work:
        """The rows as the processor takes them; with an outcome where it need not be called."""
        began = time.monotonic()
        rows = [self._marked(row) for row in taken]
        made, keys, refused = list[Any](), list[str](), dict[str, Outcome]()
        for row in rows:
            try:
                if row.unreadable is not None:
                    raise ValueError(row.unreadable)
                made.append(self._processor.table.make(row.values))
                keys.append(row.key)
            except Exception as error:  # noqa: BLE001 - a class's own code may raise what it likes
                told = ErrorInfo(type(error).__name__, storable(message_of(error)))
                refused[row.key] = Failure(told, Fail(UNREADABLE))
        journal = RowJournal()
        job = stand_in(self._processor.name, self._processor.queue, rows[0].trouble, lease, _creator(made))
        context = RowContext(job, tx, watch, journal)
        context.keys, context.rows = keys, made
        run = Run(job, context, self._processor.task, watch=watch)
        run.args = (made,) if self._processor.is_batch else tuple(made)
        if len(rows) == 1 and rows[0].trouble.crashes >= self._policy.max_crashes:
            run.outcome = WorkerLost("that had it")
        elif not made:
            run.outcome = refused[rows[0].key]
        return Work(rows=rows, run=run, journal=journal, began=began, refused=refused)

    def _marked(self, row: TakenRow) -> TakenRow:
        if not row.is_suspect:
            return row
        trouble = self._table.mark_row(row, self._worker, self._processor.name)
        return replace(row, trouble=trouble)

    @calls_handlers
    def _call(self, work: Work, tx: TaskTransaction) -> None:
        run = work.run
        if run.outcome is not None:
            return
        try:
            with Entered(run.context), self._runner.hooks.around(run.context):
                tx.ready()
                run.outcome = outcome_of(run, self._processor.task.function(*leading(run), *run.args))
        except BaseException as error:  # noqa: BLE001 - whatever a processor raises is its outcome
            run.outcome = outcome_of_error(run, error)

    @calls_handlers
    async def _acall(self, work: Work) -> None:
        run = work.run
        if run.outcome is not None:
            return
        try:
            with Entered(run.context), self._runner.hooks.around(run.context):
                run.outcome = outcome_of(run, await within_limit(run, self._processor.task))
        except BaseException as error:  # noqa: BLE001 - whatever a processor raises is its outcome
            run.outcome = outcome_of_error(run, error)

    def _parted(self, work: Work) -> tuple[list[RowAck], list[RowAck]]:
        """What is done, and what is refused; nothing where all is undone."""
        if not isinstance(work.run.outcome, Success):
            return [], []
        if isinstance(work.run.context, RowContext):
            work.refused |= work.run.context.refused
        done = [row for row in work.rows if row.key not in work.refused]
        if not done:
            work.run.outcome = Failure(ALL_REJECTED)
        refused = [row for row in work.rows if row.key in work.refused]
        return (
            [RowAck(key=row.key, outcome="success", trouble=row.trouble) for row in done],
            [self._ack(work, row, work.refused[row.key]) for row in refused],
        )

    def _undone(self, work: Work) -> list[RowAck]:
        """What follows for rows whose transaction is rolled back."""
        if work.run.watch.is_late() and _is_ended_by_server(work.run.outcome):
            seconds = self._processor.open_limit.total_seconds()
            text = f"its transaction was open for longer than {seconds:g} s: enqueue long work as a job"
            work.run.outcome = Failure(ErrorInfo("TimeLimit", text))
        outcome = work.run.outcome
        if _is_conflict(outcome):
            return []
        is_said = isinstance(outcome, Verdict) or (isinstance(outcome, Failure) and outcome.verdict is not None)
        if len(work.rows) == 1 or is_said or work.refused:
            return [self._ack(work, row, work.refused.get(row.key, outcome)) for row in work.rows]
        error = outcome.error if isinstance(outcome, Failure) else None
        return [
            RowAck(
                key=row.key,
                outcome="alone",
                trouble=row.trouble,
                delay=timedelta(0),
                reason=f"one of {len(work.rows)} rows failed: each is tried by itself",
                error=error if row is work.rows[0] else None,
            )
            for row in work.rows
        ]

    def _ack(self, work: Work, row: TakenRow, outcome: Outcome | None) -> RowAck:
        if isinstance(outcome, WorkerLost):
            why = f"its process died {row.trouble.crashes} times while it had this row"
            error = ErrorInfo("worker_lost", why)
            return RowAck(key=row.key, outcome="fail", trouble=row.trouble, reason=why, error=error)
        job = stand_in(self._processor.name, self._processor.queue, row.trouble, work.run.job.lease, None)
        return _row_ack(row, storable_ack(decide(job, outcome or Success(), self._policy, chance())))

    def _record(self, work: Work) -> RowRun:
        text = work.journal.text
        return RowRun(
            processor=self._processor.name,
            worker=self._name,
            seconds=time.monotonic() - work.began,
            log=None if text is None else storable(text),
            job_id=self._job_id,
        )

    def _committed(self, work: Work, refused: Sequence[RowAck], *, is_accepted: bool) -> Ended:
        if not is_accepted:
            log.warning("%s: rows %s were somebody else's by the end; nothing was done", *self._names(work))
            return Ended(is_conflict=True)
        if work.run.watch.is_late():
            seconds = time.monotonic() - work.began
            log.warning("%s: rows %s took %.1f s, longer than open_limit", *self._names(work), seconds)
        done = len(work.rows) - len(refused)
        return Ended(done, len(refused), leaves=any(ack.leaves for ack in refused))

    def _told(self, work: Work, acks: Sequence[RowAck]) -> Ended:
        """Say what follows, in a line."""
        outcome = work.run.outcome
        if not acks:
            why = outcome.error.message if isinstance(outcome, Failure) else ""
            log.info("%s: rows %s are tried again: %s", *self._names(work), why)
            return Ended(is_conflict=True)
        first = acks[0]
        text = f"{first.error.type}: {first.error.message}" if first.error else first.reason or first.outcome
        level = logging.ERROR if first.leaves else logging.WARNING
        follows = "leave the table" if first.leaves else f"again in {_seconds(first.delay):.1f} s"
        log.log(level, "%s: rows %s: %s, %s", *self._names(work), text, follows)
        return Ended(failed=len(acks), leaves=any(ack.leaves for ack in acks), error=text)

    def _names(self, work: Work) -> tuple[str, str]:
        keys = [row.key for row in work.rows]
        more = f" … ({len(keys)})" if len(keys) > MOST_NAMED else ""
        return self._processor.name, ", ".join(keys[:MOST_NAMED]) + more


def _row_ack(row: TakenRow, ack: Ack) -> RowAck:
    trouble = Trouble(ack.failures, ack.skips, ack.crashes)
    outcomes: Mapping[JobState, Any] = {JobState.FAILED: "fail", JobState.CANCELLED: "cancel"}
    known = "skip" if ack.outcome == "skip" else "crash" if ack.outcome == "crash" else "retry"
    is_final = ack.state in outcomes
    return RowAck(
        key=row.key,
        outcome=outcomes.get(ack.state, known),
        trouble=trouble,
        delay=None if is_final else ack.delay or timedelta(0),
        reason=ack.reason,
        error=ack.error,
    )


def _is_ended_by_server(outcome: Outcome | None) -> bool:
    """Whether the server has ended the transaction, which may also look like a connection that broke."""
    return _is_conflict(outcome) or (isinstance(outcome, Failure) and outcome.error.type in ENDED_BY_SERVER)


def _is_conflict(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Failure) and not outcome.counted and outcome.verdict is None


def _creator(made: Sequence[Any]) -> str | None:
    """Who has inserted the rows, where one row, or all of them, say so."""
    named = {getattr(row, "created_by", None) for row in made}
    return found if len(named) == 1 and isinstance(found := named.pop(), str) else None


def _seconds(delay: timedelta | None) -> float:
    return delay.total_seconds() if delay else 0.0
