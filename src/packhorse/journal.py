"""What a run says: the logger of `ctx.log`, the checks of `ctx.progress`, and the journal that takes both."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import MutableMapping
from typing import Any, Protocol

from packhorse.domain.job import ClaimedJob
from packhorse.errors import UsageError

JOB_LOGGER = "packhorse.job"
"""Where the lines of `ctx.log` go in `logging`."""
LONGEST_NOTE = 500
"""Characters kept of a note."""

_logger = logging.getLogger(JOB_LOGGER)
_formatter = logging.Formatter()


class RunJournal(Protocol):
    """Takes what one run says. From any thread; never waits for the database, never raises."""

    def line(self, level: int, logger: str, message: str) -> None:
        """Take a line of its log."""
        ...

    def progress(self, done: float, total: float | None, note: str | None) -> None:
        """Take how far it has come; a smaller `done` than before counts as the one before."""
        ...

    def close(self) -> None:
        """The run has ended: store the rest soon."""
        ...


class Journal(Protocol):
    """Takes what runs say, for whoever runs jobs."""

    def open(self, job: ClaimedJob) -> RunJournal:
        """A journal for a run of this job, asked for when it says something for the first time."""
        ...


class _Nowhere:
    """Where nobody keeps what is said."""

    def open(self, job: ClaimedJob) -> RunJournal:
        return self

    def line(self, level: int, logger: str, message: str) -> None: ...

    def progress(self, done: float, total: float | None, note: str | None) -> None: ...

    def close(self) -> None: ...


NOWHERE: Journal = _Nowhere()
"""A journal that keeps nothing."""


class JobLog(logging.LoggerAdapter[logging.Logger]):
    """A logger for one run: each line goes into the job's log, whatever its level, and on through `logging`.

    There it carries the job's id, task, queue and attempt as extra fields, and passes or not by its level as usual.
    """

    def __init__(self, job: ClaimedJob, journal: RunJournal) -> None:
        extra = {"job_id": job.id, "task": job.task, "queue": job.queue, "attempt": job.attempt}
        super().__init__(_logger, extra)
        self._journal = journal

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name in the standard library
        """Always: the job's log takes lines of every level."""
        return True

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Put a line into the job's log, and let it go on through `logging`."""
        record = logging.LogRecord(JOB_LOGGER, level, "", 0, msg, args or None, _raised(kwargs.get("exc_info")))
        self._journal.line(level, JOB_LOGGER, text_of(record))
        if self.logger.isEnabledFor(level):
            super().log(level, msg, *args, **{**kwargs, "stacklevel": kwargs.get("stacklevel", 1) + 1})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the job to the record's extra fields."""
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs


def text_of(record: logging.LogRecord) -> str:
    """What a record says, with its traceback; whatever is wrong with its arguments."""
    try:
        text = record.getMessage()
    except Exception as error:  # noqa: BLE001 - arguments that do not fit, or whose own str() raises
        shown = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        text = f"{shown:.500} <its arguments could not be put in: {type(error).__name__}>"
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + _formatter.formatException(record.exc_info)
    return f"{text}\n{record.stack_info}" if record.stack_info else text


def check_progress(done: Any, total: Any, note: Any) -> None:
    """Refuse what is no progress.

    Raises:
        UsageError: a figure is no number, or below zero; or the note is no text.
    """
    if not _is_figure(done):
        raise UsageError(f"ctx.progress(done): done must be a number of at least 0, not {done!r}")
    if total is not None and not _is_figure(total):
        raise UsageError(f"ctx.progress(done, total): total must be a number of at least 0, or None, not {total!r}")
    if note is not None and not isinstance(note, str):
        raise UsageError(f"ctx.progress(done, total, note): note must be a text, or None, not {note!r}")


def _is_figure(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value) and value >= 0
    except OverflowError:
        return False


def _raised(exc_info: Any) -> Any:
    """As `logging` reads the argument: an exception, a tuple, or the one that is being handled."""
    if isinstance(exc_info, BaseException):
        return type(exc_info), exc_info, exc_info.__traceback__
    if exc_info and not isinstance(exc_info, tuple):
        return sys.exc_info()
    return exc_info or None
