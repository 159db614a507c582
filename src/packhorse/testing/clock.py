"""The database's clock in a test's hands: every statement of an engine takes its time from there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from packhorse.errors import ConfigurationError
from packhorse.options import check_moment

__tracebackhide__ = True  # pytest shows the line of the test, not ours


@runtime_checkable
class HasClock(Protocol):
    """An engine whose clock can be moved, for tests only; both engines of Packhorse can."""

    def move_clock(self, offset: timedelta) -> None:
        """Let the clock of every statement run `offset` from the system's, for everybody on this database."""
        ...


class MovingClock:
    """Moves the clock of an engine's database on from where it is. It goes on from there; it never stands still.

    Args:
        engine: an engine on the database; the move holds for every connection to it.
    """

    def __init__(self, engine: HasClock) -> None:
        self._engine = engine
        self.offset: timedelta = timedelta(0)
        """How far from the system's clock it runs now."""

    @property
    def now(self) -> datetime:
        """What it shows, as far as the clock of this machine tells."""
        return datetime.now(UTC) + self.offset

    def advance(self, by: timedelta) -> None:
        """Let `by` go past at once; below zero it goes back.

        Raises:
            ConfigurationError: it is no duration.
        """
        if not isinstance(by, timedelta):
            raise ConfigurationError(f"by must be a timedelta, such as timedelta(days=7), not {by!r}")
        offset = self.offset + by
        self._engine.move_clock(offset)
        self.offset = offset

    def advance_to(self, moment: datetime) -> None:
        """Let it be this moment, an aware datetime; one in the past goes back.

        Raises:
            ConfigurationError: it is no moment, or names no time zone.
        """
        self.advance(check_moment("moment", moment) - self.now)

    def reset(self) -> None:
        """Run with the system's clock again."""
        self.advance(-self.offset)


def move_clock(engine_or_url: object, offset: timedelta) -> None:
    """Let the clock of a database run `offset` from the system's, for everybody on it.

    Args:
        engine_or_url: an engine (`app.engine`), or the address of the database.
        offset: from the system's time, not from where the clock is; zero puts it right again.

    Raises:
        ConfigurationError: the address is none of ours.
        TypeError: the engine has no clock that can be moved.
    """
    if isinstance(engine_or_url, str):
        _move_clock_at(engine_or_url, offset)
    elif isinstance(engine_or_url, HasClock):
        engine_or_url.move_clock(offset)
    else:
        raise TypeError(f"{engine_or_url!r} has no clock that can be moved")


def _move_clock_at(url: str, offset: timedelta) -> None:
    from packhorse.app import Packhorse

    app = Packhorse(url)
    try:
        move_clock(app.engine, offset)
    finally:
        app.close()
