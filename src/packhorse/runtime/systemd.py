"""What systemd is told of a service with Type=notify, by hand: lines to a datagram socket, sd_notify(3).

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress

SECONDS = 1.0
"""How long to wait for a service manager that does not listen."""
VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Systemd:
    """Speaks to the service manager; says nothing where there is none.

    Args:
        address: of the socket; `@` at its beginning stands for an abstract one. None where nobody listens.
        watchdog: after how many seconds without a sign of life the service is restarted; None where none is wanted.
    """

    def __init__(self, address: str | None = None, watchdog: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address
        self.watchdog: float | None = watchdog
        self._fed_at = 0.0
        self._status, self._told_at = "", 0.0

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Systemd:
        """As the environment says. What it says is taken out of it: the processes that we start are not the service."""
        address, microseconds, pid = (environ.pop(name, None) for name in VARIABLES)
        is_ours = pid is None or pid == str(os.getpid())
        is_watched = is_ours and microseconds is not None and microseconds.isdigit() and int(microseconds) > 0
        return cls(address, int(microseconds or 0) / 1e6 if is_watched else None)

    def ready(self) -> None:
        """The service has started, or is done with reloading."""
        self._say("READY=1")

    def reloading(self) -> None:
        """The service loads its code anew; `ready` follows."""
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, seconds: float) -> None:
        """The service ends, and may take so long."""
        self._say("STOPPING=1", f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def status(self, text: str) -> None:
        """How the service is, in a line; the same one is not said twice, nor two in a second."""
        if text != self._status and time.monotonic() - self._told_at >= 1.0:
            self._status, self._told_at = text, time.monotonic()
            self._say(f"STATUS={text}")

    def feed(self) -> None:
        """A sign of life, where one is wanted and due: twice in the time that the watchdog waits."""
        if self.watchdog is not None and time.monotonic() - self._fed_at >= self.watchdog / 2 - 0.05:
            self._fed_at = time.monotonic()
            self._say("WATCHDOG=1")

    def _say(self, *lines: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(SECONDS)
            sender.sendto("\n".join(lines).encode(), self._address)
