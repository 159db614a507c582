"""A progress bar with rate and time left; where there is no terminal that can, a line now and then."""

import os
import shutil
import time
from collections import deque
from typing import TextIO

WINDOW_SECONDS = 3.0
"""The rate is that of the last seconds."""
REDRAW_SECONDS = 0.1
QUIET_SECONDS = 5.0
"""Without a terminal: how often to write a line."""
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
NARROWEST, WIDEST = 10, 40
"""Columns of the bar; where there is less room there is none."""


class Progress:
    """How far something has come.

    Args:
        label: what is counted.
        total: how many there will be.
        out: where to show it.

    Attributes:
        total: the same.
    """

    def __init__(self, label: str, total: int, out: TextIO) -> None:
        self.total = total
        self._label = label
        self._out = out
        self._is_terminal = out.isatty() and os.environ.get("TERM") != "dumb"
        self._seen: deque[tuple[float, int]] = deque()
        self._drawn_at = 0.0

    def show(self, done: int, *, is_last: bool = False) -> None:
        """Show that so many are done; more often than the eye can follow is left out."""
        now = time.monotonic()
        pause = REDRAW_SECONDS if self._is_terminal else QUIET_SECONDS
        if now - self._drawn_at < pause and not is_last:
            return
        self._drawn_at = now
        self._remember(now, done)
        if self._is_terminal:
            self._out.write(f"\r\x1b[K{self._line(done)}" + ("\n" if is_last else ""))
        else:
            self._out.write(f"{self._text(done)}\n")
        self._out.flush()

    def say(self, text: str) -> None:
        """Show a line above the bar."""
        self._out.write(f"\r\x1b[K{text}\n" if self._is_terminal else f"{text}\n")
        self._out.flush()
        self._drawn_at = 0.0 if self._is_terminal else self._drawn_at

    def rate(self) -> float:
        """How many a second, of late."""
        (first_at, first), (last_at, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else 0.0

    def _remember(self, now: float, done: int) -> None:
        self._seen.append((now, done))
        while self._seen[0][0] < now - WINDOW_SECONDS and self._seen[0] != self._seen[-2]:
            self._seen.popleft()

    def _text(self, done: int) -> str:
        rate = self.rate()
        left = f", {rate:,.0f}/s, {(self.total - done) / rate:.0f} s left" if rate > 0 and done < self.total else ""
        return f"{self._label} {done:,} of {self.total:,}{left}"

    def _line(self, done: int) -> str:
        text = self._text(done)
        columns = shutil.get_terminal_size().columns - 1
        width = min(WIDEST, columns - len(text) - 1)
        return f"{_bar(done / max(self.total, 1), width)} {text}" if width >= NARROWEST else text[:columns]


def _bar(share: float, width: int) -> str:
    full, eighths = divmod(round(min(max(share, 0.0), 1.0) * width * 8), 8)
    return ("█" * full + EIGHTHS[eighths]).ljust(width, "·")
