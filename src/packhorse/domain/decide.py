"""The one function that knows which state follows: `decide`."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

import msgspec
from msgspec.structs import replace

from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.outcome import (
    Cancel,
    ErrorInfo,
    Fail,
    Failure,
    Outcome,
    Retry,
    Skip,
    Success,
    Unknown,
    Unstarted,
    Verdict,
    WorkerLost,
)
from packhorse.domain.retry import MAX_DELAY, RetryPolicy
from packhorse.domain.state import JobState

UNRUN = frozenset({"unstarted", "unknown"})
"""The outcomes of jobs that go back without having run."""


NO_RETRY = "its task allows no retry"


class Ack(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the database is to record of a run; it does so only while the lease is the job's current one."""

    job_id: int
    lease: Lease
    state: JobState
    outcome: str
    """`success`, `retry`, `skip`, `fail`, `cancel`, `crash`, `unstarted` or `unknown`: what the history says."""
    attempt: int
    failures: int
    skips: int
    crashes: int
    delay: timedelta | None = None
    """With `scheduled`: due this long from now by the database's clock; from zero to `MAX_DELAY`."""
    reason: str | None = None
    error: ErrorInfo | None = None
    result: str | None = None
    responsible: str | None = None
    """Who is told when it has failed, unless the job itself names somebody."""
    dismissal: str | None = None
    """Why a failed job is no matter for the inbox; None where it is one."""
    keys: tuple[str | None, str, str | None] | None = None
    """The job's serial key, its queue and its group, if it has a serial key or a group."""

    @property
    def freed_key(self) -> str | None:
        """The serial key whose next job may go on when this is through: a job holds it to its end, through retries."""
        return self.keys[0] if self.keys is not None and self.state.is_final else None

    @property
    def freed_group(self) -> tuple[str, str] | None:
        """The queue and the group in which this gives room: a job has it while it runs, or could run at once."""
        if self.keys is None or self.keys[2] is None or self.state is JobState.AVAILABLE:
            return None
        return self.keys[1], self.keys[2]

    @property
    def lets_others_on(self) -> bool:
        """Whether jobs that waited for this one's key, or for room in its group, may go on when this is through."""
        return self.keys is not None and (self.freed_key is not None or self.freed_group is not None)

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing but that the run succeeded, which leaves the job's counts as they are."""
        return self.outcome == "success" and self.result is None and self.reason is None


def decide(job: ClaimedJob, outcome: Outcome, policy: RetryPolicy, chance: float) -> Ack:
    """What follows from how a run ended.

    Args:
        job: the job as it was claimed.
        outcome: how the run ended.
        policy: the rules of its task.
        chance: a number in [0, 1) that places the delay inside the backoff's jitter.

    Delays count from the database's now, so no clock is needed here. When somebody has asked for the job's
    cancellation a success stands, and any other end cancels it: it does not run again, and nobody has to look.
    """
    ack = _succeeded(job, outcome) if isinstance(outcome, Success) else _unsuccessful(job, outcome, policy, chance)
    if policy.responsible is not None and not ack.is_plain:
        ack = replace(ack, responsible=policy.responsible)
    if not policy.allow_retry and ack.state is JobState.FAILED:
        ack = replace(ack, dismissal=NO_RETRY)
    return ack if job.cancelled_by is None else withdrawn(ack, job)


def withdrawn(ack: Ack, job: ClaimedJob) -> Ack:
    """What follows instead, because somebody has asked for the job's cancellation while it ran."""
    asked = f"cancelled by {job.cancelled_by}"
    if ack.state is JobState.SUCCEEDED:
        return replace(
            ack, reason=_joined(ack.reason, f"cancelled too late by {job.cancelled_by}; it had done its work")
        )
    if ack.state is JobState.CANCELLED:
        return ack
    outcome, reason = "cancel", _joined(asked, ack.reason)
    if ack.outcome in UNRUN:
        outcome, reason = ack.outcome, f"cancelled before it ran by {job.cancelled_by}"
    elif ack.outcome == "crash":
        outcome = ack.outcome
    return replace(ack, state=JobState.CANCELLED, outcome=outcome, delay=None, reason=reason)


def _joined(*reasons: str | None) -> str:
    return "; ".join(reason for reason in reasons if reason)


def _succeeded(job: ClaimedJob, success: Success) -> Ack:
    """As `_ack`, without detours: almost every run ends like this."""
    return Ack(
        job_id=job.id,
        lease=job.lease,
        state=JobState.SUCCEEDED,
        outcome="success",
        attempt=job.attempt,
        failures=job.failures,
        skips=job.skips,
        crashes=job.crashes,
        reason=success.note,
        result=success.result,
        keys=_keys_of(job) if job.serial_key or job.group_key else None,
    )


def _unsuccessful(
    job: ClaimedJob,
    outcome: Failure | Verdict | Unstarted | Unknown | WorkerLost,
    policy: RetryPolicy,
    chance: float,
) -> Ack:
    match outcome:
        case Failure():
            return _failed(job, outcome, policy, chance)
        case Verdict():
            return _verdict(job, outcome, None, policy, chance)
        case Unstarted():
            return _ack(job, JobState.AVAILABLE, "unstarted", attempt=job.attempt - 1)
        case Unknown():
            return _ack(job, JobState.BLOCKED, "unknown", attempt=job.attempt - 1, reason=unknown_reason(outcome.task))
        case WorkerLost():
            return _crashed(job, outcome, policy)
    assert_never(outcome)


def unknown_reason(task: str) -> str:
    """Why a job is parked whose task no live worker knows."""
    return f"unknown task: no live worker knows {task}"


def _failed(job: ClaimedJob, failure: Failure, policy: RetryPolicy, chance: float) -> Ack:
    if failure.verdict is not None:
        return _verdict(job, failure.verdict, failure.error, policy, chance)
    if not failure.counted:
        skip = Skip(failure.error.message, after=policy.conflict_delay(job.skips + 1, chance))
        return _skipped(job, skip, failure.error, policy, chance)
    return _retried(job, Retry(), failure.error, policy, chance)


def _verdict(job: ClaimedJob, verdict: Verdict, error: ErrorInfo | None, policy: RetryPolicy, chance: float) -> Ack:
    match verdict:
        case Retry():
            return _retried(job, verdict, error, policy, chance)
        case Skip():
            return _skipped(job, verdict, error, policy, chance)
        case Cancel():
            return _ack(job, JobState.CANCELLED, "cancel", reason=verdict.reason, error=error)
        case Fail():
            failures = job.failures + 1
            return _ack(job, JobState.FAILED, "fail", failures=failures, reason=verdict.reason, error=error)
        case _:
            reason = f"{type(verdict).__name__} is no verdict of Packhorse"
            return _ack(job, JobState.FAILED, "fail", failures=job.failures + 1, reason=reason, error=error)


def _retried(job: ClaimedJob, retry: Retry, error: ErrorInfo | None, policy: RetryPolicy, chance: float) -> Ack:
    failures = job.failures + 1
    if failures >= (job.max_attempts or policy.max_attempts):
        return _ack(job, JobState.FAILED, "fail", failures=failures, reason=retry.reason, error=error)
    delay = retry.after if retry.after is not None else policy.backoff.delay(failures, chance)
    return _later(job, "retry", delay, failures=failures, reason=retry.reason, error=error)


def _skipped(job: ClaimedJob, skip: Skip, error: ErrorInfo | None, policy: RetryPolicy, chance: float) -> Ack:
    skips = job.skips + 1
    if policy.max_skips is not None and skips > policy.max_skips:
        reason = f"skipped more than {policy.max_skips} times: {skip.reason or 'no reason given'}"
        return _ack(job, JobState.FAILED, "fail", skips=skips, reason=reason, error=error)
    delay = min(skip.after, MAX_DELAY) + min(skip.spread, MAX_DELAY) * chance
    return _later(job, "skip", delay, skips=skips, reason=skip.reason, error=error)


def _crashed(job: ClaimedJob, lost: WorkerLost, policy: RetryPolicy) -> Ack:
    crashes = job.crashes + 1
    error = ErrorInfo("worker_lost", f"the worker {lost.worker} {lost.how} while it held this job")
    if crashes >= policy.max_crashes:
        return _ack(job, JobState.FAILED, "crash", crashes=crashes, reason="worker_lost", error=error)
    return _ack(job, JobState.AVAILABLE, "crash", crashes=crashes, reason="worker_lost", error=error)


def _later(
    job: ClaimedJob,
    outcome: str,
    delay: timedelta,
    *,
    failures: int | None = None,
    skips: int | None = None,
    reason: str | None,
    error: ErrorInfo | None,
) -> Ack:
    delay = min(max(delay, timedelta(0)), MAX_DELAY)
    return _ack(
        job, JobState.SCHEDULED, outcome, delay=delay, failures=failures, skips=skips, reason=reason, error=error
    )


def _ack(
    job: ClaimedJob,
    state: JobState,
    outcome: str,
    *,
    attempt: int | None = None,
    failures: int | None = None,
    skips: int | None = None,
    crashes: int | None = None,
    delay: timedelta | None = None,
    reason: str | None = None,
    error: ErrorInfo | None = None,
) -> Ack:
    return Ack(
        job_id=job.id,
        lease=job.lease,
        state=state,
        outcome=outcome,
        attempt=job.attempt if attempt is None else attempt,
        failures=job.failures if failures is None else failures,
        skips=job.skips if skips is None else skips,
        crashes=job.crashes if crashes is None else crashes,
        delay=delay,
        reason=reason,
        error=error,
        keys=_keys_of(job) if job.serial_key or job.group_key else None,
    )


def _keys_of(job: ClaimedJob) -> tuple[str | None, str, str | None]:
    return job.serial_key, job.queue, job.group_key
