"""What a processor can ask: the context of a run that is about rows, and the lines that it logs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from packhorse.context import Context
from packhorse.domain.acting import ACTING_KEY
from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.order import DEFAULT_PRIORITY
from packhorse.domain.outcome import Retry, Verdict
from packhorse.domain.queuetable import Trouble
from packhorse.domain.strictjson import write_json
from packhorse.errors import UsageError

MOST_TEXT = 16 * 1024
"""Characters of a run's log that are kept."""


class RowJournal:
    """Takes what the run of rows says, to be stored with the record of what became of them."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._room = MOST_TEXT
        self._lock = threading.Lock()

    def open(self, job: ClaimedJob) -> RowJournal:
        """As `Journal.open`."""
        return self

    def line(self, level: int, logger: str, message: str) -> None:
        """As `RunJournal.line`; what is too long is left out."""
        text = f"{logging.getLevelName(level)} {message}"
        with self._lock:
            if self._room > 0:
                self._lines.append(text[: self._room])
            self._room -= len(text) + 1

    def progress(self, done: float, total: float | None, note: str | None) -> None:
        """As `RunJournal.progress`: a row is done, or it is not."""

    def close(self) -> None:
        """As `RunJournal.close`."""

    @property
    def text(self) -> str | None:
        """All lines; None when there are none."""
        return "\n".join(self._lines) or None


class RowContext(Context):
    """What a processor can ask; its optional first argument, or `packhorse.current()` anywhere below it.

    `ctx.tx` is the transaction in which the rows are removed. `ctx.job` stands for the run, and has the number 0.
    """

    begins_anew: bool = False
    keys: Sequence[str] = ()
    """The keys of the rows, as text."""
    rows: Sequence[Any] = ()
    """The rows."""
    refused: Mapping[str, Verdict] = MappingProxyType({})
    """What was rejected, by key."""

    def reject(self, row: Any, reason: str | Verdict) -> None:
        """As `Context.reject`."""
        named = [key for key, one in zip(self.keys, self.rows, strict=True) if one is row]
        if not named:
            raise UsageError("ctx.reject(row, reason) takes one of the rows that the processor was given")
        self.refused = {**self.refused, named[0]: reason if isinstance(reason, Verdict) else Retry(reason)}


def stand_in(processor: str, queue: str, trouble: Trouble, lease: Lease, creator: str | None) -> ClaimedJob:
    """A job that stands for a run of rows where one is asked for: its counts are those of a row."""
    return ClaimedJob(
        id=0,
        task=processor,
        queue=queue,
        priority=DEFAULT_PRIORITY,
        order_at_us=0,
        args="[]",
        kwargs=None,
        meta=None if creator is None else write_json({ACTING_KEY: {"creator": creator}})[0],
        own_enqueued_at_us=None,
        attempt=trouble.attempts + 1,
        failures=trouble.failures,
        skips=trouble.skips,
        crashes=trouble.crashes,
        max_attempts=None,
        serial_key=None,
        group_key=None,
        lease=lease,
    )
