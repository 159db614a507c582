"""A worker in threads of another program's process: for development, where nothing else is to be started."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from packhorse.app import Packhorse
from packhorse.errors import DatabaseError, SchemaError

if TYPE_CHECKING:
    from packhorse.runtime.settings import WorkerSettings
    from packhorse.runtime.worker import Worker

log: logging.Logger = logging.getLogger("packhorse.worker")

PAUSE_SECONDS = 1.0
"""Between two tries to start it while the database is away."""


class WorkerThread:
    """Runs a worker until the program ends, and a new one when that has to be replaced: after a laptop's sleep.

    Args:
        jobs: the application of jobs.
        settings: the worker's.
    """

    def __init__(self, jobs: Packhorse, settings: WorkerSettings) -> None:
        self._jobs = jobs
        self._settings = settings
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._thread = threading.Thread(target=self._run, name="packhorse-web-worker", daemon=True)

    def start(self) -> None:
        """Begin, whether the database is there yet or not."""
        self._thread.start()

    def end(self) -> None:
        """Claim nothing more, let what runs end up to the limit of the settings, and wait for that."""
        with self._lock:
            self._ending.set()
            if self._worker is not None:
                self._worker.stop()
        self._thread.join()

    def _run(self) -> None:
        trouble = ""
        while not self._ending.is_set():
            try:
                if not self._run_one():
                    return
            except (DatabaseError, SchemaError) as error:
                if str(error) != trouble:
                    log.warning("no worker runs in this process until this has ended: %s", error)
                trouble = str(error)
                self._ending.wait(PAUSE_SECONDS)
            except Exception:
                log.exception("no worker runs in this process")
                return

    def _run_one(self) -> bool:
        """Whether another one is to follow: in its place, or when the schema fits again."""
        worker = self._jobs.worker(self._settings)
        with self._lock:
            if self._ending.is_set():
                return False
            self._worker = worker
        ended = worker.run()
        return ended.replace or worker.schema_error is not None
