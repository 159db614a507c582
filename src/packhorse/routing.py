"""Which queue the jobs of a task go into: rules in code, and rules made at run time, which win.

Those of run time are read before the first enqueue of a process, over a connection of the application's own, and again
when they are some seconds old, by a thread beside the enqueues, so that none of them waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from packhorse.domain.routing import NO_RULES, Rules, check_pattern
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, PackhorseError, SchemaMissing
from packhorse.options import Options, check_queue

log: logging.Logger = logging.getLogger("packhorse")

FRESH_SECONDS = 5.0
"""For so long the rules of run time are taken as they were read."""


class Lead:
    """The rules that are in force, of which there is at least one.

    Args:
        at_run_time: those that win.
        in_code: those for what they do not fit.
    """

    def __init__(self, at_run_time: Rules, in_code: Rules) -> None:
        self._at_run_time = at_run_time
        self._in_code = in_code
        self._last: tuple[Options, str, Options] | None = None

    def queue_for(self, task: str) -> str | None:
        """Where they lead the jobs of this task; None leaves it to the task."""
        return self._at_run_time.queue_for(task) or self._in_code.queue_for(task)

    def options_for(self, task: str, options: Options) -> Options:
        """The options of a call, with the queue that they lead it into. Calls that follow one another are alike."""
        queue = self.queue_for(task)
        if queue is None:
            return options
        last = self._last
        if last is None or last[0] is not options or last[1] != queue:
            self._last = last = options, queue, options.changed(queue=queue)
        return last[2]


@dataclass(slots=True)
class _Seen:
    """The rules of run time, as they were read, and what follows from them and from those in code."""

    engine: Engine
    rules: Rules
    stale_at: float
    lead: Lead | None = None
    is_told: bool = False


class Routing:
    """The rules of an application.

    Args:
        engine: opens the engine at the first use.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._open_engine = engine
        self._declared: dict[str, str] = {}
        self._in_code = NO_RULES
        self._seen: _Seen | None = None

    def declare(self, pattern: str, queue: str) -> None:
        """Add a rule in code.

        Raises:
            ConfigurationError: the pattern or the queue's name is none, or the pattern leads elsewhere already.
        """
        check_queue(queue)
        if self._declared.setdefault(check_pattern(pattern), queue) != queue:
            raise ConfigurationError(f"the route {pattern!r} leads to {self._declared[pattern]!r} already")
        self._in_code = Rules(self._declared)
        if self._seen is not None:
            self._seen.lead = self._lead(self._seen.rules)

    @property
    def declared(self) -> dict[str, str]:
        """The rules in code: for each pattern the queue."""
        return dict(self._declared)

    def in_force(self) -> Lead | None:
        """The rules in force, None when there are none. They are read first where that was not done yet.

        Trouble with that is the enqueue's to tell, which meets it, too.
        """
        try:
            engine = self._open_engine()
        except PackhorseError:
            return self._lead(NO_RULES)
        seen = self._seen
        if seen is None or seen.engine is not engine:
            self._seen = seen = _Seen(engine, NO_RULES, 0.0)
            self._read(seen)
        elif time.monotonic() >= seen.stale_at:
            seen.stale_at = time.monotonic() + FRESH_SECONDS
            threading.Thread(target=self._read, args=(seen,), name="packhorse-routing", daemon=True).start()
        return seen.lead

    def is_warm(self) -> bool:
        """Whether the next question needs no statement."""
        return self._seen is not None

    def forget(self) -> None:
        """Read the rules of run time before the next answer."""
        self._seen = None

    def _lead(self, at_run_time: Rules) -> Lead | None:
        return Lead(at_run_time, self._in_code) if at_run_time or self._in_code else None

    def _read(self, seen: _Seen) -> None:
        try:
            seen.rules = Rules({rule.pattern: rule.queue for rule in seen.engine.list_routes()})
        except SchemaMissing:
            pass  # nobody has made a rule where nothing is
        except PackhorseError as error:
            if not seen.is_told:
                log.warning("the routing rules can't be read, those known before stay in force: %s", error)
            seen.is_told = True
        seen.lead = self._lead(seen.rules)
        seen.stale_at = time.monotonic() + FRESH_SECONDS
