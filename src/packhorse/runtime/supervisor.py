"""The supervisor: starts worker processes, keeps them alive, says that they are, and ends them together.

It runs no handler, so nothing that a handler does can stall the heartbeats that it renews for its children. A child
that is stopped (SIGSTOP) is not said to be alive; one that died is declared dead at once. Children are started by
exec, restarted with a growing pause when they die young, and die with the supervisor. They tell it how they are.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from packhorse.engine import Engine
from packhorse.errors import DatabaseError
from packhorse.runtime.crew import Crew, is_on_terminal
from packhorse.runtime.endings import EXIT_KILLED, EXIT_OK, EXIT_REPLACE, EXIT_SCHEMA, EXIT_USAGE, ending
from packhorse.runtime.health import ailments
from packhorse.runtime.heartbeat import Heartbeat
from packhorse.runtime.link import Terms
from packhorse.runtime.place import ChildProcess, Place
from packhorse.runtime.probes import Probes
from packhorse.runtime.renewal import Renewal
from packhorse.runtime.rest import End
from packhorse.runtime.settings import CrewSettings, WorkerSettings
from packhorse.runtime.signals import Signals
from packhorse.runtime.stacks import stacks_of, write_stacks
from packhorse.runtime.systemd import Systemd

log: logging.Logger = logging.getLogger("packhorse.supervisor")

ENDED_WELL = frozenset({EXIT_OK, EXIT_REPLACE, -signal.SIGTERM, -signal.SIGQUIT})
"""How a child may end when it was told to; by the signal itself when it had not even begun."""
KILL_GRACE = 10.0
"""Seconds beyond the shutdown timeout before a child that does not end is killed."""
HURRY_SECONDS = 3.0
"""How long a child may take at most to hand back what runs after a second interrupt."""
DUMP_SECONDS = 2.0
"""After this time a child that does not answer is made to write its stacks without the interpreter's help."""


class Supervisor:
    """Runs worker processes until it is told to stop, or its work is done.

    Args:
        engine: for heartbeats only.
        command: makes a child's command line from its incarnation.
        crew: how many children, and when they are done.
        settings: for the times.
        systemd: the service manager.
    """

    def __init__(
        self,
        engine: Engine,
        command: Callable[[int], Sequence[str]],
        crew: CrewSettings,
        settings: WorkerSettings,
        systemd: Systemd,
    ) -> None:
        self._settings = settings
        self._systemd = systemd
        terms = Terms(limited=crew.max_jobs is not None, seeks_end=crew.drain, report_every=crew.report_every)
        self._crew = Crew(command, crew.processes, terms)
        self._end = End(crew)
        self._renewal = Renewal(self._crew, engine.address, crew, self._is_renewed)
        self._heartbeat = Heartbeat(engine, self._crew.alive, beat=settings.beat, lease=settings.lease)
        self._probes = None
        if crew.health_port is not None:
            self._probes = Probes(crew.health_host, crew.health_port, self._crew)
        self._stop_at: float | None = None
        self._dump_at: float | None = None
        self._is_ready = False
        self._is_quiet_told = True
        self._resume_at: float | None = None
        self._status = EXIT_OK
        self._begin_quietly(crew)

    def _begin_quietly(self, crew: CrewSettings) -> None:
        """Claim nothing at first, if that is wanted."""
        if crew.start_delay and not crew.quiet:
            log.info("jobs are claimed in %g s, or at a CONT", crew.start_delay)
            self._resume_at = time.monotonic() + crew.start_delay
        if crew.quiet or crew.start_delay:
            self.quiet(is_quiet=True)

    def run(self) -> int:
        """Work until told to stop and every child has ended; the exit status. Call it in the main thread."""
        self._signals = self._take_signals()
        self._crew.watch(self._signals.pipe)
        self._heartbeat.start()
        if self._probes is not None:
            self._probes.start()
        try:
            while self._stop_at is None or self._crew.processes():
                self._come_round()
        finally:
            self._kill_all()
            self._heartbeat.stop()
            self._heartbeat.join(HURRY_SECONDS)
            with suppress(DatabaseError):
                self._heartbeat.bury_all()
        log.info("stopped")
        return self._status

    def _come_round(self) -> None:
        self._crew.moved_at = time.monotonic()
        if self._stop_at is None:
            self._crew.fill()
        for process, wish in self._crew.hear(self._pause()):
            self._end.answer(process, wish)
        for number in self._signals.read(0):
            self._handle(number)
        if self._resume_at is not None and time.monotonic() >= self._resume_at:
            self._resume_at = None
            self.quiet(is_quiet=False)
        for place, process, code in self._crew.reap():
            self._ended(place, process, code)
        if self._stop_at is None:
            self._renewal.go_on()
            self._look_for_end()
        elif time.monotonic() >= self._stop_at:
            self._kill_all()
        self._tell_when_quiet()
        self._dump_stalled()
        self._tell_systemd()

    def _pause(self) -> float:
        wanted = 1.0 if self._systemd.watchdog is None else self._systemd.watchdog / 4
        if self._resume_at is not None:
            wanted = max(0.0, min(wanted, self._resume_at - time.monotonic()))
        return min(wanted, 1.0, self._crew.next_start() if self._stop_at is None else 1.0)

    def _look_for_end(self) -> None:
        status = self._end.find(self._crew.processes())
        if status is not None:
            self._status = status
            self.stop()

    # Signals

    def _take_signals(self) -> Signals:
        """All that mean something; a hangup that was ignored from the start, as `nohup` has it, is none."""
        wanted = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT, signal.SIGUSR1]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            wanted.append(signal.SIGHUP)
        signals = Signals(*wanted, signal.SIGCHLD)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, wanted)  # held back by a command for several applications
        return signals

    def _handle(self, number: int) -> None:
        match number:
            case signal.SIGQUIT:
                self.hurry()
            case signal.SIGINT if self._stop_at is not None:
                self.hurry()
            case signal.SIGTERM | signal.SIGINT:
                self.stop()
            case signal.SIGTSTP | signal.SIGCONT:
                self._resume_at = None
                self.quiet(number == signal.SIGTSTP)
            case signal.SIGUSR1:
                self.dump()
            case signal.SIGHUP if is_on_terminal():
                self.stop()
            case signal.SIGHUP:
                self.reload()
            case _:
                pass

    def stop(self) -> None:
        """Tell every child to end: no new claims, running jobs may finish up to the shutdown timeout."""
        if self._stop_at is not None:
            return
        limit = self._settings.shutdown_timeout
        log.info("stopping: running jobs may take up to %g s to end", limit)
        self._stop_at = time.monotonic() + limit + KILL_GRACE
        self._crew.is_stopping = True
        self._systemd.stopping(limit + 2 * KILL_GRACE)
        self._crew.tell(signal.SIGTERM)

    def hurry(self) -> None:
        """Tell every child to hand back what runs and to end; one that can't do so in time is killed."""
        log.warning("ending now: running jobs go back, and the workers end within %g s", HURRY_SECONDS)
        self.stop()
        self._stop_at = min(self._stop_at or 0.0, time.monotonic() + HURRY_SECONDS)
        self._crew.tell(signal.SIGQUIT)

    def quiet(self, is_quiet: bool) -> None:
        """Have no child claim anything more, or all go on; what runs goes on."""
        if is_quiet == self._crew.is_quiet or self._stop_at is not None:
            return
        self._crew.is_quiet = is_quiet
        self._is_quiet_told = not is_quiet
        log.info("no more jobs are claimed, until CONT" if is_quiet else "jobs are claimed again")
        self._crew.order("quiet" if is_quiet else "resume")

    def _tell_when_quiet(self) -> None:
        """Say when every child has heard: from then on nothing is claimed."""
        reports = [process.report for process in self._crew.processes()]
        if not self._is_quiet_told and all(report is not None and report.is_quiet for report in reports):
            self._is_quiet_told = True
            log.info("quiet: jobs running %d", sum(report.running for report in reports if report is not None))

    def dump(self) -> None:
        """Have every process write the stacks of its threads and coroutines to standard error."""
        write_stacks(stacks_of())
        self._crew.order("dump")
        self._dump_at = time.monotonic() + DUMP_SECONDS

    def reload(self) -> None:
        """Have every child replaced by a new one, which imports the application anew, one after the other."""
        if self._stop_at is None:
            log.info("reloading: each worker process is replaced, and ends after its running jobs")
            self._systemd.reloading()
            self._renewal.renew_all()

    def _is_renewed(self) -> None:
        self._systemd.ready()

    def _dump_stalled(self) -> None:
        """A child that was not heard of since a dump was asked for has its interpreter held by a handler."""
        if self._dump_at is None or time.monotonic() < self._dump_at:
            return
        for process in self._crew.processes():
            if process.report is not None and process.silence > DUMP_SECONDS:
                process.send(signal.SIGUSR1)
        self._dump_at = None

    # Children

    def _ended(self, place: Place, process: ChildProcess, code: int) -> None:
        is_current, is_successor = process is place.current, process is place.successor
        self._crew.leave(place, process)
        self._heartbeat.bury(process.incarnation)
        if self._stop_at is not None:
            if code not in ENDED_WELL:
                self._status = EXIT_KILLED
        elif is_successor:
            self._renewal.failed(place, process, code)
        elif not is_current:
            log.info("worker process %d, which was replaced, %s", process.pid, ending(code))
        elif code in (EXIT_USAGE, EXIT_SCHEMA):
            self._status = code
            self.stop()
        else:
            self._crew.plan_restart(place, process, code)

    def _kill_all(self) -> None:
        for place, process, _ in self._crew.kill():
            self._crew.leave(place, process)
            self._heartbeat.bury(process.incarnation)
            self._status = EXIT_KILLED

    # The service manager

    def _tell_systemd(self) -> None:
        reports = [process.report for process in self._crew.processes() if process.report is not None]
        if not self._is_ready and any(report.is_registered for report in reports):
            self._is_ready = True
            self._systemd.ready()
        running = sum(report.running for report in reports)
        ended = sum(sum(place.figures().ended.values()) for place in self._crew.places)
        state = "stopping" if self._stop_at is not None else "quiet" if self._crew.is_quiet else "working"
        self._systemd.status(f"{state}; processes {len(reports)}, jobs running {running}, ended {ended}")
        if self._systemd.watchdog is not None and not ailments(self._crew):
            self._systemd.feed()
