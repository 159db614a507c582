"""What becomes of the transaction that jobs were enqueued in, for whoever waits for them."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any


class Fate:
    """How one transaction, or one savepoint in it, ends, as far as that is seen; made where it is open."""

    __slots__ = ("_is_open", "_opened_in", "is_undone")

    def __init__(self) -> None:
        self._opened_in = here()
        self._is_open = True
        self.is_undone: bool = False

    def committed(self) -> None:
        """The transaction was committed."""
        self._is_open = False

    def rolled_back(self) -> None:
        """It was rolled back, or the savepoint was."""
        self._is_open, self.is_undone = False, True

    def is_awaited(self) -> bool:
        """Whether its end is still to come and does not depend on whoever asks: that one may wait for it."""
        return self._is_open and self._opened_in != here()


def here() -> Any:
    """The asyncio task, else the thread; a forked process has neither of its parent's."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return task or (os.getpid(), threading.get_ident())
