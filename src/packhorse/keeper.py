"""Keeping schedules: what the leader, an operator and the testing kit do with them, over a `ScheduleStore`.

Whoever keeps a schedule reads it, decides by pure rules (`domain.schedule.plan`), and settles it together with the jobs
that follow, if nobody was faster. Several keepers at once do no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from packhorse.domain.schedule.definition import Overlap, Schedule
from packhorse.domain.schedule.missed import due
from packhorse.domain.schedule.plan import Plan, plan
from packhorse.errors import (
    ConfigurationError,
    DatabaseBusy,
    DatabaseError,
    PackhorseError,
    ScheduleBusy,
    ScheduleNotFound,
)
from packhorse.schedules import Alarm, Change, Definition, NotableRun, Peek, ScheduleRecord, ScheduleStore

log: logging.Logger = logging.getLogger("packhorse.schedules")

LIMIT = 500
"""How many schedules or runs are looked at together."""
TRIES = 20
"""How often a change is tried anew when somebody else was faster."""
ROLLOUT = timedelta(minutes=10)
"""For so long a definition stays in place although no worker declares it yet: it may have been stored ahead of them."""
MOST_FORMER = 20
"""How many former definitions of a schedule are remembered."""

Declaring = Literal["new", "changed", "unchanged", "older"]
"""What became of a declaration: `older` was left out, for workers with a newer one are there."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A schedule in the code, and the module that it stands in."""

    schedule: Schedule
    owner: str


@dataclass(slots=True)
class ScheduleBook:
    """What an application's code says of schedules.

    Attributes:
        declared: the schedules, by name.
        listeners: whom alarms are told.
    """

    declared: dict[str, Declared] = field(default_factory=dict)
    listeners: list[Callable[[Alarm], object]] = field(default_factory=list)

    def add(self, schedule: Schedule, owner: str) -> None:
        """Add a schedule.

        Raises:
            ConfigurationError: another one has its name.
        """
        if schedule.name in self.declared:
            raise ConfigurationError(
                f"schedule {schedule.name!r} is declared already, in {self.declared[schedule.name].owner}; "
                "give one of the two another name with name=…"
            )
        self.declared[schedule.name] = Declared(schedule, owner)

    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each."""
        return {name: one.schedule.fingerprint for name, one in self.declared.items()}


class Keeper:
    """Keeps schedules.

    Args:
        store: where they are.
        book: what the code says of them.
        by: who keeps them, for the record: a worker's name, or a user's.
    """

    def __init__(self, store: ScheduleStore, book: ScheduleBook, by: str) -> None:
        self._store = store
        self._book = book
        self._by = by
        self._troubles: dict[str, str] = {}

    # What the code says

    def declare(self, *, force: bool = False) -> dict[str, Declaring]:
        """Store what the code declares; what became of each.

        A definition that was never stored before replaces the present one. A former one does so only when no worker
        declares the present one any more, and that was stored ten minutes ago or more: so workers of an old version
        that start again during a deployment leave the new one in place, and after a rollback the old one comes back.

        Args:
            force: whether a former definition replaces the present one in any case.
        """
        declared = self._book.declared
        records = {record.name: record for record in self._store.list_schedules(list(declared))} if declared else {}
        return {name: self._declare(one, records.get(name), force=force) for name, one in declared.items()}

    def rest_undeclared(self) -> list[str]:
        """Let schedules rest that no worker's code declares any more; those that begin to rest now."""
        names = self._store.rest_undeclared_schedules(ROLLOUT)
        for name in names:
            log.warning(
                "schedule %s is in the code of no worker any more: it rests until one declares it; "
                "`packhorse schedules remove %s` deletes it",
                name,
                name,
            )
        return names

    def _declare(self, declared: Declared, record: ScheduleRecord | None, *, force: bool) -> Declaring:
        fingerprint = declared.schedule.fingerprint
        if record is None:
            is_put = self._put_new(declared.schedule, is_declared=True, owner=declared.owner)
            return "new" if is_put else "unchanged"
        if record.is_declared and record.fingerprint == fingerprint:
            return "unchanged"
        if not force and not self._prevails(fingerprint, record):
            return "older"
        return "changed" if self._replace(declared, record) else "unchanged"

    def _prevails(self, fingerprint: str, record: ScheduleRecord) -> bool:
        if fingerprint not in record.former:
            return True
        if record.seen_at - record.changed_at < ROLLOUT:
            return False
        return (record.name, record.fingerprint) not in self._store.list_declarations([record.name])

    def _put_new(self, schedule: Schedule, *, is_declared: bool, owner: str) -> bool:
        begin = due(schedule.rule, None, self.now(), schedule.policy.missed)
        return self._store.put_schedule(
            Definition(
                schedule=schedule,
                is_declared=is_declared,
                owner=owner,
                by=self._by,
                settled_at=begin.settled_at,
                next_at=begin.next,
            )
        )

    def _replace(self, declared: Declared, record: ScheduleRecord) -> bool:
        if not record.is_declared:
            log.warning("schedule %s was made at run time and is now in the code, which replaces it", record.name)
        return self.replace(record, declared.schedule, is_declared=True, owner=declared.owner)

    def replace(self, record: ScheduleRecord, schedule: Schedule, *, is_declared: bool, owner: str | None) -> bool:
        """Put a schedule in place of what there is; False when somebody else was faster.

        What is due by the old rule is fired first. A new rule begins now; with the same rule nothing is lost.
        """
        is_same_rule = record.schedule is not None and record.schedule.rule == schedule.rule
        if not is_same_rule and _may_fire(record):
            self.fire(record)
            [record] = self._store.list_schedules([record.name]) or [record]
        begin = due(schedule.rule, None, record.seen_at, schedule.policy.missed)
        former = [one for one in record.former if one != schedule.fingerprint]
        is_put = self._store.put_schedule(
            Definition(
                schedule=schedule,
                is_declared=is_declared,
                owner=owner,
                by=self._by,
                former=[*former, record.fingerprint][-MOST_FORMER:],
                revision=record.revision,
                settled_at=record.settled_at if is_same_rule else begin.settled_at,
                next_at=record.next_at if is_same_rule else begin.next,
            )
        )
        if is_put:
            log.info("schedule %s is defined anew", record.name)
        return is_put

    def put(self, schedule: Schedule, owner: str) -> bool:
        """Store a schedule that somebody makes or changes at run time; False when it was there just so.

        Raises:
            ConfigurationError: it is declared in code, which would put it back.
        """
        for _ in range(TRIES):
            record = next(iter(self._store.list_schedules([schedule.name])), None)
            if record is not None and record.is_declared:
                raise ConfigurationError(
                    f"schedule {schedule.name} is declared in {record.owner}: change it there, or choose another name"
                )
            if record is not None and record.fingerprint == schedule.fingerprint:
                return False
            if record is None:
                is_put = self._put_new(schedule, is_declared=False, owner=owner)
            else:
                is_put = self.replace(record, schedule, is_declared=False, owner=record.owner)
            if is_put:
                return True
        raise _contended(schedule.name)

    # Ticks

    def now(self) -> datetime:
        """The database's time."""
        return self._store.peek_schedules().seen_at

    def keep(self) -> tuple[int, Peek]:
        """Record how runs have ended, and fire what is due; how many runs were started, and what was seen before."""
        peek = self._store.peek_schedules()
        if peek.has_open_runs:
            self.watch_runs()
        return self.fire_due() if peek.is_due else 0, peek

    def fire_due(self) -> int:
        """Settle every schedule that has something to do; how many runs were started."""
        return sum(self.fire(record) for record in self._store.list_due_schedules(LIMIT))

    def fire(self, record: ScheduleRecord) -> int:
        """Settle one schedule as it was read; how many runs were started."""
        schedule = record.schedule
        if schedule is None:
            self._note_trouble(record.name, record.problem or "")
            return 0
        is_live = bool(record.live_jobs)
        planned = plan(
            schedule.rule, schedule.policy, record.settled_at, record.seen_at, waiting=record.waiting, is_live=is_live
        )
        if planned.next_at == record.next_at and not planned.start and planned.waiting == record.waiting:
            return 0
        return self._settle(record, schedule, planned)

    def _settle(self, record: ScheduleRecord, schedule: Schedule, planned: Plan) -> int:
        jobs = [(tick, schedule.job_at(tick)) for tick in planned.start]
        change = Change(
            name=record.name,
            revision=record.revision,
            settled_at=planned.settled_at,
            next_at=planned.next_at,
            waiting=planned.waiting,
            missed_at=planned.missed_at,
            skipped=planned.skipped if record.live_jobs else 0,
            alarm_after=schedule.policy.alarm_after,
            jobs=jobs,
            by=self._by,
        )
        try:
            ids = self._store.settle_schedule(change)
        except DatabaseError:
            raise
        except PackhorseError as error:
            log.error("schedule %s: what was due at %s was not enqueued: %s", record.name, planned.start[0], error)  # noqa: TRY400 - it says all
            self._store.settle_schedule(replace(change, jobs=()))
            return 0
        if ids is not None:
            _report(record, planned, ids)
        return len(ids or ())

    def _note_trouble(self, name: str, problem: str) -> None:
        if self._troubles.get(name) != problem:
            self._troubles[name] = problem
            log.error("schedule %s can't be read, so it does not run: %s", name, problem)

    # Runs

    def watch_runs(self) -> list[Alarm]:
        """Record how runs have ended, and raise the alarms that follow; those that nobody else has raised."""
        notable = self._store.list_notable_runs(LIMIT)
        if not notable:
            return []
        ended = self._store.end_runs([one.run.id for one in notable if one.is_over])
        late = self._store.mark_late_runs([one.run.id for one in notable if not one.is_over])
        alarms = list(self._alarms(notable, ended, late))
        for alarm in alarms:
            self._raise_alarm(alarm)
        return alarms

    def _alarms(self, notable: Sequence[NotableRun], ended: set[int], late: set[int]) -> Iterator[Alarm]:
        for one in notable:
            if one.run.id in late:
                yield Alarm(kind="late", run=one.run)
            elif one.run.id in ended and one.run.state == "failed":
                yield Alarm(kind="failed", run=one.run, is_paused=self._pause_after(one))

    def _pause_after(self, failed: NotableRun) -> bool:
        if not failed.policy.pause_on_failure:
            return False
        reason = (
            f"job {failed.run.job_id} has failed: {failed.run.error_type or failed.run.reason or 'no reason given'}"
        )
        return bool(self._store.pause_schedules([failed.run.schedule], "packhorse", reason))

    def _raise_alarm(self, alarm: Alarm) -> None:
        log.error("%s", alarm)
        for listener in self._book.listeners:
            try:
                listener(alarm)
            except Exception:
                log.exception("a listener for alarms failed")

    # What operators do

    def run_now(self, name: str) -> int:
        """Start a run by hand, also of a paused schedule; the id of its job.

        Raises:
            ScheduleNotFound: there is no such schedule.
            ScheduleBusy: a run is live, and the schedule allows one at a time.
            ConfigurationError: this version can't read the schedule.
        """
        for record, schedule in self._each_try(name):
            if record.live_jobs and schedule.policy.overlap != Overlap.ALLOW:
                job = record.live_jobs[-1]
                raise ScheduleBusy(
                    f"schedule {name} is not started: its run has not ended; wait for job {job}, or cancel it",
                    job,
                )
            by_hand = Change(
                name=name,
                revision=record.revision,
                settled_at=record.settled_at,
                next_at=record.next_at,
                waiting=record.waiting,
                alarm_after=schedule.policy.alarm_after,
                jobs=[(None, schedule.job_at(None))],
                by=self._by,
            )
            if ids := self._store.settle_schedule(by_hand):
                return ids[0]
        raise _contended(name)

    def resume(self, name: str) -> bool:
        """Let a paused schedule go on with its next tick; False when it was not paused.

        Raises:
            ScheduleNotFound: there is no such schedule.
            ConfigurationError: this version can't read the schedule.
        """
        for record, schedule in self._each_try(name):
            if record.paused_at is None:
                return False
            begin = due(schedule.rule, None, record.seen_at, schedule.policy.missed)
            change = Change(
                name=name, revision=record.revision, settled_at=begin.settled_at, next_at=begin.next, by=self._by
            )
            if self._store.resume_schedule(change):
                return True
        raise _contended(name)

    def _each_try(self, name: str) -> Iterator[tuple[ScheduleRecord, Schedule]]:
        for _ in range(TRIES):
            records = self._store.list_schedules([name])
            if not records:
                raise ScheduleNotFound(f"no schedule {name!r}")
            if records[0].schedule is None:
                raise ConfigurationError(f"schedule {name}: {records[0].problem}")
            yield records[0], records[0].schedule


def _may_fire(record: ScheduleRecord) -> bool:
    return record.paused_at is None and record.undeclared_at is None and record.schedule is not None


def _contended(name: str) -> DatabaseBusy:
    return DatabaseBusy(f"schedule {name} is changed by others all the time: try again")


def _report(record: ScheduleRecord, planned: Plan, ids: Sequence[int]) -> None:
    if ids:
        log.debug("schedule %s has started %s", record.name, ", ".join(f"job {id}" for id in ids))
    if planned.missed_at is not None:
        log.warning(
            "schedule %s: nobody was there from %s on; what was due then does not run, save what its policy allows",
            record.name,
            planned.missed_at,
        )
    if planned.skipped and record.live_jobs:
        log.warning("schedule %s: job %s has not ended, so a tick was skipped", record.name, record.live_jobs[-1])
