"""What waits for the end of a transaction whose commit we see, savepoint by savepoint."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from packhorse.fate import Fate

log: logging.Logger = logging.getLogger("packhorse")

Callback = Callable[[], None]


@dataclass(slots=True)
class _Level:
    name: Hashable
    after_commit: list[Callback] = field(default_factory=list)
    after_rollback: list[Callback] = field(default_factory=list)
    fate: Fate | None = None


class Waiting:
    """Callbacks that wait for the end of one transaction; those of a savepoint wait on a level of their own."""

    def __init__(self) -> None:
        self._levels = [_Level(None)]

    @property
    def depth(self) -> int:
        """How many savepoints are open."""
        return len(self._levels) - 1

    def on_commit(self, callback: Callback) -> None:
        """Call back after the commit, unless the present savepoint or one around it is rolled back."""
        self._levels[-1].after_commit.append(callback)

    def on_rollback(self, callback: Callback) -> None:
        """Call back after the rollback of the present savepoint, of one around it, or of the transaction."""
        self._levels[-1].after_rollback.append(callback)

    def fate(self) -> Fate:
        """What learns how the present savepoint, or the transaction, ends: the same one for all that ask in it."""
        level = self._levels[-1]
        if level.fate is None:
            level.fate = Fate()
            self.on_commit(level.fate.committed)
            self.on_rollback(level.fate.rolled_back)
        return level.fate

    def enter(self, *savepoints: Hashable) -> None:
        """These savepoints, from the outermost, are open; what is on a level already stays there."""
        known = [level.name for level in self._levels]
        self._levels.extend(_Level(name) for name in savepoints if name not in known)

    def release(self, savepoint: Hashable) -> None:
        """The savepoint ended well: what waits for it, or in it, now waits for what is around it."""
        for level in self._leave(savepoint):
            self._levels[-1].after_commit.extend(level.after_commit)
            self._levels[-1].after_rollback.extend(level.after_rollback)

    def undo(self, savepoint: Hashable) -> None:
        """The savepoint was rolled back, and those in it with it."""
        call_all(callback for level in self._leave(savepoint) for callback in level.after_rollback)

    def commit(self) -> None:
        """The transaction was committed."""
        call_all(callback for level in self._leave(None) for callback in level.after_commit)

    def rollback(self) -> None:
        """The transaction was rolled back."""
        call_all(callback for level in self._leave(None) for callback in level.after_rollback)

    def _leave(self, name: Hashable) -> list[_Level]:
        """Take away the level of that name and those in it; the outermost is replaced by an empty one."""
        names = [level.name for level in self._levels]
        first = names.index(name) if name in names else len(names)
        left, self._levels = self._levels[first:], self._levels[:first] or [_Level(None)]
        return left


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
