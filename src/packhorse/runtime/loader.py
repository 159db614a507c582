"""The loader: tries the modules again that could not be imported, and makes known what they bring when it works."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

from packhorse.declarations import Declarations
from packhorse.engine import Engine
from packhorse.runtime.service import Service

log: logging.Logger = logging.getLogger("packhorse.worker")

RETRY_SECONDS = 10.0
NOTHING_TO_DO_SECONDS = 3600.0


class Loader(Service):
    """Looks after the modules that hold tasks.

    Args:
        engine: where failures are recorded.
        declarations: what the application's code says.
        learned: called when more tasks are known than before.
    """

    name: str = "loader"
    interval: float = NOTHING_TO_DO_SECONDS

    def __init__(self, engine: Engine, declarations: Declarations, learned: Callable[[], None]) -> None:
        super().__init__()
        self._engine = engine
        self._modules = declarations.modules
        self._learned = learned
        self._told: dict[str, str] = {}

    def run_once(self) -> float | None:
        """Import what was not imported yet, and record what could not be."""
        if not self._modules.names:
            return None
        if loaded := self._modules.load():
            log.info("can be imported now: %s", ", ".join(loaded))
            self._learned()
        self._record()
        return RETRY_SECONDS if self._modules.failures else None

    def _record(self) -> None:
        host, failures = socket.gethostname(), self._modules.failures
        for known in self._engine.list_load_failures():
            if known.host == host and known.module in self._modules.names and known.module not in failures:
                self._engine.forget_load_failure(known.module, host)
        for module, error in failures.items():
            self._engine.note_load_failure(module, host, error)
            if self._told.get(module) != error:
                log.error("%s can't be imported, its tasks are set aside until it can: %s", module, error)
        self._told = dict(failures)
