"""Which block of `app.transaction` an enqueue without a connection is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from packhorse.connection import AsyncConnection, Connection
from packhorse.context import Context, find_current
from packhorse.fate import here


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    connection: Connection | AsyncConnection
    context: Context | None
    """The job that it was opened in."""


class OpenBlocks:
    """The open blocks of one application, each known only where it was opened.

    That is: in the very same asyncio task or, outside tasks, in the very same thread, and in the same run of the same
    job. A task or thread that is started inside a block is not in it: it may go on while the block ends.
    """

    def __init__(self) -> None:
        self._open: dict[object, list[_Block]] = {}

    @contextmanager
    def entered(self, connection: Connection | AsyncConnection) -> Iterator[None]:
        """Let the block on this connection be open here for a while; it may be left elsewhere."""
        place, block = here(), _Block(connection, find_current())
        self._open.setdefault(place, []).append(block)
        try:
            yield
        finally:
            self._open[place].remove(block)
            if not self._open[place]:
                del self._open[place]

    def find_here(self) -> Connection | AsyncConnection | None:
        """The connection of the innermost block that is open here, or None."""
        blocks = self._open.get(here()) if self._open else None
        return blocks[-1].connection if blocks and blocks[-1].context is find_current() else None
