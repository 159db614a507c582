"""The worker processes of the demo: `packhorse worker`, started as anybody would start it."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from packhorse import Packhorse
from shop.database import DEFAULT_FILE, ShopDatabase
from shop.ending import HURRIED_SECONDS, Ending, stop

EXAMPLES = Path(__file__).resolve().parents[1]
STOP_SECONDS = 15.0
LAST_LINES = 15


class WorkersEnded(Exception):
    """The workers ended by themselves; the message carries the end of their log."""


class Workers:
    """A supervisor with its worker processes, running inside a `with` block.

    Args:
        database: the shop's.
        ending: starts them, and stops them at Ctrl-C.
        processes: how many.
        threads: how many jobs each works on at once.
        tax_office_seconds: how long the tax office takes to answer them.

    Attributes:
        log: the file that they write their log to.
    """

    def __init__(
        self, database: ShopDatabase, ending: Ending, *, processes: int, threads: int, tax_office_seconds: float
    ) -> None:
        self.log = database.log if database.is_sqlite else DEFAULT_FILE.with_name("postgresql-workers.log")
        self._ending = ending
        self._command = [sys.executable, "-m", "packhorse", "worker", "-A", "shop.jobs:app"]
        self._command += ["-p", str(processes), "-c", str(threads)]
        self._environment = {
            **os.environ,
            "SHOP_DATABASE_URL": database.url,
            "SHOP_TAX_OFFICE_SECONDS": str(tax_office_seconds),
        }

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._supervisor = self._ending.start(self._command, cwd=EXAMPLES, env=self._environment, log=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop them gracefully; force them when they take too long, which is soon when something went wrong."""
        stop(self._supervisor, STOP_SECONDS if kind is None else HURRIED_SECONDS)

    def require_running(self) -> None:
        """Raise `WorkersEnded` if they are not running any more."""
        status = self._supervisor.poll()
        if status is not None:
            raise WorkersEnded(f"the workers ended with status {status}; {self.last_words()}")

    def last_words(self) -> str:
        """The end of their log, for a message."""
        last = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"the end of {self.log}:", *last])


def worker_pids(app: Packhorse) -> set[int]:
    """The processes that have reported for work."""
    return {int(worker.name.rpartition(":")[2]) for worker in app.list_workers()}
