"""The contract of what finds the sessions, or connections, that records belong to. The docstrings are normative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol


class Home(Protocol):
    """Where a class is mapped to a database: what finds the session, or the connection, that a record belongs to."""

    def session_of(self, record: Any) -> Any | None:
        """What is to be given as `conn`, synchronous or not; None for a record that belongs to none."""
        ...

    def is_async(self, session: Any) -> bool:
        """Whether that is for coroutines."""
        ...

    def flush(self, session: Any, records: Sequence[Any]) -> None:
        """Write those of these records that have no key yet."""
        ...

    async def aflush(self, session: Any, records: Sequence[Any]) -> None:
        """The same for coroutines."""
        ...

    def at_flush(self, session: Any, store: Callable[[Any], None]) -> None:
        """Call back with what is to be given as `conn` when the session next writes, unless that is undone before."""
        ...


class Nowhere:
    """Of records that belong to no session: their calls are stored where any enqueue is."""

    def session_of(self, record: Any) -> None:
        return

    def is_async(self, session: Any) -> bool:
        return False

    def flush(self, session: Any, records: Any) -> None:
        pass

    async def aflush(self, session: Any, records: Any) -> None:
        pass

    def at_flush(self, session: Any, store: Callable[[Any], None]) -> None:
        pass


NOWHERE: Final[Home] = Nowhere()
