"""Whether a run that has written nothing is tried again at once: after a conflict, or with a lock taken first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packhorse.domain.firstlock import MOST_RESTARTS, FirstLock, LockFirst
from packhorse.domain.outcome import Failure
from packhorse.domain.retry import rerun_pause

if TYPE_CHECKING:
    from packhorse.runtime.run import Run


class Tries:
    """The tries of one run, under one lease."""

    def __init__(self) -> None:
        self.locks: frozenset[FirstLock] = frozenset()
        """With which the next one begins its transaction."""
        self._restarts = 0
        self._reruns = 0

    def next(self, run: Run) -> float | None:
        """In how many seconds there is another try after this one; None for none. The job's log says so."""
        if isinstance(run.raised, LockFirst):
            return self._restarted(run, run.raised)
        return self._rerun(run)

    def _restarted(self, run: Run, raised: LockFirst) -> float | None:
        """Without a lock that it was refused before it would only ask for it again."""
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            return None
        self.locks |= raised.locks
        run.context.log.info("begun anew with what is %s", raised)
        return 0.0

    def _rerun(self, run: Run) -> float | None:
        outcome, task = run.outcome, run.task
        if not isinstance(outcome, Failure) or outcome.counted or outcome.verdict is not None or task is None:
            return None
        self._reruns += 1
        most, error = task.policy.reruns, outcome.error
        if self._reruns > most or run.watch.is_stopped() or run.watch.cancelled_by is not None:
            return None
        run.context.log.info("run again in place (%d of %d): %s: %s", self._reruns, most, error.type, error.message)
        return rerun_pause(self._reruns)
