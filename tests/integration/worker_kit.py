"""A worker inside the test's own process, and a small application for it."""

import importlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from packhorse import JobRecord, JobState, Packhorse
from packhorse.runtime.settings import WorkerSettings
from packhorse.runtime.worker import Worker
from tests.waiting import wait_until

WRITTEN = "written_app:app"
"""Where children find it."""
FINAL = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


@contextmanager
def working(app: Packhorse, **settings: Any) -> Iterator[Worker]:
    """A worker of the application that runs while the block does."""
    worker = app.worker(WorkerSettings(**{"shutdown_timeout": 5.0, **settings}))
    worker.start()
    try:
        yield worker
    finally:
        worker.end()


@contextmanager
def written_app(source: str, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packhorse]:
    """The `app` of a module of this text, which children import, too; `WRITTEN_APP_URL` tells it the database."""
    (folder / "written_app.py").write_text(source)
    monkeypatch.setenv("WRITTEN_APP_URL", url)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("written_app", None)
    app: Packhorse = importlib.import_module("written_app").app
    app.engine.migrate()
    yield app
    app.close()


def wait_for(app: Packhorse, job_id: int, *states: JobState, timeout: float = 15.0) -> JobRecord:
    """The job, once it is in one of these states (any final one by default)."""
    wanted = states or FINAL

    def look() -> JobRecord | None:
        job = app.get_job(job_id)
        return job if job.state in wanted else None

    found = wait_until(look, timeout, f"job {job_id} to become {' or '.join(wanted)}")
    assert found is not None
    return found


class Gate:
    """A handler that waits here tells that it is running, and goes on when it is let through."""

    def __init__(self) -> None:
        self._waiting = 0
        self._lock = threading.Lock()
        self._open = threading.Event()

    def wait(self, timeout: float = 30.0) -> None:
        """Called by the handler."""
        with self._lock:
            self._waiting += 1
        if not self._open.wait(timeout):
            raise TimeoutError("nobody opened the gate")

    def reached(self, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until so many handlers have come to the gate."""
        wait_until(lambda: self._waiting >= count, timeout, f"{count} handlers at the gate")

    def open(self) -> None:
        """Let everybody through."""
        self._open.set()
