"""How much memory processes occupy."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

PAGE = resource.getpagesize()
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""https://man7.org/linux/man-pages/man2/getrusage.2.html: in KiB, except where it is in bytes."""


def memory_of(pid: int, *others: int) -> int:
    """Bytes of this process and of others in main memory; elsewhere than on Linux, the most that this one ever had."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT
    return sum(_resident(one) for one in (pid, *others))


def _resident(pid: int) -> int:
    """https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html; 0 of one that has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0
