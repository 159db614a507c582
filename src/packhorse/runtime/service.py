"""A service: a thread that makes one pass after another until it is stopped. All background loops have this shape."""

from __future__ import annotations

import logging
import threading
import time

from packhorse.errors import DatabaseError

log: logging.Logger = logging.getLogger("packhorse.worker")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between tries while the database is away: doubled from the first to the longest."""


class Service:
    """Runs `run_once` again and again, at intervals or when woken, and goes on after errors.

    Attributes:
        name: for the thread and the log.
        interval: seconds from the end of one pass to the next one.
    """

    name: str = "service"
    interval: float = 1.0

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble_pause = 0.0
        self._pass_began: float | None = None

    def run_once(self) -> float | None:
        """Make one pass; seconds until the next one, None for the usual interval."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin the passes, in a thread of their own."""
        self._thread = threading.Thread(target=self._run, name=f"packhorse-{self.name}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Make the next pass now. From any thread; cheap."""
        if not self._wake.is_set():
            self._wake.set()

    def stop(self) -> None:
        """Make no further pass; returns at once."""
        self._stopping.set()
        self._wake.set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds for the last pass to end; whether it has."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    @property
    def is_troubled(self) -> bool:
        """Whether the database did not allow the last pass."""
        return self._trouble_pause > 0

    def busy_for(self) -> float:
        """For how many seconds the pass that is being made has been going on; 0 between two passes."""
        began = self._pass_began
        return 0.0 if began is None else time.monotonic() - began

    def on_trouble(self, error: DatabaseError) -> None:
        """Called after a pass that the database did not allow; the next one comes after a pause."""

    def _run(self) -> None:
        while not self.is_stopping:
            self._pass_began = time.monotonic()
            pause = self._pass()
            self._pass_began = None
            (self._stopping if self._trouble_pause else self._wake).wait(pause)
            self._wake.clear()

    def _pass(self) -> float:
        try:
            pause = self.run_once()
        except DatabaseError as error:
            return self._after_trouble(error)
        except Exception:
            log.exception("the %s failed; it goes on in a second", self.name)
            return 1.0
        if self._trouble_pause:
            log.warning("the %s reaches the database again", self.name)
            self._trouble_pause = 0.0
        return self.interval if pause is None else pause

    def _after_trouble(self, error: DatabaseError) -> float:
        if not self._trouble_pause and not self.is_stopping:
            log.warning("the %s has to wait for the database: %s", self.name, error)
        self._trouble_pause = min(max(self._trouble_pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        self.on_trouble(error)
        return self._trouble_pause
