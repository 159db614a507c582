"""What a test sees of jobs and of their runs, as values that explain themselves when an assertion about them fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from packhorse.domain.decide import Ack
from packhorse.domain.job import JobRecord
from packhorse.domain.order import DEFAULT_PRIORITY
from packhorse.domain.outcome import Verdict
from packhorse.domain.payload import decode_value
from packhorse.domain.state import JobState
from packhorse.errors import PackhorseError, PayloadError, UnknownTask
from packhorse.runtime.run import Run
from packhorse.task import TaskRegistry

LONGEST_VALUE, LONGEST_LIST = 60, 20
"""Characters of an argument, and jobs, that a message shows."""
BAD = frozenset({"retry", "fail", "unknown"})
"""The outcomes that nobody wishes for; `skip` and `cancel` are the handler's own decisions."""


class RunFailed(PackhorseError):
    """A run that ended badly without an exception of the handler's that could be shown: it ran out of time, say."""


@dataclass(frozen=True, slots=True, repr=False)
class SeenJob:
    """A job as it was when the test looked.

    Attributes:
        record: all that the database knows of it.
        args: the positional arguments, as the handler gets them.
        kwargs: the arguments by keyword, as the handler gets them.
    """

    record: JobRecord
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @classmethod
    def of(cls, record: JobRecord, registry: TaskRegistry) -> SeenJob:
        """The job with its arguments decoded, by the signature of its task if that is known and fits."""
        task = registry.find(record.task)
        if task is not None:
            try:
                return cls(record, *task.signature.decode(record.args, record.kwargs))
            except PayloadError:
                pass
        return cls(record, tuple(decode_value(record.args)), decode_value(record.kwargs or "{}"))

    @property
    def id(self) -> int:
        """Its number."""
        return self.record.id

    @property
    def task(self) -> str:
        """The name of its task."""
        return self.record.task

    @property
    def queue(self) -> str:
        """Where it waits, or waited."""
        return self.record.queue

    @property
    def state(self) -> JobState:
        """What it was in when the test looked."""
        return self.record.state

    @property
    def due_at(self) -> datetime:
        """When it is, or was, due: its time, else the moment of enqueueing."""
        return self.record.scheduled_at or self.record.enqueued_at

    @property
    def delay(self) -> timedelta:
        """From the enqueue to that moment."""
        return self.due_at - self.record.enqueued_at

    def __str__(self) -> str:
        """`job 3, shop.send(42): scheduled for 2027-01-01 09:00:00 UTC (0:05:00 after its enqueue), queue mail`."""
        record = self.record
        time = f" for {self.due_at:%Y-%m-%d %H:%M:%S} UTC ({self.delay} after its enqueue)"
        state = f"{record.state}{time if record.state is JobState.SCHEDULED else ''}, queue {record.queue}"
        priority = "" if record.priority == DEFAULT_PRIORITY else f", priority {record.priority}"
        return f"job {record.id}, {shown_call(record.task, self.args, self.kwargs)}: {state}{priority}"

    def __repr__(self) -> str:
        return f"<{self}>"


def last_record(run: Run) -> JobRecord:
    """The job as its run left it, where its queue keeps no succeeded ones; without the times that nobody knows now."""
    job, ack = run.job, _ack_of(run)
    return JobRecord(
        id=job.id,
        task=job.task,
        queue=job.queue,
        state=ack.state,
        priority=job.priority,
        args=job.args,
        kwargs=job.kwargs,
        meta=job.meta,
        enqueued_at=job.enqueued_at,
        order_at=job.order_at,
        scheduled_at=None,
        expected_at=None,
        started_at=None,
        finished_at=None,
        attempt=job.attempt,
        failures=ack.failures,
        skips=ack.skips,
        crashes=ack.crashes,
        max_attempts=job.max_attempts,
        worker=None,
        reason=ack.reason,
        error_type=None,
        error_message=None,
        error_traceback=None,
        result=ack.result,
    )


@dataclass(frozen=True, slots=True, repr=False)
class SeenRun:
    """One run of a job, and what came of it.

    Attributes:
        job: the job as it was after the run.
        outcome: `success`, `retry`, `skip`, `fail`, `cancel`, or `unknown`, when no such task is registered.
        error: what the handler or its commit raised, the outcome that it raised or returned, or else an exception that
            says what was wrong; None when it succeeded.
        result: what the handler returned, as `result()` would give it to a producer.
    """

    job: SeenJob
    outcome: str
    error: BaseException | None
    result: Any

    @classmethod
    def of(cls, run: Run, record: JobRecord, registry: TaskRegistry) -> SeenRun:
        """The run as a test sees it, with the job's record after it."""
        job = SeenJob.of(record, registry)
        return cls(job, _ack_of(run).outcome, _error(run, registry), _result(run, record))

    @property
    def state(self) -> JobState:
        """What the job was in after the run."""
        return self.job.state

    @property
    def is_bad(self) -> bool:
        """Whether it counts as a failure, or there is no such task."""
        return self.outcome in BAD

    def __str__(self) -> str:
        """`fail: job 3, shop.send(42): failed, queue mail, after 2 attempts: ValueError: no such order`."""
        attempts = self.job.record.attempt
        error = "" if self.error is None else f": {type(self.error).__name__}: {self.error}"
        return f"{self.outcome}: {self.job}, after {attempts} {'attempt' if attempts == 1 else 'attempts'}{error}"

    def __repr__(self) -> str:
        return f"<{self}>"


@dataclass(frozen=True, slots=True)
class Drained:
    """What `drain` ran, in order."""

    runs: Sequence[SeenRun] = ()

    @property
    def succeeded(self) -> int:
        """How many runs succeeded."""
        return self._count("success")

    @property
    def retried(self) -> int:
        """How many runs failed, with another attempt to come."""
        return self._count("retry")

    @property
    def failed(self) -> int:
        """How many runs failed for good."""
        return self._count("fail")

    @property
    def skipped(self) -> int:
        """How many runs were put off, by `Skip` or for a conflict in the database."""
        return self._count("skip")

    @property
    def cancelled(self) -> int:
        """How many runs ended with `Cancel`."""
        return self._count("cancel")

    def _count(self, outcome: str) -> int:
        return sum(run.outcome == outcome for run in self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __str__(self) -> str:
        return listed("run", self.runs)


def shown_call(task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """`shop.send(42, copy=True)`, with long arguments cut."""
    named = [f"{name}={_cut(value)}" for name, value in kwargs.items()]
    return f"{task}({', '.join([*map(_cut, args), *named])})"


def listed(what: str, things: Sequence[object]) -> str:
    """`2 jobs:` and a line for each, at most so many."""
    lines = [f"  {one}" for one in things[:LONGEST_LIST]]
    more = [f"  … and {len(things) - LONGEST_LIST} more"] if len(things) > LONGEST_LIST else []
    return "\n".join([f"{len(things)} {what if len(things) == 1 else f'{what}s'}:", *lines, *more])


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _ack_of(run: Run) -> Ack:
    if run.ack is None:
        raise AssertionError("a run was shown before it was decided")
    return run.ack


def _result(run: Run, record: JobRecord) -> Any:
    if run.task is None or record.state is not JobState.SUCCEEDED or record.result is None:
        return None
    return run.task.signature.decode_result(record.result)


def _error(run: Run, registry: TaskRegistry) -> BaseException | None:
    if run.task is None:
        return _unknown(run.job.task, registry)
    if run.raised is not None:
        return run.raised
    if isinstance(run.outcome, Verdict):
        return run.outcome
    error = _ack_of(run).error
    return None if error is None else RunFailed(f"{error.type}: {error.message}")


def _unknown(name: str, registry: TaskRegistry) -> UnknownTask | None:
    try:
        registry.get(name)
    except UnknownTask as error:
        return error.with_traceback(None)
    return None
