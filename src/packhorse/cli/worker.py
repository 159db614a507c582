"""`packhorse worker`: run jobs, in as many processes as asked for, until told to stop."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.flags import Callback, filled
from packhorse.cli.groups import Command
from packhorse.cli.output import counted
from packhorse.cli.values import Integer, ProcessCount, duration_between, merged, queues, queues_text, size

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.runtime.settings import CrewSettings, WorkerSettings

log: logging.Logger = logging.getLogger("packhorse.worker")

LAST_PORT = 65535
LEVELS = ("debug", "info", "warning", "error")
CREW_FLAGS = (
    "processes",
    "max_jobs",
    "drain",
    "max_memory",
    "max_jobs_per_process",
    "quiet",
    "health_port",
    "health_host",
)
"""What is not for each process by itself, beside --idle-timeout and --start-delay."""
BEAT_SECONDS, LEASE_SHARE = 4.0, 15 / 4
"""A worker is heard of every 4 s, or more often where its lease is shorter: in the same proportion to it."""


def worker_options(command: Callback) -> Callback:
    """Add every flag of a worker, each with its variable in the environment."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def applications(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is empty or there twice.

    Raises:
        click.BadParameter: something is.
    """
    for path in given:
        filled(context, parameter, path)
        if given.count(path) > 1:
            raise click.BadParameter(f"{path} is given {given.count(path)} times: each application once")
    return given


def refuse_address(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Say why the worker is the one command without an address.

    Raises:
        click.UsageError: it was given one.
    """
    if value is not None:
        raise click.UsageError(
            "a worker runs the tasks of an application, on the database that the application's own code names: give "
            "-A module:app alone. To choose the database outside the code, write Packhorse() there without an address "
            "and set PACKHORSE_DATABASE_URL (and PACKHORSE_SCHEMA)"
        )


def _flag(*names: str, **attributes: Any) -> Callable[[Callback], Callback]:
    return click.option(*names, show_envvar=True, show_default=True, **attributes)


OPTIONS: tuple[Callable[[Callback], Callback], ...] = (
    _flag(
        "-A",
        "--app",
        "app_paths",
        metavar="MODULE:APP",
        envvar="PACKHORSE_APP",
        multiple=True,
        callback=applications,
        help="The application, module:attribute; again for each more that is to be served, with a database of its own.",
    ),
    _flag(
        "-q",
        "--queues",
        type=queues,
        multiple=True,
        callback=lambda context, parameter, given: merged(given),
        help="Serve these queues only, each with at most so many slots; NAME:* where the name itself has a colon.",
    ),
    _flag(
        "-p",
        "--processes",
        type=ProcessCount(1, 1024),
        default=1,
        help="How many worker processes; auto: as many as there are processors.",
    ),
    _flag("-c", "--concurrency", type=Integer(1, 1000), default=16, help="`def` handlers at once, in each process."),
    _flag(
        "--coroutines",
        type=Integer(1, 100_000),
        default=100,
        help="`async def` handlers at once, in each process.",
    ),
    _flag("--children", type=Integer(1, 1000), help="Isolated handlers at once; as many as there are processors."),
    _flag(
        "--poll",
        type=duration_between("10ms", "60s"),
        default="1s",
        help="How often to look for work when nothing woke the worker.",
    ),
    _flag(
        "--lease",
        type=duration_between("1s", "1d"),
        default="15s",
        help="How long a worker that is not heard of counts as alive.",
    ),
    _flag(
        "--shutdown-timeout",
        type=duration_between("0s", "30d"),
        default="25s",
        help="How long running jobs may take to end at a stop.",
    ),
    _flag(
        "--max-jobs",
        type=Integer(1, 10**9),
        help="End with 9 after so many runs, however they ended, in all processes together.",
    ),
    _flag("--drain", is_flag=True, help="End with 0 when nothing more is available or due."),
    _flag(
        "--idle-timeout",
        type=duration_between("100ms", "365d"),
        help="End with 0 when no process has had a job for so long.",
    ),
    _flag(
        "--max-memory",
        type=size,
        help="Replace a process that occupies more, as 512MB, isolated children included; its running jobs end.",
    ),
    _flag(
        "--max-jobs-per-process",
        type=Integer(1, 10**9),
        help="Replace a process in which so many runs have ended; its running jobs end.",
    ),
    _flag(
        "--cancel-grace",
        type=duration_between("0s", "1d"),
        default="10s",
        help="How long an isolated handler may go on whose job is cancelled; then its process is killed.",
    ),
    _flag(
        "--start-delay",
        type=duration_between("0s", "1d"),
        default="0s",
        help="Claim nothing at first, for so long; a CONT ends it.",
    ),
    _flag("--quiet", is_flag=True, help="Start, and claim nothing until a CONT: the worker is switched off."),
    _flag("--health-port", type=Integer(0, 65535), help="Serve /livez, /readyz and /metrics there; 0: any free port."),
    _flag("--health-host", default="127.0.0.1", help="The address of the health port."),
    _flag("--no-notifications", is_flag=True, help="Do not listen for wake-ups: only look every --poll."),
    _flag("--log-level", type=click.Choice(LEVELS), default="info", help="What to write to standard error."),
    _flag(
        "--capture",
        type=click.Choice(LEVELS),
        default="info",
        help="Keep what handlers log, from this level on, in their job's log.",
    ),
    click.option(
        *("--database-url", "--schema"),
        hidden=True,
        expose_value=False,
        allow_from_autoenv=False,
        callback=refuse_address,
    ),
    click.option("--beside-others", is_flag=True, hidden=True, allow_from_autoenv=False),
    click.option("--incarnation", type=int, hidden=True, allow_from_autoenv=False),
)


@click.command(cls=Command)
@worker_options
def worker(
    *, app_paths: tuple[str, ...], incarnation: int | None, beside_others: bool, log_level: str, **flags: Any
) -> int:
    """Run jobs until stopped.

        packhorse worker -A shop.jobs:app                          all queues, 16 threads
        packhorse worker -A shop.jobs:app -q billing:10,mail -p 2  two processes, two queues, 10 slots for billing

        packhorse worker -A shop.jobs:app --drain                  run what there is, and end
        packhorse worker -A shop.jobs:app -A crm.jobs:app          two applications, each with its own database

    A supervisor starts the processes, starts them again when they die, and tells the database that they live. TERM or
    INT (Ctrl-C) stops it: no new jobs are taken, running ones may end within --shutdown-timeout, the rest is handed
    back. A second Ctrl-C stops it at once. It writes one line to standard error for each event.

    Signals, to the process that was started: TERM and INT stop; INT again and QUIT end now; TSTP takes no new jobs
    until CONT; USR1 writes what every thread and coroutine does; HUP replaces the processes by new ones that import
    the application as it is then, one after the other (on a terminal it stops).

    It ends with 0 when it was stopped or is done, 5 when running jobs were cut off, 9 after --max-jobs, 2 when the
    database's user lacks a permission that a worker needs; `packhorse check` names them all.

    Next: `packhorse stats --watch` shows the queues shrink; `packhorse jobs list --state failed` what went wrong.
    """
    from packhorse.cli.logs import log_to_stderr
    from packhorse.cli.target import Target
    from packhorse.runtime.orphan import die_with_parent
    from packhorse.runtime.process import serve

    if len(app_paths) > 1:
        return _serve_several(app_paths, flags, log_level)
    if beside_others:
        die_with_parent()
    with Target(next(iter(app_paths), None)) as target:
        crew = _crew(flags)
        settings = _settings(target.needed_path, **flags)
        app = target.app
        log_to_stderr(log_level, settings.capture)
        if incarnation is not None:
            return serve(lambda: app.worker(settings, incarnation=incarnation))
        return _supervise(target.ready, crew, settings, log_level)


def _crew(flags: dict[str, Any]) -> CrewSettings:
    """What concerns all processes together; taken out of the flags."""
    from packhorse.runtime.settings import CrewSettings

    idle_timeout = flags.pop("idle_timeout")
    return CrewSettings(
        idle_timeout=None if idle_timeout is None else idle_timeout.total_seconds(),
        start_delay=flags.pop("start_delay").total_seconds(),
        **{name: flags.pop(name) for name in CREW_FLAGS},
    )


def _settings(
    app_path: str,
    *,
    queues: Mapping[str, int | None],
    concurrency: int,
    coroutines: int,
    children: int | None,
    poll: timedelta,
    lease: timedelta,
    shutdown_timeout: timedelta,
    cancel_grace: timedelta,
    no_notifications: bool,
    capture: str,
) -> WorkerSettings:
    from packhorse.runtime.settings import WorkerSettings

    optional = {} if children is None else {"children": children}
    return WorkerSettings(
        queues=queues,
        threads=concurrency,
        coroutines=coroutines,
        poll=poll.total_seconds(),
        lease=lease.total_seconds(),
        beat=min(BEAT_SECONDS, lease.total_seconds() / LEASE_SHARE),
        shutdown_timeout=shutdown_timeout.total_seconds(),
        cancel_grace=cancel_grace.total_seconds(),
        notifications=not no_notifications,
        capture=logging.getLevelNamesMapping()[capture.upper()],
        app_path=app_path,
        **optional,
    )


def _serve_several(app_paths: Sequence[str], flags: dict[str, Any], log_level: str) -> int:
    """A supervisor for each application; every flag means for each what it means for one alone."""
    from packhorse.cli.logs import log_to_stderr
    from packhorse.runtime.several import Place, Several
    from packhorse.runtime.systemd import Systemd

    crew = _crew(flags)
    ports = _ports(crew.health_port, len(app_paths))
    all_settings = [_settings(path, **flags) for path in app_paths]

    def place(settings: WorkerSettings, port: int | None) -> Place:
        mine = replace(crew, health_port=port)
        return Place(
            settings.app_path or "", lambda quiet: _supervisor_command(settings, replace(mine, quiet=quiet), log_level)
        )

    log_to_stderr(log_level)
    return Several(
        [place(settings, port) for settings, port in zip(all_settings, ports, strict=True)],
        is_lasting=not crew.is_ending_by_itself,
        quiet=crew.quiet,
        shutdown_timeout=all_settings[0].shutdown_timeout,
        systemd=Systemd.of(os.environ),
    ).run()


def _ports(first: int | None, count: int) -> list[int | None]:
    """A health port for each application: one after the other, or any free ones."""
    if not first:
        return [first] * count
    if first + count - 1 > LAST_PORT:
        raise click.UsageError(f"--health-port {first} is the first of {count}, one an application: give a lower one")
    return list(range(first, first + count))


def _supervisor_command(settings: WorkerSettings, crew: CrewSettings, log_level: str) -> list[str]:
    """The command line of the supervisor of one application among several."""
    limits = {
        "--max-jobs": crew.max_jobs,
        "--max-memory": crew.max_memory,
        "--max-jobs-per-process": crew.max_jobs_per_process,
        "--health-port": crew.health_port,
        "--idle-timeout": None if crew.idle_timeout is None else f"{crew.idle_timeout}s",
    }
    return [
        *_shared_words(settings, log_level),
        *(f"--processes={crew.processes}", f"--health-host={crew.health_host}", "--beside-others"),
        *(f"{name}={value}" for name, value in limits.items() if value is not None),
        *(("--drain",) if crew.drain else ()),
        *(("--quiet",) if crew.quiet else ()),
        f"--start-delay={crew.start_delay}s",
    ]


def _supervise(app: Packhorse, crew: CrewSettings, settings: WorkerSettings, log_level: str) -> int:
    from packhorse.runtime.supervisor import Supervisor
    from packhorse.runtime.systemd import Systemd

    _refuse_without_rights(app)
    app.modules.load()
    app.queues.write_declared()
    app.engine.release_temporary_locks()
    log.info("%s", _introduction(app, crew.processes, settings))
    systemd = Systemd.of(os.environ)
    return Supervisor(app.engine, lambda id: _command(settings, log_level, id), crew, settings, systemd).run()


def _refuse_without_rights(app: Packhorse) -> None:
    """End here, once, rather than in each process and again at each restart."""
    from packhorse.errors import DatabaseForbidden

    missing = app.engine.list_missing_rights()
    if missing:
        raise DatabaseForbidden(
            f"{app.engine.address}: a worker may not run, because this user lacks {'; '.join(missing)}: "
            "grant it, or connect as the owner of the schema"
        )


def _introduction(app: Packhorse, processes: int, settings: WorkerSettings) -> str:
    queues = queues_text(settings.queues).replace(",", ", ") or "all queues"
    return (
        f"{settings.app_path} on {app.engine.address}: {counted(len(app.registry.list_tasks()), 'task')}, {queues}; "
        f"processes {processes}, threads {settings.threads} and coroutines {settings.coroutines} in each"
    )


def _command(settings: WorkerSettings, log_level: str, incarnation: int) -> list[str]:
    """The command line of one worker process: what this one was told, in full, and who it is."""
    return [*_shared_words(settings, log_level), f"--incarnation={incarnation}"]


def _shared_words(settings: WorkerSettings, log_level: str) -> list[str]:
    return [
        *(sys.executable, "-m", "packhorse", "worker", f"--app={settings.app_path}"),
        *((f"--queues={queues_text(settings.queues)}",) if settings.queues else ()),
        f"--concurrency={settings.threads}",
        *(f"--coroutines={settings.coroutines}", f"--children={settings.children}"),
        *(f"--poll={settings.poll}s", f"--lease={settings.lease}s"),
        *(f"--shutdown-timeout={settings.shutdown_timeout}s", f"--log-level={log_level}"),
        f"--capture={logging.getLevelName(settings.capture).lower()}",
        f"--cancel-grace={settings.cancel_grace}s",
        *(() if settings.notifications else ("--no-notifications",)),
    ]
