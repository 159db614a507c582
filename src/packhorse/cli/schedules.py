"""`packhorse schedules`: look at the schedules and their runs; what is done with them is in `schedule_changes.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from packhorse.cli.flags import json_option, target_options
from packhorse.cli.groups import LazyGroup
from packhorse.cli.output import ago, counted, print_fields, print_json, print_table
from packhorse.cli.target import Target
from packhorse.cli.values import Integer
from packhorse.domain.durations import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packhorse.schedules import RunRecord, ScheduleRecord

CHANGES = ("run", "pause", "resume", "put", "remove", "sync")
PLACES = {name: f"packhorse.cli.schedule_changes:{name}" for name in CHANGES}
HEADERS = ("SCHEDULE", "RULE", "NEXT", "LAST RUN", "TOOK", "REMARK")
RUN_HEADERS = ("TICK", "JOB", "STATE", "STARTED", "TOOK", "REMARK")
NEXT_TICKS = 5


@click.group(cls=LazyGroup, places=PLACES)
def schedules() -> None:
    """Look at what runs again and again; run it now, pause it.

        packhorse schedules list
        packhorse schedules run shop.report
        packhorse schedules pause shop.report --reason "the printer is broken"

    Most stand in the code (`@app.cron(…)`) and come into the database when a worker starts. Next: `packhorse schedules
    show NAME`.
    """


@schedules.command("list")
@json_option
@target_options
def list_(target: Target, *, as_json: bool) -> None:
    """List the schedules.

        packhorse schedules list
        packhorse schedules list --json | jq '.[] | select(.paused_at).name'

    NEXT is in the time zone of the schedule. TOOK says how long the last run took, REMARK what is not as usual.

    Next: `packhorse schedules show NAME` shows the runs before.
    """
    found = target.existing.schedules.list()
    if as_json:
        print_json([schedule_document(one) for one in found])
    elif not found:
        click.echo("no schedules: declare one with `@app.cron(…)` and start a worker, or `packhorse schedules put`")
    else:
        print_table(HEADERS, [schedule_row(one) for one in found])


@schedules.command()
@click.argument("name")
@click.option("--runs", "limit", type=Integer(1, 1000), default=10, help="How many of its latest runs.")
@json_option
@target_options
def show(target: Target, name: str, *, limit: int, as_json: bool) -> None:
    """Show a schedule: when it is due, what it enqueues, and its latest runs.

        packhorse schedules show shop.report
        packhorse schedules show shop.report --json | jq '.runs[0].state'

    Next: `packhorse jobs show ID` tells all about the job of a run.
    """
    app = target.existing
    record, runs = app.schedules.get(name), app.schedules.runs(name, limit)
    if as_json:
        print_json({**schedule_document(record), "runs": [run_document(run) for run in runs]})
        return
    print_fields(_fields(record))
    if runs:
        click.echo()
        print_table(RUN_HEADERS, [_run_row(run, record) for run in runs], numbers="JOB")


def schedule_document(record: ScheduleRecord) -> dict[str, Any]:
    """The schedule as a JSON object."""
    plain = ("name", "problem", "is_declared", "owner", "changed_at", "changed_by", "settled_at", "next_at")
    pause = ("missed_at", "undeclared_at", "paused_at", "paused_by", "pause_reason")
    schedule = record.schedule
    return {
        **{name: getattr(record, name) for name in (*plain, *pause)},
        "rule": None if schedule is None else json.loads(schedule.rule_text),
        "in_words": None if schedule is None else _in_words(record),
        "job": None if schedule is None else json.loads(schedule.job_text),
        "policy": None if schedule is None else json.loads(schedule.policy_text),
        "next_ticks": list(_next_ticks(record)),
        "waiting": list(record.waiting),
        "live_jobs": list(record.live_jobs),
        "last_run": None if record.last_run is None else run_document(record.last_run),
    }


def run_document(run: RunRecord) -> dict[str, Any]:
    """The run as a JSON object."""
    import dataclasses

    took = run.duration
    return {**dataclasses.asdict(run), "seconds": None if took is None else took.total_seconds()}


def schedule_row(record: ScheduleRecord) -> tuple[object, ...]:
    """What stands below the headers."""
    run = record.last_run
    return (
        record.name,
        _in_words(record),
        _in_zone(record.next_at, record) if _is_on(record) else "",
        "" if run is None else f"{run.state} {ago(run.ended_at or run.fired_at, record.seen_at)}",
        _took(run),
        _remark(record),
    )


def _run_row(run: RunRecord, record: ScheduleRecord) -> tuple[object, ...]:
    tick = f"by hand ({run.fired_by})" if run.tick is None else _in_zone(run.tick, record)
    return tick, run.job_id, run.state, _in_zone(run.started_at, record), _took(run), "; ".join(_run_remarks(run))


def _fields(record: ScheduleRecord) -> dict[str, object]:
    schedule = record.schedule
    policy = None if schedule is None else schedule.policy
    job = None if schedule is None else schedule.job
    return {
        "schedule": record.name,
        "rule": _in_words(record),
        "status": "; ".join(_state_remarks(record)) or "on",
        "next": "\n".join(str(_in_zone(tick, record)) for tick in _next_ticks(record)) or None,
        "task": job and job.task,
        "args": job and job.args,
        "kwargs": job and job.kwargs,
        "meta": job and job.meta,
        "queue": job and job.queue,
        "missed": policy and f"{policy.missed.missed}, of those found {duration(policy.missed.grace)} late",
        "overlap": policy and policy.overlap,
        "alarm after": policy and policy.alarm_after,
        "if it fails": policy and ("it pauses" if policy.pause_on_failure else "it goes on"),
        "declared": f"in {record.owner}" if record.is_declared else f"at run time, by {record.owner}",
        "changed": f"{ago(record.changed_at, record.seen_at)} by {record.changed_by}",
        "missed ticks": record.missed_at and f"from {_in_zone(record.missed_at, record)} on",
    }


def _in_words(record: ScheduleRecord) -> str:
    from packhorse.domain.schedule.words import in_words

    return "" if record.schedule is None else in_words(record.schedule.rule)


def _in_zone(at: datetime | None, record: ScheduleRecord) -> str | None:
    """A moment as clocks in the schedule's zone show it, with the zone: at some changes they show it twice."""
    from packhorse.domain.schedule.wallclock import zone_of

    if at is None:
        return None
    shown = at if record.schedule is None else at.astimezone(zone_of(record.schedule.rule.tz))
    return shown.strftime("%Y-%m-%d %H:%M:%S %Z")


def _next_ticks(record: ScheduleRecord) -> Iterator[datetime]:
    """The next ticks that will run; none while nothing runs."""
    return islice(_ticks(record), NEXT_TICKS if _is_on(record) else 0)


def _is_on(record: ScheduleRecord) -> bool:
    return record.paused_at is None and record.undeclared_at is None


def _ticks(record: ScheduleRecord) -> Iterator[datetime]:
    tick = None if record.schedule is None else record.schedule.rule.next_after(record.seen_at)
    while tick is not None and record.schedule is not None:
        yield tick
        tick = record.schedule.rule.next_after(tick)


def _took(run: RunRecord | None) -> str:
    return "" if run is None or run.duration is None else duration(run.duration)


def _remark(record: ScheduleRecord) -> str:
    remarks = [*_state_remarks(record), *([] if record.last_run is None else _run_remarks(record.last_run))]
    return "; ".join(remarks)


def _state_remarks(record: ScheduleRecord) -> Iterator[str]:
    if record.problem is not None:
        yield f"can't be read: {record.problem}"
    if record.paused_at is not None:
        reason = f" ({record.pause_reason})" if record.pause_reason else ""
        yield f"paused by {record.paused_by} {ago(record.paused_at, record.seen_at)}{reason}"
    if record.undeclared_at is not None:
        yield f"rests: in no worker's code for {duration(record.seen_at - record.undeclared_at)}"
    if record.waiting:
        yield f"{len(record.waiting)} waiting for its run to end"


def _run_remarks(run: RunRecord) -> Sequence[str]:
    remarks = []
    if run.late_at is not None:
        remarks.append("took too long" if run.ended_at else "takes too long")
    if run.error_type:
        remarks.append(f"{run.error_type}: {run.error_message}")
    elif run.reason:
        remarks.append(run.reason)
    if run.skipped:
        remarks.append(f"{counted(run.skipped, 'tick')} skipped meanwhile")
    return remarks
