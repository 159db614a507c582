"""Marks: where the next claim of a queue may begin, so that it does not walk once more what is gone.

PostgreSQL keeps dead rows, and their places in the index, until no snapshot can see them. A claim that starts at the
head walks all of them; one that starts where the last one ended walks none. What such a claim can't see is looked for
apart: jobs of more urgent priorities often, those that were committed late or wanted sooner once in a while, and
everything when nothing is found behind the mark, as soon as the last look is not fresh any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from packhorse.domain.claim import Place
from packhorse.domain.job import ClaimedJob

URGENT_SECONDS = 0.05
"""How often more urgent jobs are looked for."""
LOOK_BACK_SECONDS = 1.0
"""How often a claim starts at the head."""
COSTLY = 20
"""What takes long is repeated only after so many times as long: it takes a twentieth of the time."""
COSTLY_LOOK = 50
"""The same for looks at the whole queue while there is work enough: fewer than one claim in a hundred is one."""
LONGEST_PAUSE_SECONDS = 10.0
"""After this time it is repeated however long it takes."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a claim starts: behind a place, above a priority, or at the head."""

    after: Place | None = None
    above: int | None = None

    @property
    def is_head(self) -> bool:
        """Whether it sees the whole queue."""
        return self.after is None and self.above is None


HEAD = Start()


class Toll:
    """What a look costs: the less of its last two times, as a single one may have waited for a lock or the network.

    Args:
        times: how many times as long as it took it is not repeated.
    """

    def __init__(self, times: int = COSTLY) -> None:
        self._times = times
        self._last = 0.0

    def pause(self, seconds: float) -> float:
        """For how many seconds not to look again, after a look that took so many."""
        cost, self._last = min(seconds, self._last), seconds
        return min(self._times * cost, LONGEST_PAUSE_SECONDS)


@dataclass(slots=True)
class _Mark:
    """How far the claims of a queue have come, and when what it can't see is to be looked for."""

    place: Place
    head_at: float
    urgent_at: float
    toll: Toll


class Marks:
    """The marks of all queues.

    Args:
        clock: seconds, of no particular start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marks: dict[str, _Mark] = {}

    def start(self, queue: str) -> Start:
        """Where the next claim of a queue starts."""
        mark, now = self._marks.get(queue), self._clock()
        if mark is None or now >= mark.head_at:
            return HEAD
        if now >= mark.urgent_at:
            return Start(above=mark.place.priority)
        return Start(after=mark.place)

    def note(self, queue: str, start: Start, jobs: Sequence[ClaimedJob], wanted: int, seconds: float) -> None:
        """Learn from a claim.

        Args:
            queue: which queue.
            start: where it started.
            jobs: what it brought, in order.
            wanted: how many it asked for.
            seconds: how long it took.
        """
        now = self._clock()
        if start.above is not None:
            self._marks[queue].urgent_at = now + URGENT_SECONDS
        elif len(jobs) < wanted:
            self._marks.pop(queue, None)
        elif start.is_head:
            toll = self._marks[queue].toll if queue in self._marks else Toll(COSTLY_LOOK)
            head_at = now + max(LOOK_BACK_SECONDS, toll.pause(seconds))
            self._marks[queue] = _Mark(Place.of(jobs[-1]), head_at, now + URGENT_SECONDS, toll)
        else:
            self._marks[queue].place = Place.of(jobs[-1])

    def forget(self, queue: str) -> None:
        """The next claim of this queue starts at the head."""
        self._marks.pop(queue, None)
