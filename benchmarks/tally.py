"""Looking at what workers count and when they started jobs; `peers/handling.py` is the writing side."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.peers.handling import COUNTS_VARIABLE, LATENCIES_VARIABLE, STARTS_VARIABLE

BYTES = 8


class Tally:
    """A folder in which each worker process counts its jobs.

    Args:
        parent: where the folder is made; memory is best, and it is small.
        starts: for how many jobs the moment of their start is written down; 0 for none.
    """

    def __init__(self, parent: Path, starts: int = 0) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tally-", dir=parent))
        self._counts = self._folder / "counts"
        self._counts.mkdir()
        self._latencies = self._folder / "latencies"
        self._starts = self._folder / "starts"
        if starts:
            self._starts.write_bytes(bytes(starts * BYTES))

    def variables(self) -> dict[str, str]:
        """What workers need in their environment."""
        found = {COUNTS_VARIABLE: str(self._counts), LATENCIES_VARIABLE: str(self._latencies)}
        return found | {STARTS_VARIABLE: str(self._starts)} if self._starts.exists() else found

    def counts(self) -> dict[int, int]:
        """The jobs of each process that has had one, by its process id."""
        counts = {int(path.name): sum(_numbers(path)) for path in self._counts.iterdir()}
        return {pid: count for pid, count in counts.items() if count}

    def total(self) -> int:
        """The jobs of all processes."""
        return sum(self.counts().values())

    def starts(self) -> list[int]:
        """When each job started, by its number: monotonic nanoseconds, 0 if it has not."""
        return list(_numbers(self._starts))

    def latencies(self) -> list[int]:
        """How many jobs were so late, by bucket (`peers/buckets.py`); all processes together."""
        return list(_numbers(self._latencies)) if self._latencies.exists() else []


def _numbers(path: Path) -> memoryview:
    content = path.read_bytes()
    return memoryview(content[: len(content) // BYTES * BYTES]).cast("Q")
