"""What is told of a job after its run, and how an exception becomes text that is safe to store."""

from __future__ import annotations

import logging
import traceback

from msgspec.structs import replace

from packhorse.domain.decide import Ack
from packhorse.domain.frames import handlers_part
from packhorse.domain.job import ClaimedJob
from packhorse.domain.outcome import ErrorInfo, Fail, Failure, UserError, message_of
from packhorse.domain.state import JobState

log: logging.Logger = logging.getLogger("packhorse.worker")

LONGEST_TEXT = 16 * 1024
"""Characters kept of a message or of a traceback (its end, where the cause stands)."""


def error_info(error: BaseException) -> ErrorInfo:
    """The exception as text: bounded, without NUL and lone surrogates, even when its own `str` raises.

    Its traceback begins with the handler.
    """
    lines = traceback.format_exception(type(error), error, handlers_part(error))
    return ErrorInfo(type(error).__name__, storable(message_of(error)), storable("".join(lines), keep_end=True))


def user_failure(error: UserError) -> Failure:
    """What a mistake in the business data comes to: the inbox at once, with words for a person and no traceback."""
    info = ErrorInfo(UserError.__name__, storable(message_of(error)))
    return Failure(info, Fail(getattr(error, "description", None)))


def storable_ack(ack: Ack) -> Ack:
    """The acknowledgement with a reason that every database stores."""
    return ack if ack.reason is None else replace(ack, reason=storable(str(ack.reason)))


def storable(text: str, *, keep_end: bool = False) -> str:
    """The text as every database stores it, cut to `LONGEST_TEXT`."""
    clean = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    if len(clean) <= LONGEST_TEXT:
        return clean
    return "…" + clean[-LONGEST_TEXT + 1 :] if keep_end else clean[: LONGEST_TEXT - 1] + "…"


def report_ack(job: ClaimedJob, ack: Ack) -> None:
    """Write one log line for a run; of one that simply succeeded only for those who debug."""
    if ack.state == JobState.SUCCEEDED and not ack.reason and not log.isEnabledFor(logging.DEBUG):
        return
    name = f"job {job.id} ({job.task}), attempt {job.attempt}"
    why = _why(ack)
    match ack.state:
        case JobState.SUCCEEDED if ack.reason:
            log.warning("%s: %s", name, ack.reason)
        case JobState.SCHEDULED:
            wait = ack.delay.total_seconds() if ack.delay else 0
            log.warning("%s: %s, again in %.1f s: %s", name, ack.outcome, wait, why)
        case JobState.AVAILABLE if ack.outcome == "crash":
            log.warning("%s: crashed its process, again at once: %s", name, why)
        case JobState.FAILED:
            log.error("%s failed for good: %s", name, why)
        case JobState.CANCELLED:
            log.info("%s was cancelled: %s", name, why)
        case _:
            log.debug("%s: %s", name, ack.outcome)


def _why(ack: Ack) -> str | None:
    """The exception by type and message, and what the reason adds; else the reason alone."""
    if ack.error is None:
        return ack.reason
    error = f"{ack.error.type}: {ack.error.message}" if ack.error.message else ack.error.type
    return error if ack.reason is None or ack.reason in error else f"{error} ({ack.reason})"


def report_lost(job_id: int) -> None:
    """Say that an acknowledgement came too late."""
    log.warning(
        "job %d: the lease was lost before this run ended; it was rescued, and this run's end counts for nothing",
        job_id,
    )
