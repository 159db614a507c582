"""The handle of a call that is stored later, when a session for coroutines next writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from packhorse.domain.job import JobRecord
from packhorse.errors import UsageError
from packhorse.handle import JobHandle


class PendingHandle:
    """A deferred call that was made under an `AsyncSession`: it is a job from the session's next flush, or its commit.

    Until then it has no id; `await app.adeferred(Order).process(order)` stores it at once.
    """

    def __init__(self) -> None:
        self.stored: JobHandle[Any] | None = None
        """The job that it became."""

    @property
    def id(self) -> int:
        """The job's number.

        Raises:
            UsageError: it is not stored yet, or was undone before it was.
        """
        return self._handle.id

    def record(self) -> JobRecord:
        """The job as it is now; see `JobHandle.record`."""
        return self._handle.record()

    def result(self, timeout: float | timedelta | None = None) -> Any:
        """Wait for the job's end and return what the method returned; see `JobHandle.result`."""
        return self._handle.result(timeout)

    async def aresult(self, timeout: float | timedelta | None = None) -> Any:  # noqa: ASYNC109 - as in JobHandle
        """Wait for the job's end, for coroutines; see `JobHandle.result`."""
        return await self._handle.aresult(timeout)

    @property
    def _handle(self) -> JobHandle[Any]:
        if self.stored is None:
            raise UsageError(
                "this call is no job yet: it becomes one when its AsyncSession next flushes or commits, "
                "or at once by `await app.adeferred(Model).method(…)`"
            )
        return self.stored

    def __repr__(self) -> str:
        return "<PendingHandle>" if self.stored is None else f"<PendingHandle {self.stored.id}>"
