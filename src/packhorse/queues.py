"""The part of an engine's contract that is about queues as records. The docstrings are normative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from packhorse.domain.queue import LoadFailure, Queue, Route, Stored


class QueueStore(Protocol):
    """Queues with their settings, the rules that lead jobs into them, and the modules whose tasks can't be loaded.

    Every change to a queue's settings, its pause and the rules raises the revision that `glance` reports, in the same
    transaction, so that a worker reads the records again only when there is something new in them.
    """

    def list_queue_settings(self, name: str | None = None) -> list[Queue]:
        """The queues that have a record, by name; only that of one when `name` is given."""
        ...

    def put_queue_settings(self, before: Queue, declared: Mapping[str, Stored], changed: Mapping[str, Stored]) -> bool:
        """Replace a queue's settings by others, and what follows from them; the pause stays as it is.

        The record is made where there is none. False, and nothing is changed, when the settings are no longer those of
        `before`: somebody else was quicker.
        """
        ...

    def pause_queue(self, name: str, by: str | None, reason: str | None) -> bool:
        """Let no job of the queue be claimed from the moment of the commit; False when it was paused already.

        The record is made where there is none. Jobs that were claimed before are not touched.
        """
        ...

    def resume_queue(self, name: str) -> bool:
        """End the pause; False when there was none."""
        ...

    def remove_queue(self, name: str) -> bool:
        """Forget a queue's record, with its settings and its pause; False when there is none."""
        ...

    def list_routes(self) -> list[Route]:
        """The rules, by pattern. It never installs the schema.

        Raises:
            SchemaMissing: there is none.
        """
        ...

    def put_route(self, pattern: str, queue: str, by: str | None) -> None:
        """Let the jobs of tasks that fit the pattern go into this queue; in place of what was said of the pattern."""
        ...

    def remove_route(self, pattern: str) -> bool:
        """Forget a rule; False when there is none of that pattern."""
        ...

    def list_load_failures(self) -> list[LoadFailure]:
        """The modules that can't be imported somewhere, by module and host."""
        ...

    def note_load_failure(self, module: str, host: str, error: str) -> None:
        """Record that a module could not be imported on a host, once more."""
        ...

    def forget_load_failure(self, module: str, host: str) -> None:
        """The module could be imported there: forget that it could not."""
        ...
