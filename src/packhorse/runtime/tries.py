"""Whether a run that has written nothing is tried again at once: after a conflict, or with a lock taken first."""

from __future__ import annotations

import asyncio

from packhorse.context import Context, Watch
from packhorse.domain.firstlock import MOST_RESTARTS, FirstLock, LockFirst
from packhorse.domain.outcome import Failure, Outcome
from packhorse.domain.retry import RetryPolicy, rerun_pause


class Tries:
    """The tries of one run, under one lease.

    Args:
        policy: of its task.
        watch: what the worker has learned of it meanwhile.
    """

    def __init__(self, policy: RetryPolicy, watch: Watch) -> None:
        self.locks: frozenset[FirstLock] = frozenset()
        """With which the next one begins its transaction."""
        self._policy = policy
        self._watch = watch
        self._restarts = 0
        self._reruns = 0

    def next(self, context: Context, outcome: Outcome | None, raised: BaseException | None) -> float | None:
        """In how many seconds there is another try after this one; None for none. The job's log says so.

        Args:
            context: of the try that has ended.
            outcome: what it came to.
            raised: what its handler, or its commit, raised.
        """
        if isinstance(raised, LockFirst):
            return self._restarted(context, raised)
        if isinstance(outcome, Failure) and not outcome.counted and outcome.verdict is None:
            return self._rerun(context, outcome)
        return None

    def _restarted(self, context: Context, raised: LockFirst) -> float | None:
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            return None
        self.locks |= raised.locks
        context.log.info("begun anew with what is %s", raised)
        return 0.0

    def _rerun(self, context: Context, failure: Failure) -> float | None:
        self._reruns += 1
        most, error = self._policy.reruns, failure.error
        if self._reruns > most or self._watch.is_stopped() or self._watch.cancelled_by is not None:
            return None
        context.log.info("run again in place (%d of %d): %s: %s", self._reruns, most, error.type, error.message)
        return rerun_pause(self._reruns)


async def is_cancelled_in(seconds: float) -> bool:
    """Wait so long; whether the worker has cancelled the wait because it stops."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        return True
    return False


def begin_with(context: Context, locks: frozenset[FirstLock]) -> None:
    """Begin a handler's transaction with its locks, in one order."""
    context.locked = locks
    for lock in sorted(locks):
        lock.take(context.transaction)


async def abegin_with(context: Context, locks: frozenset[FirstLock]) -> None:
    """The same in a coroutine's transaction."""
    context.locked = locks
    for lock in sorted(locks):
        await lock.take(context.transaction)
