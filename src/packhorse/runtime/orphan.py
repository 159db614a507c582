"""A child process never outlives its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""


def die_with_parent() -> None:
    """On Linux: let the kernel kill this process when its parent dies, even if this one hangs.

    To the kernel the parent is the thread that started this process: one that stays as long as its process must do
    that. Elsewhere the end of the pipe from the parent must do.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
