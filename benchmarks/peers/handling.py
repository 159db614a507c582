"""What every handler of every peer does: count, or tell when it started. Standard library only.

Each process writes into a file of its own, mapped into memory, so that counting costs a tenth of a microsecond and the
suite can look at any moment. The environment says where; `tally.py` is the reader's side.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from pathlib import Path

from benchmarks.peers.buckets import BUCKETS, bucket_of

TASKS_VARIABLE = "BENCH_TASKS"
"""Which of our own tasks there are."""
COUNTS_VARIABLE, STARTS_VARIABLE, LATENCIES_VARIABLE = "BENCH_COUNTS", "BENCH_STARTS", "BENCH_LATENCIES"
NAP_SECONDS = 0.001
"""How long the napping handlers wait."""

SLOTS = 1024
"""Threads that may count in one process, each in a slot of its own, so that no count gets lost."""

_slots: dict[int, int] = {}
_lock = threading.Lock()


def _map(path: Path, size: int) -> memoryview:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(handle).st_size < size:
            os.truncate(handle, size)
        return memoryview(mmap.mmap(handle, size)).cast("Q")
    finally:
        os.close(handle)


class _Counts:
    """This process's numbers, opened at the first job: a peer may fork after it was imported."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._pid = 0
        self._view = memoryview(b"")

    def add(self) -> None:
        thread = threading.get_ident()
        slot = _slots.get(thread)
        if slot is None or self._pid != os.getpid():
            slot = self._new_slot(thread)
        self._view[slot] += 1

    def _new_slot(self, thread: int) -> int:
        with _lock:
            if self._pid != os.getpid():
                _slots.clear()
                self._view = _map(self._folder / str(os.getpid()), SLOTS * 8)
                self._pid = os.getpid()
            return _slots.setdefault(thread, len(_slots))


_counts = _Counts(os.environ.get(COUNTS_VARIABLE, "."))
_starts_path = os.environ.get(STARTS_VARIABLE)
_starts = _map(Path(_starts_path), Path(_starts_path).stat().st_size) if _starts_path else None


def handle(n: int) -> None:
    """Count one job; with BENCH_STARTS also write down when job `n` started, by the machine's monotonic clock."""
    if _starts is not None:
        _starts[n] = time.monotonic_ns()
    _counts.add()


_latencies_path = os.environ.get(LATENCIES_VARIABLE)
_latencies = _map(Path(_latencies_path), BUCKETS * 8) if _latencies_path else None


def note_latency(nanoseconds: int) -> None:
    """Count one job, and how late it was. Threads may lose one of a thousand, which a percentile does not notice."""
    if _latencies is not None:
        _latencies[bucket_of(nanoseconds // 1000)] += 1
    _counts.add()
