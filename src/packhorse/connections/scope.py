"""What waits for the end of a transaction whose commit we see, savepoint by savepoint."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

log = logging.getLogger("packhorse")

Callback = Callable[[], None]


class Waiting:
    """Callbacks that wait for the end of one transaction; those of a savepoint wait on a level of their own."""

    def __init__(self) -> None:
        self._levels: list[tuple[list[Callback], list[Callback]]] = [([], [])]

    @property
    def depth(self) -> int:
        """How many savepoints are open."""
        return len(self._levels) - 1

    def on_commit(self, callback: Callback) -> None:
        """Call back after the commit, unless the present savepoint or one around it is rolled back."""
        self._levels[-1][0].append(callback)

    def on_rollback(self, callback: Callback) -> None:
        """Call back after the rollback of the present savepoint, of one around it, or of the transaction."""
        self._levels[-1][1].append(callback)

    def enter(self) -> None:
        """A savepoint begins."""
        self._levels.append(([], []))

    def release(self) -> None:
        """The innermost savepoint ends well: what waits for it now waits for what is around it."""
        after_commit, after_rollback = self._levels.pop()
        self._levels[-1][0].extend(after_commit)
        self._levels[-1][1].extend(after_rollback)

    def undo(self) -> None:
        """The innermost savepoint was rolled back."""
        call_all(self._levels.pop()[1])

    def commit(self) -> None:
        """The transaction was committed."""
        called = [callback for after_commit, _ in self._levels for callback in after_commit]
        self._levels = [([], [])]
        call_all(called)

    def rollback(self) -> None:
        """The transaction was rolled back."""
        called = [callback for _, after_rollback in self._levels for callback in after_rollback]
        self._levels = [([], [])]
        call_all(called)


def call_all(callbacks: Iterable[Callback]) -> None:
    """Call each, the same one once; one that raises is logged, and the rest are called all the same."""
    for callback in dict.fromkeys(callbacks):
        try:
            callback()
        except Exception:
            log.exception("a callback failed after the end of a transaction")


_open: dict[int, Waiting] = {}


def find_scope(raw: object) -> Waiting | None:
    """What waits for the transaction that `app.transaction` has opened on this connection, or None."""
    return _open.get(id(raw))


def open_scope(raw: object) -> Waiting:
    """Begin to keep what waits for a transaction on this connection; the caller keeps the connection alive."""
    return _open.setdefault(id(raw), Waiting())


def close_scope(raw: object) -> None:
    """The transaction on this connection is over."""
    _open.pop(id(raw), None)
