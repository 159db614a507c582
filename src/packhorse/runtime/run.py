"""Run one job: resolve → run → decide → ack → report, each step over one value, the `Run`.

resolve   find the task and decode the arguments
run       call the handler; what it returned or raised becomes an outcome
decide    the pure rule says what follows
ack       commit it with the handler's writes (atomic), or hand it to the acker
report    tell the middleware and the log
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from packhorse.context import UNWATCHED, Context, Entered, Watch
from packhorse.domain.decide import UNRUN, Ack, decide
from packhorse.domain.firstlock import FirstLock
from packhorse.domain.frames import calls_handlers
from packhorse.domain.job import ClaimedJob
from packhorse.domain.outcome import (
    ErrorInfo,
    Fail,
    Failure,
    Outcome,
    Skip,
    Success,
    Unknown,
    Unstarted,
    UserError,
    Verdict,
    find_advice,
)
from packhorse.domain.retry import RetryPolicy, chance
from packhorse.engine import Engine
from packhorse.errors import PayloadError
from packhorse.filestore import FileStore
from packhorse.journal import NOWHERE, Journal
from packhorse.runtime.conflicts import is_transient
from packhorse.runtime.hooks import Hooks
from packhorse.runtime.mistakes import mistake_in, mistake_with
from packhorse.runtime.report import error_info, report_ack, report_lost, storable_ack, user_failure
from packhorse.runtime.tries import Tries, abegin_with, begin_with, is_cancelled_in
from packhorse.statement import AsyncTransaction, Statement, Transaction
from packhorse.task import Task, TaskRegistry
from packhorse.tasktransaction import AsyncTaskTransaction, SessionFactory, TaskTransaction, no_sessions

log: logging.Logger = logging.getLogger("packhorse.worker")

NO_LOCKS: frozenset[FirstLock] = frozenset()
STOPPED = Skip("the worker was stopped while it ran", after=timedelta(seconds=1))


class TimeLimit(Exception):
    """The handler took longer than its task's time limit."""


class Run(msgspec.Struct, eq=False):
    """One run of one job, on its way through the steps."""

    job: ClaimedJob
    context: Context
    task: Task[..., Any] | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    outcome: Outcome | None = None
    ack: Ack | None = None
    watch: Watch = UNWATCHED
    """What the worker has learned of it meanwhile."""
    raised: BaseException | None = None
    """What the handler, or the commit, raised."""
    lost: bool = False
    """Its lease was gone when it was to commit: it counts for nothing."""
    locks: frozenset[FirstLock] = frozenset()
    """With which its transaction is to begin."""


def _untold(_: object) -> None:
    """Where nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """What the steps need; one for a whole worker.

    Attributes:
        deliver: takes the ack of a run whose writes, if any, are not ours to commit.
        begin: opens the transaction of an atomic `def` handler; the engine's own by default.
        eager: whether it opens before the handler is called, for a framework whose own calls are to write in it.
        sessions: makes an SQLAlchemy session over a transaction.
        files: the application's, if it has any.
        journal: takes what handlers log, and how far they have come.
        count: told how every run ended that counts, by its outcome's name.
        committed: told of every acknowledgement that went with a handler's own commit.
        rest: called in a thread that has run handlers and pauses; with True it has ended. For frameworks that keep
            something for each thread.
    """

    engine: Engine
    registry: TaskRegistry
    deliver: Callable[[Ack, bool], None]
    hooks: Hooks = field(default_factory=Hooks)
    begin: Callable[[], Transaction] | None = None
    eager: bool = False
    abegin: Callable[[], Awaitable[AsyncTransaction]] | None = None
    sessions: SessionFactory = no_sessions
    files: FileStore | None = None
    journal: Journal = NOWHERE
    count: Callable[[str], None] = _untold
    committed: Callable[[Ack], None] = _untold
    rest: Callable[[bool], None] = _untold

    def run(self, job: ClaimedJob) -> Run:
        """Run a job whose handler is a plain function, in this thread."""
        return self.report(self.attempt(job))

    async def arun(self, job: ClaimedJob) -> Run:
        """Run a job whose handler is a coroutine function."""
        return self.report(await self.aattempt(job))

    def attempt(self, job: ClaimedJob, watch: Watch = UNWATCHED) -> Run:
        """All steps but the report, for a plain function; some of them again where the database has undone them."""
        tries: Tries | None = None
        while True:
            run = self._resolve(job, watch, tries.locks if tries else NO_LOCKS)
            self._run(run)
            self._decide(run)
            if run.context.transaction is not None and self._commit(run):
                return run
            tries = tries or _tries_after(run)
            pause = None if tries is None else tries.next(run.context, run.outcome, run.raised)
            if pause is None:
                self._deliver(run)
                return run
            time.sleep(pause)

    async def aattempt(self, job: ClaimedJob, watch: Watch = UNWATCHED) -> Run:
        """The same for a coroutine function."""
        tries: Tries | None = None
        while True:
            run = self._resolve(job, watch, tries.locks if tries else NO_LOCKS)
            await self._arun(run)
            self._decide(run)
            if run.context.transaction is not None and await self._acommit(run):
                return run
            tries = tries or _tries_after(run)
            pause = None if tries is None else tries.next(run.context, run.outcome, run.raised)
            if pause is None or await is_cancelled_in(pause):
                await self._adeliver(run)
                return run

    def finish(self, job: ClaimedJob, outcome: Outcome, watch: Watch = UNWATCHED) -> Run:
        """Decide, ack and report a run that happened elsewhere or not at all."""
        run = Run(job, Context(job), self.registry.find(job.task), outcome=outcome, watch=watch)
        self._decide(run)
        self._deliver(run)
        return self.report(run)

    def report(self, run: Run) -> Run:
        """Tell the middleware and the log what follows; of a run that counts for nothing, only that."""
        ack = _decided(run)
        if run.lost:
            report_lost(run.job.id)
            return run
        if ack.outcome not in UNRUN:
            self.hooks.finished(run.context, ack)
            self.count(ack.outcome)
        report_ack(run.job, ack)
        return run

    def _resolve(self, job: ClaimedJob, watch: Watch, locks: frozenset[FirstLock]) -> Run:
        task = self.registry.find(job.task)
        run = Run(job, Context(job, None, watch, self.journal), task, watch=watch, locks=locks)
        if task is None:
            run.outcome = Unknown(job.task)
            return run
        if watch.cancelled_by is not None:
            run.outcome = Unstarted()
            return run
        try:
            run.args, run.kwargs = task.signature.decode(job.args, job.kwargs)
        except PayloadError as error:
            run.outcome = Failure(error_info(error), Fail("its stored arguments can't be read"))
        return run

    @calls_handlers
    def _run(self, run: Run) -> None:
        task = run.task
        if task is None or run.outcome is not None:
            return
        tx = None
        if task.atomic:
            tx = TaskTransaction(self.begin or self.engine.begin, self.sessions, self.files, is_eager=self.eager)
            run.context = Context(run.job, tx, run.watch, self.journal)
        try:
            with Entered(run.context), self.hooks.around(run.context):
                if tx is not None:
                    tx.ready()
                    begin_with(run.context, run.locks)
                run.outcome = outcome_of(run, task.function(*leading(run), *run.args, **run.kwargs))
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
            run.outcome = outcome_of_error(run, error)
        if run.watch.is_late():
            run.outcome = timed_out(run.job, task)

    @calls_handlers
    async def _arun(self, run: Run) -> None:
        task = run.task
        if task is None or run.outcome is not None:
            return
        try:
            if task.atomic:
                begin = self.abegin or self.engine.abegin
                tx = AsyncTaskTransaction(await begin(), self.sessions, begin, self.files)
                run.context = Context(run.job, tx, run.watch, self.journal)
            with Entered(run.context), self.hooks.around(run.context):
                await abegin_with(run.context, run.locks)
                run.outcome = outcome_of(run, await within_limit(run, task))
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
            run.outcome = outcome_of_error(run, error)

    def _decide(self, run: Run) -> None:
        policy = run.task.policy if run.task else RetryPolicy()
        job = run.context.job if run.watch.cancelled_by is None else _as_known(run)
        outcome = _known(run.outcome)
        try:
            ack = decide(job, outcome, policy, chance())
        except Exception as error:
            log.exception("the retry policy of task %s does not work", job.task)
            ack = decide(job, Failure(error_info(error)), RetryPolicy(), chance())
        run.ack = storable_ack(ack)

    def _commit(self, run: Run) -> bool:
        """Commit the handler's writes, if there are any, with the acknowledgement; whether that was its end."""
        tx = run.context.transaction
        if not isinstance(tx, TaskTransaction) or not tx.is_used:
            return False
        if not isinstance(run.outcome, Success):
            tx.rollback()
            return False
        try:
            run.lost = not tx.commit_with(self._statements(run))
            self._committed(run)
        except BaseException as error:  # noqa: BLE001 - a commit that failed is the run's outcome
            tx.rollback()
            self._redecide(run, error)
            return False
        return True

    async def _acommit(self, run: Run) -> bool:
        tx = run.context.transaction
        if not isinstance(tx, AsyncTaskTransaction):
            return False
        if not isinstance(run.outcome, Success):
            await tx.rollback()
            return False
        try:
            run.lost = not await tx.commit_with(self._statements(run))
            self._committed(run)
        except BaseException as error:  # noqa: BLE001 - a commit that failed is the run's outcome
            await tx.rollback()
            self._redecide(run, error)
            return False
        return True

    def _committed(self, run: Run) -> None:
        if not run.lost:
            self.committed(_decided(run))

    def _statements(self, run: Run) -> Sequence[Statement]:
        return self.engine.ack_statements(_decided(run))

    def _redecide(self, run: Run, error: BaseException) -> None:
        """The writes and the ack did not commit together: that is what became of the run.

        Whether a commit that was cut off took place is unknown; if it did, the job's lease is gone and the ack that
        is delivered now changes nothing.
        """
        run.outcome = outcome_of_error(run, error)
        self._decide(run)

    def _deliver(self, run: Run) -> None:
        self.deliver(_decided(run), run.task is not None and run.task.ack_each)

    async def _adeliver(self, run: Run) -> None:
        """As `_deliver`; one that waits for the database does so in a thread, to its end even when it is cancelled."""
        if run.task is None or not run.task.ack_each:
            self._deliver(run)
            return
        sending = asyncio.ensure_future(asyncio.to_thread(self._deliver, run))
        while not sending.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([sending])
        sending.result()


def _tries_after(run: Run) -> Tries | None:
    """What says whether there is another try, for a first one that may need it; most runs succeed."""
    if run.task is None or isinstance(run.outcome, Success):
        return None
    return Tries(run.task.policy, run.watch)


def outcome_of(run: Run, value: Any) -> Outcome:
    """What a returned value means."""
    if isinstance(value, Verdict):
        return value
    if isinstance(value, UserError):
        return user_failure(value)
    mistake = mistake_with(run.context) or (None if value is None else mistake_in(value))
    if mistake is not None:
        return mistake
    if value is None or run.task is None or not run.task.keep_result:
        return Success()
    try:
        return Success(run.task.signature.encode_result(value))
    except PayloadError as error:
        return Success(note=f"its result was not kept: {error}")


def outcome_of_error(run: Run, error: BaseException) -> Outcome:
    """What a raised exception means, by the task's policy; one that can't be looked at is a failure all the same."""
    run.raised = error
    try:
        return _meaning_of_error(run, error)
    except Exception as trouble:  # noqa: BLE001 - its attributes are a stranger's code
        return Failure(error_info(trouble))


def _meaning_of_error(run: Run, error: BaseException) -> Outcome:
    if isinstance(error, Verdict):
        return error
    if isinstance(error, UserError):
        return user_failure(error)
    if isinstance(error, asyncio.CancelledError) and run.watch.is_stopped():
        return STOPPED
    policy = run.task.policy if run.task else RetryPolicy()
    counted = not (run.context.transaction is not None and is_transient(error))
    return Failure(error_info(error), policy.verdict_on(error) or find_advice(error), counted)


def timed_out(job: ClaimedJob, task: Task[..., Any] | None) -> Failure:
    """The outcome of a run that took longer than its time limit."""
    limit = task.timeout.total_seconds() if task and task.timeout else 0
    error = TimeLimit(f"job {job.id} ran for longer than its time limit of {limit:g} s")
    policy = task.policy if task else RetryPolicy()
    return Failure(ErrorInfo("TimeLimit", str(error)), policy.verdict_on(error))


@calls_handlers
async def within_limit(run: Run, task: Task[..., Any]) -> Any:
    """Call a coroutine function with the run's arguments; it is cancelled at its time limit."""
    if task.timeout is None:
        return await task.function(*leading(run), *run.args, **run.kwargs)
    limit = task.timeout.total_seconds()
    deadline = asyncio.timeout(limit)
    try:
        async with deadline:
            return await task.function(*leading(run), *run.args, **run.kwargs)
    except TimeoutError as error:
        if deadline.expired():
            raise TimeLimit(f"job {run.job.id} ran for longer than its time limit of {limit:g} s") from error
        raise


def leading(run: Run) -> tuple[Context, ...]:
    """What goes in front of the run's arguments: the context, where the handler takes it."""
    return (run.context,) if run.task and run.task.signature.takes_context else ()


def _as_known(run: Run) -> ClaimedJob:
    """The job as its handler knows it, with who has asked for its cancellation meanwhile."""
    return replace(run.context.job, cancelled_by=run.watch.cancelled_by)


def _known(outcome: Outcome | None) -> Outcome:
    if outcome is None:
        raise AssertionError("a run was decided before it ended")
    return outcome


def _decided(run: Run) -> Ack:
    if run.ack is None:
        raise AssertionError("a run was acknowledged before it was decided")
    return run.ack
