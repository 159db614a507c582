"""Names that nobody knows: most likely they were mistyped, so it is said. They are taken all the same."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import TYPE_CHECKING

from packhorse.cli.exits import warn
from packhorse.cli.target import Target

if TYPE_CHECKING:
    from packhorse.app import Packhorse

USUAL = "default"
"""The queue that is there without anybody's doing."""


def warn_of_unknown_queue(target: Target, *names: str) -> None:
    """Say of which of these queues nobody has heard: neither code nor workers, and no job is or was in it."""
    app = target.existing
    known = {USUAL, *_queues_in_database(app), *(_code(app).named_queues() if target.path is not None else ())}
    for name in names:
        if name not in known:
            warn(
                f"no code declares a queue {name!r}, no rule leads to it, no worker that runs now serves it by name, "
                f"and it never had a job{_hint(name, known)}"
            )


def warn_of_unknown_task(target: Target, name: str, consequence: str) -> None:
    """Say that neither the code at hand nor any worker that runs now knows this task; silent where nobody is to ask."""
    app, here = target.ready, target.path is not None
    known = {*app.engine.list_known_tasks(), *(_code(app).registry.names() if here else ())}
    if known and name not in known:
        where = "neither the code here nor any worker" if here else "no worker"
        warn(f"{where} that runs now knows a task {name!r}, so {consequence}{_hint(name, known)}")


def _queues_in_database(app: Packhorse) -> set[str]:
    return {
        *(queue.name for queue in app.list_queues()),
        *(record.name for record in app.queues.list() if record.declared),
        *(route.queue for route in app.queues.routes()),
        *(queue for worker in app.list_workers() for queue in worker.queues),
    }


def _code(app: Packhorse) -> Packhorse:
    """The application with the tasks of all its modules that can be imported."""
    app.modules.load()
    return app


def _hint(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
