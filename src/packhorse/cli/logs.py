"""The worker's log on standard error: one line for each event, safe to read on a terminal."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TypeAlias

from packhorse.cli.output import printable

Raised: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

FORMAT = "%(asctime)s %(levelname)-7s [%(process)d] %(message)s"


class OneLine(logging.Formatter):
    """Keeps what handlers and exceptions say on the line of its event; only tracebacks follow below."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name in the standard library
        """The line, without line breaks and characters that steer a terminal."""
        return printable(super().formatMessage(record), lines=False)

    def formatException(self, ei: Raised) -> str:  # noqa: N802 - the name in the standard library
        """The traceback, without characters that steer a terminal."""
        return printable(super().formatException(ei))


def log_to_stderr(level: str, capture: int = logging.INFO) -> None:
    """Write the log to standard error, unless the application has set up its logging by itself.

    Args:
        level: from which level on Packhorse's own lines are written; what handlers log, from INFO on.
        capture: from which level on what handlers log is made at all, because it goes into their jobs' logs.
    """
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(OneLine(FORMAT))
        handler.setLevel(min(logging.INFO, logging.getLevelNamesMapping()[level.upper()]))
        root.addHandler(handler)
        root.setLevel(min(logging.INFO, capture))
    logging.getLogger("packhorse").setLevel(level.upper())
