"""The database's clock in a test's hands: every statement of an engine takes its time from there."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol


class HasClock(Protocol):
    """An engine whose clock can be moved, for tests only; both engines of Packhorse can."""

    def move_clock(self, offset: timedelta) -> None:
        """Let the clock of every statement run `offset` from the system's, for everybody on this database."""
        ...


class MovingClock:
    """Moves the clock of an engine's database on from where it is.

    Args:
        engine: an engine on the database; the move holds for every connection to it.
    """

    def __init__(self, engine: HasClock) -> None:
        self._engine = engine
        self.offset = timedelta(0)
        """How far from the system's clock it runs now."""

    def advance(self, by: timedelta) -> None:
        """Let `by` go past at once; below zero it goes back."""
        self.offset += by
        self._engine.move_clock(self.offset)

    def reset(self) -> None:
        """Run with the system's clock again."""
        self.advance(-self.offset)


def move_clock(engine: HasClock, offset: timedelta) -> None:
    """Let the clock of the engine's database run `offset` from the system's."""
    engine.move_clock(offset)
