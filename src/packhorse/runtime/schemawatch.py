"""The schema watch: ends a worker whose version can't work with the schema any more."""

from __future__ import annotations

from collections.abc import Callable

from packhorse.engine import Engine
from packhorse.errors import SchemaError
from packhorse.runtime.service import Service


class SchemaWatch(Service):
    """Looks whether the schema is still one that this version can work with, when it is told that something changed.

    A migration counts the revision up that every look at the queues brings; by itself it looks once an hour.
    """

    name: str = "schema watch"
    interval: float = 3600.0

    def __init__(self, engine: Engine, on_mismatch: Callable[[SchemaError], None]) -> None:
        super().__init__()
        self._engine = engine
        self._on_mismatch = on_mismatch

    def run_once(self) -> float | None:
        """Check; a mismatch stops the worker."""
        try:
            self._engine.check_schema()
        except SchemaError as error:
            self._on_mismatch(error)
        return None
