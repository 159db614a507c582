"""The sweeper: the leader's service that deletes what jobs said which are not there any more."""

from __future__ import annotations

from collections.abc import Callable

from packhorse.joblog import JobLog
from packhorse.runtime.service import Service

CHUNK = 1000
"""Jobs in one transaction."""
REST_SECONDS = 1.0
"""Between two chunks."""


class Sweeper(Service):
    """Looks through the logs once an hour, while this worker leads.

    Logs are deleted with their jobs. What is left is of jobs that are not kept at all, and lines that came too late.

    Args:
        logs: what jobs said.
        is_leader: whether this worker is the leader now. Two that sweep at once do no harm.
    """

    name: str = "sweeper"
    interval: float = 3600.0

    def __init__(self, logs: JobLog, is_leader: Callable[[], bool]) -> None:
        super().__init__()
        self._logs = logs
        self._is_leader = is_leader
        self._after = 0

    def run_once(self) -> float | None:
        """Look at the next jobs that said something."""
        if not self._is_leader():
            self._after = 0
            return None
        ids = self._logs.list_logged_jobs(self._after, CHUNK)
        if ids:
            self._logs.delete_stray_logs(ids)
        self._after = ids[-1] if len(ids) == CHUNK else 0
        return REST_SECONDS if self._after else None
