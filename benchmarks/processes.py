"""What the kernel says of processes and their descendants (Linux): processor time and memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
KIB_PER_MIB = 1024


def tree(pid: int) -> list[int]:
    """The process and all its descendants that are alive."""
    return [pid, *(below for child in _children(pid) for below in tree(child))]


def cpu_seconds(pid: int) -> float:
    """Processor time of the process, its descendants, and those of them that have ended and been waited for."""
    return sum(_cpu_seconds(one) for one in tree(pid))


def memory_mib(pid: int) -> float:
    """Resident memory of the process alone; 0 when it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / KIB_PER_MIB
    return 0.0


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from (int(word) for word in (thread / "children").read_text().split())


def _cpu_seconds(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / TICKS
    return 0.0
