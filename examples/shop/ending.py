"""Ctrl-C and SIGTERM end the demo at any moment, within two seconds, and the workers with it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO, NoReturn

if TYPE_CHECKING:
    from subprocess import Popen

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""As shells count processes that these signals ended."""
HURRIED_SECONDS, FORCED_SECONDS = 1.0, 0.4
LOOK_SECONDS = 0.01


class Ending:
    """Waits for Ctrl-C and SIGTERM, and then ends the demo together with the process that it has started.

    A thread does it, woken through a pipe: the main thread may be in a call that takes long, and an exception thrown
    into it might come between the start of a process and the moment at which it is known. It stands still instead.
    """

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._process: Popen[bytes] | None = None

    def watch(self) -> None:
        """Be ready from now on. Call it in the main thread."""
        signals, written = os.pipe()
        os.set_blocking(written, False)
        threading.Thread(target=self._end, args=(signals,), daemon=True).start()
        signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        for number in STATUS:
            signal.signal(number, _stand_still)

    def start(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: BinaryIO) -> "Popen[bytes]":
        """Start the process that is to end with the demo; what it prints goes to the log."""
        from subprocess import DEVNULL, Popen

        with self._starting:
            process = Popen(command, cwd=cwd, env=env, stdin=DEVNULL, stdout=log, stderr=log)
            self._process = process
        return process

    def is_over(self) -> None:
        """All is done: a Ctrl-C that comes now is too late."""
        for number in STATUS:
            signal.signal(number, signal.SIG_IGN)

    def _end(self, signals: int) -> NoReturn:
        number = signal.Signals(os.read(signals, 1)[0])
        self._starting.acquire()  # and never let go: no process starts any more
        if self._process is not None:
            stop(self._process, HURRIED_SECONDS)
        what = "interrupted" if number == signal.SIGINT else "terminated"
        workers = "; the workers are stopped" if self._process is not None else ""
        below_the_bar = "\n" if sys.stderr.isatty() else ""
        with suppress(OSError):
            os.write(2, f"{below_the_bar}{what}{workers}\n".encode())
        os._exit(STATUS[number])


def stop(supervisor: "Popen[bytes]", grace: float) -> None:
    """Stop `packhorse worker`, gracefully at first, then by force; its workers never outlive it.

    Args:
        supervisor: the process.
        grace: how many seconds running jobs may take.
    """
    forced_by = ((signal.SIGTERM, grace), (signal.SIGINT, FORCED_SECONDS), (signal.SIGKILL, FORCED_SECONDS))
    for number, seconds in forced_by:
        if not _has_ended(supervisor):
            os.kill(supervisor.pid, number)
        deadline = time.monotonic() + seconds
        while not _has_ended(supervisor) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)


def _has_ended(process: "Popen[bytes]") -> bool:
    """Without `Popen.poll`, whose lock the main thread may hold while it stands still."""
    if process.returncode is None:
        try:
            pid, status = os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:  # the main thread was told, and stands still before it could note it
            pid, status = process.pid, 0
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode is not None


def _stand_still(number: int, frame: FrameType | None) -> NoReturn:
    while True:
        signal.pause()
