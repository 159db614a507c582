"""How a run of a job ended, as values.

`Skip`, `Retry`, `Fail` and `Cancel` are the handler's to raise or to return. The others are seen by the worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from packhorse.domain.causes import causes

DEFAULT_SKIP = timedelta(seconds=5)


class Verdict(Exception):
    """What a handler says about its own run; raise it or return it.

    Args:
        reason: why, for the record; an exception, as in `raise Fail(error) from error`, stands for its text.

    Raises:
        TypeError: the reason is something else.
    """

    reason: str | None = None

    def __init__(self, reason: str | BaseException | None = None) -> None:
        self.reason = _text(reason)
        super().__init__(self.reason or type(self).__name__)


class Retry(Verdict):
    """Run again: counted as a failure.

    Args:
        reason: why, for the record.
        after: how long to wait; by default what the task's backoff says.

    Raises:
        TypeError: `after` is no `timedelta`, or the reason no text.
    """

    after: timedelta | None = None

    def __init__(self, reason: str | BaseException | None = None, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = _checked(after)


class Skip(Verdict):
    """Not now: run again after a while, not counted as a failure.

    Args:
        reason: why, for the record.
        after: how long to wait; 5 seconds by default, and for anything not above zero.
        spread: up to how much longer to wait, at random, so that rivals do not come back together; not at all.

    Raises:
        TypeError: `after` or `spread` is no `timedelta`, or the reason no text.
    """

    after: timedelta = DEFAULT_SKIP
    spread: timedelta = timedelta(0)

    def __init__(
        self,
        reason: str | BaseException | None = None,
        *,
        after: timedelta | None = None,
        spread: timedelta | None = None,
    ) -> None:
        super().__init__(reason)
        after, spread = _checked(after), _checked(spread, "spread")
        self.after = after if after is not None and after > timedelta(0) else DEFAULT_SKIP
        self.spread = max(timedelta(0), spread or timedelta(0))


class Fail(Verdict):
    """Give up: trying again is useless; a person must look."""


class Cancel(Verdict):
    """Withdraw the job: it is not wanted any more."""


class ServiceUnavailable(Exception):
    """Something that the handler needs does not answer now: a mail server, a bank, another system.

    Raised by a handler, or by whatever it calls, also behind other exceptions (`raise … from …`), it skips the run
    where the service, or whoever knows it, says when to try again; otherwise it is an error like any other. What the
    task's `on_error` says of the exception that was raised goes before.

    Args:
        message: what does not answer.
        retry_after: how long to wait before the next run; None, or anything not above zero, where nobody knows.

    Raises:
        TypeError: `retry_after` is no `timedelta`; a number of seconds is refused, as `Skip` and `Retry` refuse it.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after: timedelta | None = _checked(retry_after, "retry_after")


class UserError(Exception):
    """A mistake in the business data that a person must put right: an address is missing, a period is closed.

    Raised by a handler, or by whatever it calls, it is never tried again by itself: the job fails at once and waits in
    the inbox, with the message and the description and without a traceback, until somebody has solved it.

    Args:
        message: what is wrong, for the person, in a line.
        description: more about it, and what to do.
    """

    def __init__(self, message: str, description: str | None = None) -> None:
        super().__init__(message)
        self.message: str = message
        self.description: str | None = description


def find_advice(error: BaseException) -> Skip | None:
    """The skip that a service which is not there has advised, itself or behind other exceptions; None for none."""
    for cause in causes(error):
        if isinstance(cause, ServiceUnavailable) and cause.retry_after is not None and cause.retry_after > timedelta(0):
            return Skip(message_of(cause), after=cause.retry_after)
    return None


def message_of(error: BaseException) -> str:
    """The exception's text, even when its own `str` raises."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - whatever a stranger's str() raises
        return f"<the exception's own str() raised {type(broken).__name__}>"


def _text(reason: object) -> str | None:
    if isinstance(reason, BaseException):
        return message_of(reason) or type(reason).__name__
    if reason is not None and not isinstance(reason, str):
        raise TypeError(f"a reason must be text or an exception, not {reason!r}")
    return reason


def _checked(after: timedelta | None, name: str = "after") -> timedelta | None:
    """Refused where it is written: later, the record of the run would be what fails."""
    if after is not None and not isinstance(after, timedelta):
        raise TypeError(f"{name} must be a timedelta, such as timedelta(seconds=30), not {after!r}")
    return after


@dataclass(frozen=True, slots=True)
class Success:
    """The handler returned.

    `result` is its value as JSON, None when there is nothing to keep; `note` says why it was not kept.
    """

    result: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An exception, as text that is safe to store."""

    type: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """The handler raised, ran out of time, or could not be called.

    `verdict` is what the task's policy says of this exception; None leaves it to the retry rule.
    `counted` is False for trouble that is nobody's fault, such as a deadlock.
    """

    error: ErrorInfo
    verdict: Verdict | None = None
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Unstarted:
    """Claimed but handed back before it started: no attempt is burned."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No live worker knows the task: parked, no attempt burned, until one registers it."""

    task: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The worker died, or was out of reach for longer than its lease, while it held the job."""

    worker: str
    how: str = "died"
    """What is known of its end, a verb for a message: `was killed by signal 9 (SIGKILL)`."""


Outcome = Success | Failure | Verdict | Unstarted | Unknown | WorkerLost
