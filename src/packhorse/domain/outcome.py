"""How a run of a job ended, as values.

`Skip`, `Retry`, `Fail` and `Cancel` are the handler's to raise or to return. The others are seen by the worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

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
    """

    after: timedelta = DEFAULT_SKIP

    def __init__(self, reason: str | BaseException | None = None, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        after = _checked(after)
        self.after = after if after is not None and after > timedelta(0) else DEFAULT_SKIP


class Fail(Verdict):
    """Give up: trying again is useless; a person must look."""


class Cancel(Verdict):
    """Withdraw the job: it is not wanted any more."""


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


def _checked(after: timedelta | None) -> timedelta | None:
    """Refused where it is written: later, the record of the run would be what fails."""
    if after is not None and not isinstance(after, timedelta):
        raise TypeError(f"after must be a timedelta, not {after!r}")
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
