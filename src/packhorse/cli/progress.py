"""A line that shows how far something long has come; on terminals only, and gone when it is done."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import NoReturn, Self

import click

REDRAW_SECONDS = 0.1
BAR_WIDTH = 24


class Progress:
    """Shows `label`, a bar, the count, the rate and the time left on standard error.

    Args:
        label: what is being done.
        total: how many there are to do.
    """

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = max(total, 1)
        self._is_shown = sys.stderr.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0

    def reach(self, done: int) -> None:
        """So many are done by now."""
        now = time.monotonic()
        if self._is_shown and now - self._drawn >= REDRAW_SECONDS:
            self._drawn = now
            click.echo(f"\r{self._line(done, now - self._started)}\x1b[K", nl=False, err=True)

    def __enter__(self) -> Self:
        self.reach(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the line away."""
        if self._is_shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _line(self, done: int, seconds: float) -> str:
        if done == 0 or seconds < REDRAW_SECONDS:
            return f"{self._label}: {self._total:,} …"
        filled = BAR_WIDTH * min(done, self._total) // self._total
        rate = done / seconds
        left = max(0, self._total - done) / rate
        bar = "█" * filled + "░" * (BAR_WIDTH - filled)
        return f"{self._label} {bar} {done:,}/{self._total:,}, {rate:,.0f}/s, {left:.0f} s left"


class Steps:
    """A progress line for each of several steps, one after the other, until somebody interrupts them."""

    def __init__(self) -> None:
        self._what = ""
        self._line: Progress | None = None
        self._is_interrupted = False

    def interrupt(self, number: int, frame: object) -> NoReturn:
        """What a signal calls. Where an import or a destructor is under way its exception is lost: `report` has it."""
        self._is_interrupted = True
        raise KeyboardInterrupt

    def report(self, what: str, done: int, total: int) -> None:
        """So many of `total` are done in the step `what`.

        Raises:
            KeyboardInterrupt: there was a signal.
        """
        if self._is_interrupted:
            raise KeyboardInterrupt
        if self._line is None or what != self._what:
            self._close()
            self._what, self._line = what, Progress(what, total)
        self._line.reach(done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
