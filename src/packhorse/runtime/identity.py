"""What a worker is called, by the database and by people."""

from __future__ import annotations

import os
import secrets
import socket


def new_incarnation() -> int:
    """A worker id that no other start of any worker has had: 63 random bits."""
    return secrets.randbits(63) or 1


def worker_name() -> str:
    """`host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"
