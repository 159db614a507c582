"""How a process ends: the codes of ours, and any code in words."""

from __future__ import annotations

import signal

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_SCHEMA, EXIT_KILLED = 0, 1, 2, 4, 5
EXIT_ENOUGH = 9
"""So many jobs were run as were asked for."""
EXIT_REPLACE = 75
"""Of a worker process alone: the supervisor is to start another one in its place."""


def ending(code: int) -> str:
    """What an exit code says, as `subprocess` gives it: `ended with status 3`, `was killed by signal 9 (SIGKILL)`."""
    if code >= 0:
        return f"ended with status {code}"
    try:
        name = f" ({signal.Signals(-code).name})"
    except ValueError:
        name = ""
    return f"was killed by signal {-code}{name}"
