"""The reporter: tells the supervisor how this worker process is, again and again."""

from __future__ import annotations

import time

from packhorse.runtime.link import Link, Order, Report, Terms
from packhorse.runtime.service import Service
from packhorse.runtime.worker import Worker


class Reporter(Service):
    """Sends reports.

    Args:
        link: the line to the supervisor.
        worker: whom they are about.
        terms: how often, and whether anybody waits for the end of the work.
    """

    name: str = "reporter"

    def __init__(self, link: Link[Order], worker: Worker, terms: Terms) -> None:
        super().__init__()
        self.interval: float = terms.report_every
        self._link = link
        self._worker = worker
        self._seeks_end = terms.seeks_end
        self._taken = -1
        self._busy_at = time.monotonic()

    def run_once(self) -> float | None:
        """Send a report; where the end of the work is waited for, have it looked for first."""
        if self._seeks_end:
            self._worker.look_for_more()
        self.tell()
        return None

    def tell(self) -> None:
        """Send a report now."""
        self._link.say(self._judged(self._worker.report()))

    def _judged(self, report: Report) -> Report:
        """With what shows only in comparison with the report before."""
        taken = report.done + report.running + report.waiting
        was_active = taken != self._taken or report.running > 0 or report.waiting > 0
        self._taken = taken
        if was_active:
            self._busy_at = time.monotonic()
        report.idle = time.monotonic() - self._busy_at
        report.is_drained = report.is_drained and not was_active
        return report
