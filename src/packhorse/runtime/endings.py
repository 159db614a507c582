"""How a process ended, in words."""

from __future__ import annotations

import signal


def ending(code: int) -> str:
    """What an exit code says, as `subprocess` gives it: `ended with status 3`, `was killed by signal 9 (SIGKILL)`."""
    if code >= 0:
        return f"ended with status {code}"
    try:
        name = f" ({signal.Signals(-code).name})"
    except ValueError:
        name = ""
    return f"was killed by signal {-code}{name}"
