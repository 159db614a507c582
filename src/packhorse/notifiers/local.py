"""Hints inside one process: a producer's commit wakes the workers that run beside it, at once."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable

Wake = Callable[[], None]

_lock = threading.Lock()
_listeners: defaultdict[str, list[Wake]] = defaultdict(list)


def _forget() -> None:
    """In a forked child: its parent's workers do not run here, and the thread that held a lock of theirs is gone."""
    global _lock  # noqa: PLW0603 - a held lock can only be replaced
    _lock = threading.Lock()
    _listeners.clear()


os.register_at_fork(after_in_child=_forget)


def announce(database: str) -> None:
    """Say that jobs have been committed to the database at this address (`engine.address`)."""
    for wake in tuple(_listeners.get(database, ())):
        wake()


def is_heard(database: str) -> bool:
    """Whether anybody in this process would hear an announcement."""
    return bool(_listeners.get(database))


class LocalNotifier:
    """`packhorse.notifier.Notifier` for what is announced in this process.

    Args:
        database: the engine's address.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._wake: Wake | None = None

    def listen(self, wake: Wake) -> None:
        """Begin to call `wake` at every announcement, in the announcing thread."""
        self._wake = wake
        with _lock:
            _listeners[self._database].append(wake)

    def close(self) -> None:
        """Stop calling."""
        with _lock:
            wake, self._wake = self._wake, None
            if wake is not None and wake in _listeners[self._database]:
                _listeners[self._database].remove(wake)
