"""Several notifiers as one."""

from __future__ import annotations

from collections.abc import Callable

from packhorse.notifier import Notifier


class CombinedNotifier:
    """`packhorse.notifier.Notifier` that calls when any of its parts does.

    Args:
        parts: the notifiers.
    """

    def __init__(self, *parts: Notifier) -> None:
        self._parts = parts

    def listen(self, wake: Callable[[], None]) -> None:
        """Begin to call `wake`."""
        for part in self._parts:
            part.listen(wake)

    def close(self) -> None:
        """Stop calling."""
        for part in self._parts:
            part.close()
