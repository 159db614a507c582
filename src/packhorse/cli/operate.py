"""`packhorse jobs cancel|retry|hold|release|delete`: some jobs by id, or all that fit, after a count and a question."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.flags import Callback, json_option, target_options
from packhorse.cli.groups import Command
from packhorse.cli.output import counted, print_json
from packhorse.cli.selecting import check_which, confirm, filter_options, group_documents, summary, user_name
from packhorse.cli.target import Target
from packhorse.cli.values import ID
from packhorse.domain.state import FINAL, JobState

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.desk import Inbox
    from packhorse.domain.job import JobRecord
    from packhorse.selected import Counted, Done, SelectedJobs, Verb

INBOX_VERBS = frozenset({"solve", "take", "dismiss"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a command was asked to do.

    Attributes:
        verb: what to do.
        by: who asks.
        why: the reason that was given.
        is_final: whether it can't be taken back, so that even ids are asked about.
    """

    verb: Verb
    by: str | None = None
    why: str | None = None
    is_final: bool = False
    dry_run: bool
    yes: bool
    as_json: bool

    @property
    def done(self) -> str:
        """The verb's participle."""
        from packhorse.selected import PARTICIPLES

        return PARTICIPLES[self.verb]


def record_options(command: Callback) -> Callback:
    """Add --by and --why."""
    command = click.option("--why", metavar="TEXT", help="The reason, for the record.")(command)
    return click.option("--by", metavar="NAME", help="Who asks, for the record; by default this system's user.")(
        command
    )


@click.command(cls=Command)
@click.argument("ids", type=ID, nargs=-1)
@filter_options
@record_options
@json_option
@target_options
def cancel(target: Target, ids: Sequence[int], filters: Mapping[str, Any], by: str | None, **rest: Any) -> int:
    """Cancel jobs, and ask those that run to stop.

        packhorse jobs cancel 42 43
        packhorse jobs cancel --queue mail --older-than 1d --dry-run
        packhorse jobs cancel --task 'shop.reports.*' --state scheduled --why "wrong prices"

    What waits is cancelled at once. What runs is asked to stop: its handler sees that at its next look, and the job is
    cancelled when it ends. By filter it counts and asks first. It ends with 1 when a job that was named is finished.

    Next: `packhorse jobs retry ID` takes a cancellation back.
    """
    return carry_out(target, ids, filters, Order(verb="cancel", by=by or user_name(), **rest))


@click.command(cls=Command)
@click.argument("ids", type=ID, nargs=-1)
@filter_options
@record_options
@json_option
@target_options
def retry(target: Target, ids: Sequence[int], filters: Mapping[str, Any], by: str | None, **rest: Any) -> int:
    """Let failed or cancelled jobs run again.

        packhorse jobs retry 42 43
        packhorse jobs retry --task shop.jobs.send_mail --error-type ConnectionRefusedError --dry-run

    All their attempts are before them again. Filters mean failed jobs that nobody has dismissed, unless --state says
    otherwise. It ends with 1 when a job was refused: it is live or succeeded, or another one has its unique key now.

    Next: `packhorse jobs show ID`.
    """
    return carry_out(target, ids, filters, Order(verb="retry", by=by or user_name(), **rest))


@click.command(cls=Command)
@click.argument("ids", type=ID, nargs=-1)
@filter_options
@record_options
@json_option
@target_options
def hold(target: Target, ids: Sequence[int], filters: Mapping[str, Any], by: str | None, **rest: Any) -> int:
    """Keep jobs that wait from running until they are released.

        packhorse jobs hold 42 --why "the customer called"
        packhorse jobs hold --task 'shop.billing.*'

    They are blocked, and say who holds them and why. A job that runs is left alone; a queue as a whole is paused with
    `packhorse queues pause NAME`.

    Next: `packhorse jobs release ID`.
    """
    return carry_out(target, ids, filters, Order(verb="hold", by=by or user_name(), **rest))


@click.command(cls=Command)
@click.argument("ids", type=ID, nargs=-1)
@filter_options
@json_option
@target_options
def release(target: Target, ids: Sequence[int], filters: Mapping[str, Any], **rest: Any) -> int:
    """Put held jobs back where they belong.

        packhorse jobs release 42
        packhorse jobs release --all

    They become available, or scheduled while their time is to come. Next: `packhorse jobs show ID`.
    """
    return carry_out(target, ids, filters, Order(verb="release", **rest))


@click.command(cls=Command)
@click.argument("ids", type=ID, nargs=-1)
@filter_options
@json_option
@target_options
def delete(target: Target, ids: Sequence[int], filters: Mapping[str, Any], **rest: Any) -> int:
    """Delete finished jobs for good, with their history.

        packhorse jobs delete 42
        packhorse jobs delete --state cancelled --older-than 30d --dry-run

    It counts and asks first, since nothing brings them back. A job that waits must be cancelled first.

    Next: `packhorse queues set NAME` says how long finished jobs are kept by themselves.
    """
    return carry_out(target, ids, filters, Order(verb="delete", is_final=True, **rest))


def carry_out(target: Target, ids: Sequence[int], filters: Mapping[str, Any], order: Order) -> int:
    """Do it with the jobs named, or with all that fit; the exit code."""
    check_which(ids, filters)
    app = target.existing
    desk = app.inbox if order.verb in INBOX_VERBS else app
    if ids:
        return _by_ids(target, desk, tuple(dict.fromkeys(ids)), order)
    return _by_filter(desk.select(**filters), order)


def _by_filter(selected: SelectedJobs, order: Order) -> int:
    """Count, ask, and do it with all that fit; the exit code."""
    found = selected.count(order.verb)
    if order.dry_run or not found.total:
        _print_count(found, order)
        return ExitCode.OK
    if not confirm(_question(found, order), yes=order.yes):
        click.echo("nothing was done", err=True)
        return ExitCode.FAILED
    done, is_whole = _go_through(selected.up_to(found.highest_id), found.total, order)
    _print_done(done, found.total, order, is_whole=is_whole)
    if not is_whole:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if done.taken else ExitCode.OK


def _by_ids(target: Target, desk: Packhorse | Inbox, ids: Sequence[int], order: Order) -> int:
    app = target.app
    if order.dry_run:
        return _preview(app, ids, order)
    if order.is_final and not confirm(f"{counted(len(ids), 'job')} would be {order.done} for good", yes=order.yes):
        click.echo("nothing was done", err=True)
        return ExitCode.FAILED
    recorded = {name: value for name, value in (("by", order.by), ("why", order.why)) if value is not None}
    done: Done = getattr(desk, order.verb)(*ids, **recorded)
    left = [id for id in ids if id not in done.ids | done.asked]
    reasons = {id: target.completed(why_not(app.find_job(id), order, done.taken.get(id))) for id in left}
    if order.as_json:
        print_json({**_document(done, order), "refused": reasons})
    else:
        for id in ids:
            click.echo(f"job {id}: {reasons.get(id, _what(id, done, order))}", err=id in reasons)
    return ExitCode.FAILED if reasons else ExitCode.OK


def _preview(app: Packhorse, ids: Sequence[int], order: Order) -> int:
    from packhorse.selected import is_fit

    jobs = {id: app.find_job(id) for id in ids}
    fit = [id for id in ids if is_fit(app.engine, order.verb, id)]
    if order.as_json:
        reasons = {id: why_not(job, order) for id, job in jobs.items() if id not in fit}
        print_json({f"would_be_{order.done}": fit, "refused": reasons})
    else:
        for id, job in jobs.items():
            click.echo(f"job {id}: {f'would be {order.done}' if id in fit else why_not(job, order)}")
    return ExitCode.OK


def _question(found: Counted, order: Order) -> str:
    running = sum(group.count for group in found.groups if group.state is JobState.EXECUTING)
    stop = f" ({running:,} of them run, and would be asked to stop)" if running else ""
    final = " for good" if order.is_final else ""
    return f"{counted(found.total, 'job')} would be {order.done}{final}: {summary(found)}{stop}"


def _print_count(found: Counted, order: Order) -> None:
    if order.as_json:
        print_json({f"would_be_{order.done}": found.total, "groups": group_documents(found)})
    elif found.total:
        click.echo(_question(found, order))
    else:
        click.echo(f"no job that could be {order.done} fits")


def _go_through(selected: SelectedJobs, total: int, order: Order) -> tuple[Done, bool]:
    """Do it chunk by chunk; what was done, and whether nobody stopped it. Ctrl-C ends it behind a chunk."""
    from packhorse.cli.progress import Progress
    from packhorse.selected import Done

    done, reached = Done(), 0
    with stoppable() as stopped, Progress(order.done, total) as progress:
        for done in selected.steps(order.verb, by=order.by, why=order.why):
            reached = len(done.ids) + len(done.asked)
            progress.reach(reached)
            if stopped.is_set():
                break
    return done, not stopped.is_set() or reached >= total


@contextmanager
def stoppable() -> Iterator[Event]:
    """An event that the first Ctrl-C sets; a second one interrupts as usual."""
    stopped = Event()

    def stop(number: int, frame: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _print_done(done: Done, total: int, order: Order, *, is_whole: bool) -> None:
    if order.as_json:
        refused = {id: _taken(other) for id, other in done.taken.items()}
        print_json({**_document(done, order), "refused": refused, "is_whole": is_whole})
        return
    asked = f", {len(done.asked):,} asked to stop" if done.asked else ""
    if not is_whole:
        so_far = f"{len(done.ids):,} of {counted(total, 'job')} {order.done}{asked}"
        click.echo(f"stopped: {so_far}; the others are as they were")
        return
    click.echo(f"{counted(len(done.ids), 'job')} {order.done}{asked}")
    for id, other in done.taken.items():
        click.echo(f"job {id}: {_taken(other)}", err=True)
    left = total - len(done.ids) - len(done.asked) - len(done.taken)
    if left > 0:
        click.echo(f"{counted(left, 'job')} left: no longer as counted", err=True)


def _document(done: Done, order: Order) -> dict[str, Any]:
    asked = {"asked": sorted(done.asked)} if order.verb == "cancel" else {}
    return {order.done: sorted(done.ids), **asked}


def _what(id: int, done: Done, order: Order) -> str:
    return "runs, and was asked to stop" if id in done.asked else order.done


def why_not(job: JobRecord | None, order: Order, taken_by: int | None = None) -> str:
    """Why something was not done with a job."""
    if job is None:
        return "there is no such job"
    return _taken(taken_by) if taken_by is not None else _REFUSALS[order.verb](job)


def _not_cancelled(job: JobRecord) -> str:
    return f"is {job.state} already" if job.state in FINAL else f"is {job.state}; try again"


def _not_retried(job: JobRecord) -> str:
    return f"is {job.state}; only failed or cancelled jobs can be retried"


def _not_held(job: JobRecord) -> str:
    return "is on hold already" if job.state is JobState.BLOCKED else f"is {job.state}; only jobs that wait can be held"


def _not_released(job: JobRecord) -> str:
    return f"is {job.state}, not on hold"


def _not_deleted(job: JobRecord) -> str:
    if job.state is JobState.FAILED:
        return f"other jobs wait for its success: `packhorse inbox dismiss {job.id} --why TEXT` first"
    if job.state in FINAL:
        return "other jobs wait for its success, until a worker has seen that it has none"
    return f"is {job.state}; only finished jobs can be deleted: `packhorse jobs cancel {job.id}` first"


def _not_in_the_inbox(job: JobRecord) -> str:
    return "was dismissed" if job.state is JobState.FAILED else f"is {job.state}, not in the inbox"


_REFUSALS: Mapping[str, Callable[[JobRecord], str]] = {
    "cancel": _not_cancelled,
    "retry": _not_retried,
    "hold": _not_held,
    "release": _not_released,
    "delete": _not_deleted,
    "solve": _not_in_the_inbox,
    "take": _not_in_the_inbox,
    "dismiss": _not_in_the_inbox,
}


def _taken(other: int) -> str:
    return f"job {other} has its unique key now"
