"""The jobs of a benchmark: one that does nothing, and one that tells when it started."""

from __future__ import annotations

import time

from packhorse.app import Packhorse

NOTE = "x" * 64
"""What each job carries beside its number, so that rows have a usual size."""


def do_nothing(n: int, note: str) -> None:
    """Do nothing."""


def tell_start(n: int, note: str) -> int:
    """When the handler started: nanoseconds of the clock that all processes of this machine share."""
    return time.monotonic_ns()


def make_app(url: str | None = None, schema: str | None = None) -> Packhorse:
    """The benchmark's application; worker processes find its address in their environment."""
    app = Packhorse(url, schema=schema, worker="processes")
    app.task(name="packhorse.bench.do_nothing")(do_nothing)
    app.task(name="packhorse.bench.tell_start")(tell_start)
    return app
