"""The contract of cancelling what runs, as the worker sees it. The docstrings are normative.

Who asks writes that into the job's row and takes nothing away from the worker: the job stays `executing`, under its
lease. The worker looks now and then, tells the handler, and acknowledges the run as `packhorse.domain.decide` says.
"""

from __future__ import annotations

from typing import Protocol

from packhorse.domain.job import ClaimedJob


class Cancellations(Protocol):
    """Jobs whose cancellation was asked while they were executing."""

    def list_cancelled_runs(self, worker: int) -> list[ClaimedJob]:
        """The jobs executing under a lease of this worker whose cancellation was asked, with who asked.

        One look into an index that holds such jobs alone; it takes no lock.
        """
        ...
