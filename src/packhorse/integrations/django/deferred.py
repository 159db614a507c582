"""Where the deferred calls of Django's models are stored: on the connection that the records came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import connections, router
from django.db.models import Model

from packhorse.errors import UsageError


def home(model: type) -> Aliases | None:
    """What finds the connections of a model's records; None for a class that is none, or abstract."""
    options: Any = getattr(model, "_meta", None)
    return ALIASES if issubclass(model, Model) and not options.abstract else None


class Aliases:
    """Finds the connection of a record."""

    def session_of(self, record: Any) -> Any:
        """The connection that it was read or saved on, else the one that it would be saved on."""
        alias = record._state.db or router.db_for_write(type(record), instance=record)  # noqa: SLF001 - as Django does
        return connections[alias]

    def is_async(self, session: Any) -> bool:
        """Never: Django's connections are not."""
        return False

    def flush(self, session: Any, records: Sequence[Any]) -> None:
        """Refuse records that are not saved yet: saving is the application's."""
        for record in records:
            if record.pk is None or record._state.adding:  # noqa: SLF001 - how Django tells
                raise UsageError(f"{record!r} is not saved yet: save it before a method of it is called later")

    async def aflush(self, session: Any, records: Sequence[Any]) -> None:
        """The same for coroutines."""
        self.flush(session, records)

    def at_flush(self, session: Any, store: Callable[[Any], None]) -> None:
        """Never asked for."""


ALIASES: Final = Aliases()
