"""Whether the processes of a command live and are ready for work, and if not, why."""

from __future__ import annotations

import time

from packhorse.runtime.crew import Crew
from packhorse.runtime.link import Report
from packhorse.runtime.place import ChildProcess
from packhorse.runtime.worker import STUCK_SECONDS

LATE_SECONDS = 30.0
"""The supervisor comes round every second; if it does not for so long, it stands still."""
SILENT_SECONDS = 15.0
"""A worker hears from the database every second, or a little more rarely when looks are costly."""


def ailments(crew: Crew) -> list[str]:
    """Why only a restart would help: a loop stands still. That the database is away is no reason."""
    late = time.monotonic() - crew.moved_at
    own = [f"the supervisor has not come round for {late:.0f} s"] if late > LATE_SECONDS else []
    return own + [_named(one, why) for one in crew.processes() if (why := _ailment(one))]


def obstacles(crew: Crew) -> list[str]:
    """Why no job is taken here at this moment; empty when at least one process takes them."""
    if crew.is_stopping:
        return ["the worker is stopping"]
    found = [(one, _obstacle(one)) for one in crew.processes()]
    if any(why == "" for _, why in found):
        return []
    return [_named(one, why) for one, why in found] or ["no worker process runs"]


def _ailment(process: ChildProcess) -> str:
    if process.is_stopped:
        return "is stopped by a signal"
    if process.report is not None and process.silence > STUCK_SECONDS:
        return f"has not been heard of for {process.silence:.0f} s: a handler holds the interpreter"
    return process.report.stuck if process.report else ""


def _obstacle(process: ChildProcess) -> str:
    report = process.report
    if report is None or not report.is_registered:
        return "has not registered yet"
    if report.is_ending:
        return "is ending"
    if report.is_quiet:
        return "is quiet"
    return _ailment(process) or _trouble(process, report)


def _trouble(process: ChildProcess, report: Report) -> str:
    silence = report.silence + process.silence
    if silence > SILENT_SECONDS or report.is_troubled:
        return f"has not reached the database for {silence:.0f} s"
    return ""


def _named(process: ChildProcess, why: str) -> str:
    return f"worker process {process.pid}: {why}"
