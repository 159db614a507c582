"""What a worker does beside its jobs: services that have work of their own, and end with the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from packhorse.runtime.run import Runner
from packhorse.runtime.service import Service
from packhorse.runtime.settings import WorkerSettings


class SideService(Service):
    """A service that runs something of its own.

    Attributes:
        is_quiet: whether it may begin nothing new.
        is_drained: whether it had nothing to do when it last looked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_quiet: bool = False
        self.is_drained: bool = False

    @property
    def running(self) -> int:
        """How many things run at this moment."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of everything, when its last pass has ended or has been waited for long enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a side service runs.

    Attributes:
        worker: the incarnation of the worker.
        name: what the process is called.
        settings: the worker's.
        runner: what the steps of its jobs need.
        hears: whether wake-ups come at this moment, so that there is no need to look often.
    """

    worker: int
    name: str
    settings: WorkerSettings
    runner: Runner
    hears: Callable[[], bool]


Sides = Callable[[Place], Sequence[SideService]]
"""Makes the side services of a worker."""


def no_sides(place: Place) -> Sequence[SideService]:
    """Of an application that has none."""
    return ()
