"""Signals as something to read: none of them ever runs code in the midst of other code."""

from __future__ import annotations

import os
import selectors
import signal
import threading
from collections.abc import Callable
from types import FrameType


class Signals:
    """Takes signals for the whole process; make it in the main thread, read it in any.

    The interpreter writes the number of each to a pipe. A handler in Python would run in the main thread: perhaps
    while it holds a lock or is about to commit, and perhaps never, since the kernel may give a signal that came while
    the process was stopped to another thread, and the main one then goes on waiting.

    Args:
        numbers: which ones.
    """

    def __init__(self, *numbers: int) -> None:
        pipe, self._written = os.pipe()
        self.pipe: int = pipe
        os.set_blocking(self.pipe, False)
        os.set_blocking(self._written, False)
        signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)
        self._numbers = numbers
        for number in numbers:
            signal.signal(number, _nothing)

    def ignore(self) -> None:
        """Take none any more: at its end the interpreter would give each its usual meaning, which is a sudden end."""
        for number in self._numbers:
            signal.signal(number, signal.SIG_IGN)

    def read(self, timeout: float | None = None) -> bytes:
        """The signals that came, in order; waits up to `timeout` seconds for the first, None waits for ever."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.pipe, selectors.EVENT_READ)
            return os.read(self.pipe, 64) if selector.select(timeout) else b""

    def listen(self, heard: Callable[[int], None]) -> None:
        """Call this for each signal from now on, in a thread of its own."""
        threading.Thread(target=self._listen, args=(heard,), name="packhorse-signals", daemon=True).start()

    def _listen(self, heard: Callable[[int], None]) -> None:
        while True:
            for number in self.read():
                heard(number)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Takes a signal so that it is written; unlike an ignored one, programs that are started here don't inherit it."""
