"""What a producer holds of a job that it enqueued: its id, and a way to its result."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Generic, TypeVar, cast

import msgspec

from packhorse.domain.job import JobRecord, key_of
from packhorse.domain.state import JobState
from packhorse.errors import JobFailed, JobNotFound, JobRolledBack, ResultTimeout
from packhorse.fate import Fate

R_co = TypeVar("R_co", covariant=True)

FIRST_LOOK_AGAIN, LONGEST_PAUSE, GROWTH = 0.005, 0.25, 1.5
"""Seconds between two looks at a job that is not finished: from the first to the longest, growing by this factor."""


def not_found(id: int, _queue: str | None = None) -> JobNotFound:
    """What to say of a job that is not there, when nothing else is known of it."""
    return JobNotFound(
        f"no job {id}: the transaction that enqueued it is still open or was rolled back, "
        "or the job finished long ago and was pruned"
    )


class JobHandle(msgspec.Struct, Generic[R_co], eq=False):
    """A job that was enqueued, or found by its id. Cheap, hashable, and good in any process with the same database.

    Attributes:
        id: the job's number, unique in its database.
    """

    id: int
    _find: Callable[[int], JobRecord | None]
    _decode: Callable[[str], R_co]
    _watch: Callable[[JobRecord | None], None] = lambda _: None
    _missing: Callable[[int, str | None], JobNotFound] = not_found
    _key: int | None = None
    _queue: str | None = None
    _fate: Fate | None = None
    _may_be_found: bool = False
    """Whether the enqueue may have found the job by its unique key: that one is there after a rollback, too."""

    def record(self) -> JobRecord:
        """Read the job as it is now.

        Raises:
            JobRolledBack: the transaction that enqueued it was seen to be rolled back.
            JobNotKept: its queue keeps no succeeded jobs, and it is not there: most likely it has succeeded.
            JobNotFound: it was rolled back, is not committed yet, or was pruned.
        """
        record = self._find_own()
        if record is None:
            raise self._missing(self.id, self._queue)
        return record

    def result(self, timeout: float | timedelta | None = None) -> R_co:
        """Wait for the job to finish and return what its handler returned.

        A skip or a retry is no end, so the wait goes on; so it does for another thread or coroutine while a transaction
        is open whose end is seen.

        Args:
            timeout: seconds (or a `timedelta`) to wait at most; None, the default, waits for ever.

        Raises:
            JobFailed: it failed or was cancelled; the error says why.
            JobRolledBack: the transaction that enqueued it was seen to be rolled back.
            JobNotKept: its queue keeps no succeeded jobs, and it is not there: most likely it has succeeded.
            JobNotFound: it was rolled back, is not committed yet, or was pruned.
            ResultTimeout: it has not finished in time.
        """
        for pause in pauses(timeout):
            record = self._find_awaited(self._is_to_come())
            if record is not None and record.state.is_final:
                return self._value(record)
            if record is not None:
                self._watch(record)
            time.sleep(pause)
        raise self._timeout(timeout)

    async def aresult(self, timeout: float | timedelta | None = None) -> R_co:  # noqa: ASYNC109 - the twin of `result`
        """Wait for the job to finish and return what its handler returned, for coroutines; see `result`."""
        self._watch(None)  # here, not where we look: what this thread enqueued is known in this thread
        for pause in pauses(timeout):
            record = await asyncio.to_thread(self._find_awaited, self._is_to_come())
            if record is not None and record.state.is_final:
                return self._value(record)
            if record is not None:
                self._watch(record)
            await asyncio.sleep(pause)
        raise self._timeout(timeout)

    def _is_to_come(self) -> bool:
        """Whether whoever asks here may wait for the commit; before a look, since it may come after that."""
        return self._fate is not None and self._fate.is_awaited()

    def _find_awaited(self, is_to_come: bool) -> JobRecord | None:
        return self._find_own() if is_to_come else self.record()

    def _find_own(self) -> JobRecord | None:
        """The job, not another one that has its id: SQLite gives it again after a rollback."""
        is_undone = self._fate is not None and self._fate.is_undone
        record = None if is_undone and not self._may_be_found else self._find(self.id)
        if record is not None and self._key in (None, key_of(record)):
            return record
        if is_undone:
            raise JobRolledBack(f"the transaction that enqueued job {self.id} was rolled back, and the job with it")
        return None

    def _value(self, record: JobRecord) -> R_co:
        if record.state is not JobState.SUCCEEDED:
            raise JobFailed(
                record.id,
                record.state,
                reason=record.reason,
                error_type=record.error_type,
                error_message=record.error_message,
                error_traceback=record.error_traceback,
            )
        return cast("R_co", None) if record.result is None else self._decode(record.result)

    def _timeout(self, timeout: float | timedelta | None) -> ResultTimeout:
        return ResultTimeout(f"job {self.id} has not finished within {seconds_in(timeout):g} s")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JobHandle) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<JobHandle {self.id}>"


def seconds_in(timeout: float | timedelta | None) -> float:
    """A time to wait in seconds; infinite where there is no limit."""
    if timeout is None:
        return math.inf
    return timeout.total_seconds() if isinstance(timeout, timedelta) else timeout


def pauses(timeout: float | timedelta | None, longest: float = LONGEST_PAUSE) -> Iterator[float]:
    """How long to wait after each look, in seconds, `longest` at most, until the time is over; a last look follows."""
    deadline = time.monotonic() + seconds_in(timeout)
    pause = FIRST_LOOK_AGAIN
    while True:
        left = deadline - time.monotonic()
        yield max(0.0, min(pause, left))
        if left <= 0:
            return
        pause = min(pause * GROWTH, longest)
