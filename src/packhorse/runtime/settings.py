"""How a worker process works: frozen values, checked once."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from packhorse.errors import ConfigurationError

SHORTEST_POLL, LONGEST_POLL = 0.01, 60.0


def processors() -> int:
    """How many processors this process may use: of a container that is bound to some, those."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker process works. Durations are in seconds.

    Attributes:
        queues: the queues to serve and how many slots each may take, None for as many as there are; empty serves all.
        threads: how many `def` handlers run at once; 16.
        coroutines: how many `async def` handlers run at once; 100.
        children: how many isolated child processes run at once; as many as there are processors.
        poll: how often to look for work when nothing woke the worker; 1 s.
        lease: how long a worker that is not heard of counts as alive; 15 s.
        beat: how often it is heard of; 4 s.
        shutdown_timeout: how long running jobs may take to end at a stop; 25 s.
        notifications: whether to listen for wake-ups; without them only `poll` finds work.
        cancel_grace: how long an isolated handler may go on after it was told that its job is cancelled; then its child
            process is killed; 10 s.
        capture: which lines logged by handlers go into their job's log: this level of `logging` and above; INFO.
        app_path: where the application is, `package.module:attribute`; needed by isolated children.
    """

    queues: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    threads: int = 16
    coroutines: int = 100
    children: int = field(default_factory=processors)
    poll: float = 1.0
    lease: float = 15.0
    beat: float = 4.0
    shutdown_timeout: float = 25.0
    notifications: bool = True
    cancel_grace: float = 10.0
    capture: int = logging.INFO
    app_path: str | None = None

    def __post_init__(self) -> None:
        for name in ("threads", "coroutines", "children"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"a worker needs {name} of at least 1, not {getattr(self, name)}")
        if not SHORTEST_POLL <= self.poll <= LONGEST_POLL:
            raise ConfigurationError(
                f"poll must be between {SHORTEST_POLL} and {LONGEST_POLL} seconds, not {self.poll}"
            )
        if not 0 < self.beat * 2 <= self.lease:
            raise ConfigurationError(f"the lease ({self.lease} s) must be at least twice the beat ({self.beat} s)")
        for name in ("shutdown_timeout", "cancel_grace"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} can't be negative: {getattr(self, name)}")

    def serves(self, queue: str) -> bool:
        """Whether the worker takes jobs of this queue."""
        return not self.queues or queue in self.queues


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewSettings:
    """How one `packhorse worker` command, with all its processes, works and ends.

    Attributes:
        processes: how many worker processes; 1.
        max_jobs: end when so many runs have ended, over all processes; None for no limit.
        drain: end when nothing is available or due.
        idle_timeout: end after so many seconds in which no process held a job; None for never.
        max_memory: replace a worker process that occupies more bytes, its isolated children included; None for never.
        max_jobs_per_process: replace a worker process in which so many runs have ended; None for never.
        quiet: begin without claiming anything, until a CONT.
        start_delay: begin to claim after so many seconds.
        health_port: where the state is told over HTTP, 0 for any free port; None for nowhere.
        health_host: on which address; the machine's own.
    """

    processes: int = 1
    max_jobs: int | None = None
    drain: bool = False
    idle_timeout: float | None = None
    max_memory: int | None = None
    max_jobs_per_process: int | None = None
    quiet: bool = False
    start_delay: float = 0.0
    health_port: int | None = None
    health_host: str = "127.0.0.1"

    @property
    def report_every(self) -> float:
        """Seconds between two reports of a worker process: often where the end depends on them."""
        return 0.1 if self.is_ending_by_itself else 1.0

    @property
    def is_ending_by_itself(self) -> bool:
        """Whether the command may end without being told to."""
        return self.max_jobs is not None or self.drain or self.idle_timeout is not None
