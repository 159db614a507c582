"""A worker process under a supervisor: its signals, its tie to the parent, its exit status."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

from packhorse.runtime.orphan import die_with_parent
from packhorse.runtime.supervisor import EXIT_FAILED, EXIT_KILLED, EXIT_OK, EXIT_REPLACE, EXIT_SCHEMA
from packhorse.runtime.worker import Ended, Worker


def serve(make_worker: Callable[[], Worker]) -> int:
    """Run a worker until the supervisor says stop or is gone; the exit status.

    SIGTERM stops it gracefully, SIGQUIT without waiting for what runs. SIGINT is the supervisor's alone. The end of
    standard input means that the supervisor has died.
    """
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = make_worker()
    signals, written = os.pipe()
    os.set_blocking(written, False)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda number, frame: None)
    threading.Thread(target=_stop_when_asked, args=(signals, worker), name="packhorse-signals", daemon=True).start()
    threading.Thread(target=_watch_parent, name="packhorse-parent", daemon=True).start()
    ended = worker.run()
    return leave(_status(worker, ended), ended)


def leave(status: int, ended: Ended) -> int:
    """Return the status; when threads still hang in handlers, end the process here, taking them along."""
    if not ended.clean:
        logging.shutdown()
        os._exit(status)
    return status


def _status(worker: Worker, ended: Ended) -> int:
    if worker.schema_error is not None:
        return EXIT_SCHEMA
    if ended.replace:
        return EXIT_REPLACE
    return EXIT_OK if ended.clean else EXIT_KILLED


def _stop_when_asked(signals: int, worker: Worker) -> None:
    """Stop the worker, or hurry it, when that is read from the pipe that the interpreter writes the signals to.

    A handler in Python would run in the main thread: perhaps while it holds a lock, and perhaps never, since the kernel
    may give a signal that came while the process was stopped to another thread, and the main one then goes on waiting.
    """
    while signal.SIGQUIT not in (seen := os.read(signals, 64)):
        if signal.SIGTERM in seen:
            worker.stop()
    worker.hurry()


def _watch_parent() -> None:
    """Without a kernel that kills orphans: end when the pipe from the supervisor does."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(EXIT_FAILED)
