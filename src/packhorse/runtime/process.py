"""A worker process under a supervisor: its signals, its tie to the parent, its exit status."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import msgspec

from packhorse.runtime.endings import EXIT_FAILED, EXIT_KILLED, EXIT_OK, EXIT_REPLACE, EXIT_SCHEMA
from packhorse.runtime.link import Link, Order, Terms, Wish, take_standard_input
from packhorse.runtime.orphan import die_with_parent
from packhorse.runtime.permits import Permits, Rationed
from packhorse.runtime.reporter import Reporter
from packhorse.runtime.signals import Signals
from packhorse.runtime.stacks import write_stacks
from packhorse.runtime.worker import Ended, Worker


def serve(make_worker: Callable[[], Worker]) -> int:
    """Run a worker until the supervisor says stop or is gone; the exit status.

    SIGTERM stops it gracefully, SIGQUIT without waiting for what runs. SIGUSR1 writes the stacks of the threads even
    when a handler holds the interpreter. All else is the supervisor's, whose orders come along the line between them;
    the end of that line means that the supervisor has died.
    """
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals = Signals(signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP)
    faulthandler.register(signal.SIGUSR1, file=2)
    process = WorkerProcess(make_worker())
    signals.listen(process.obey_signal)
    status, ended = process.run()
    signals.ignore()
    return leave(status, ended)


class WorkerProcess:
    """The worker of this process, and the line to its supervisor."""

    def __init__(self, worker: Worker) -> None:
        end = take_standard_input()
        self._worker = worker
        self._link: Link[Order] = Link(end, Order)
        self._terms = _first(end)
        self._rationed: Rationed | None = None
        if self._terms.limited:
            worker.ration(self._rationed_by)
        worker.quiet(self._terms.quiet)
        self._reporter = Reporter(self._link, worker, self._terms)

    def run(self) -> tuple[int, Ended]:
        """Work to the end; the exit status, and how it ended."""
        reporter = self._reporter
        reporter.tell()
        threading.Thread(target=self._obey, name="packhorse-orders", daemon=True).start()
        self._worker.start()
        reporter.start()
        ended = self._worker.wait()
        reporter.stop()
        reporter.join(1.0)
        reporter.tell()
        return _status(self._worker, ended), ended

    def obey_signal(self, number: int) -> None:
        """Stop, or hurry."""
        if number == signal.SIGTERM:
            self._worker.stop()
        elif number == signal.SIGQUIT:
            self._worker.hurry()

    def _rationed_by(self, taken: Callable[[], int]) -> Permits:
        self._rationed = Rationed(taken, lambda permits: self._link.say(Wish(permits)))
        return self._rationed

    def _obey(self) -> None:
        """Do what the supervisor says; without it, end at once."""
        while not self._link.is_cut:
            for order in self._link.hear():
                self._obey_order(order)
        os._exit(EXIT_FAILED)

    def _obey_order(self, order: Order) -> None:
        match order.kind:
            case "quiet" | "resume":
                self._worker.quiet(order.kind == "quiet")
                self._reporter.wake()
            case "retire":
                self._worker.retire()
                self._reporter.wake()
            case "dump":
                self._dump()
            case "permit" if self._rationed is not None:
                self._rationed.granted(order.permits)
            case _:
                pass

    def _dump(self) -> None:
        write_stacks(self._worker.stacks())
        for pid in self._worker.child_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)


def _first(end: socket.socket) -> Terms:
    """What the supervisor says first: it is there already."""
    line = b""
    while not line.endswith(b"\n"):
        line += end.recv(1) or b"{}\n"
    return msgspec.json.decode(line, type=Terms)


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
