"""`ScheduleStore`: schedules, their ticks, and their runs."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from packhorse.domain.job import NewJob
from packhorse.domain.moments import micros_at, micros_in, moment, optional_moment
from packhorse.domain.schedule.definition import Policy, read_policy, read_schedule
from packhorse.domain.schedule.missed import CORRECTION
from packhorse.engines.sql.base import Params, SqlBase, ids_in
from packhorse.engines.sql.documents import list_document
from packhorse.errors import ConfigurationError
from packhorse.schedules import KEPT_RUNS, Change, Definition, NotableRun, Peek, RunRecord, ScheduleRecord
from packhorse.statement import Row, Statement, Transaction

_OF_SCHEDULE = 21
"""How many columns of `select_schedules.sql` are about the schedule; those of its latest run follow."""


class SqlSchedules(SqlBase):
    """`packhorse.schedules.ScheduleStore` by statements."""

    @abstractmethod
    def _store_in(self, run: Callable[[Statement], list[Row]], jobs: Sequence[NewJob], installation: str) -> list[int]:
        """Store jobs in an open transaction of ours."""

    @abstractmethod
    def limited(self, statement: Statement) -> Statement:
        """As `packhorse.engine.JobStore`."""

    def peek_schedules(self) -> Peek:
        [(now, due, next_at, open_runs)] = self._read("peek_schedules", {"correction": micros_in(CORRECTION)})
        return Peek(seen_at=moment(now), is_due=due > 0, next_at=optional_moment(next_at), has_open_runs=open_runs > 0)

    def list_due_schedules(self, limit: int) -> list[ScheduleRecord]:
        return self._select_schedules({"correction": micros_in(CORRECTION), "limit": limit}, "due")

    def list_schedules(self, names: Sequence[str] | None = None) -> list[ScheduleRecord]:
        if names is None:
            return self._select_schedules({})
        return self._select_schedules({"names": list_document(names)}, "names")

    def _select_schedules(self, params: Params, *options: str) -> list[ScheduleRecord]:
        return [_schedule_record(row) for row in self._read("select_schedules", params, *options)]

    def settle_schedule(self, change: Change) -> list[int] | None:
        transaction = self.begin()
        try:
            ids = self._settle_on(transaction, change)
        except BaseException:
            transaction.rollback()
            raise
        if ids is None:
            transaction.rollback()
        else:
            transaction.commit()
        return ids

    def _settle_on(self, transaction: Transaction, change: Change) -> list[int] | None:
        if not transaction.run(self._settle_schedule(change)):
            return None
        known = self._known_ticks(transaction, change)
        fresh = [(tick, job) for tick, job in change.jobs if tick is None or tick not in known]
        if change.skipped:
            transaction.run(self._count_skipped(change))
        ids = self._enqueue_on(transaction, [job for _, job in fresh])
        for (tick, _), id in zip(fresh, ids, strict=True):
            transaction.run(self._record_run(change, tick, id))
        if ids:
            transaction.run(self._prune_runs(change.name))
        return ids

    def _known_ticks(self, transaction: Transaction, change: Change) -> set[datetime]:
        ticks = [tick for tick, _ in change.jobs if tick is not None]
        rows = transaction.run(self._list_known_ticks(change.name, ticks)) if ticks else []
        return {moment(row[0]) for row in rows}

    def _enqueue_on(self, transaction: Transaction, jobs: Sequence[NewJob]) -> list[int]:
        return self._store_in(transaction.run, jobs, self.installation_id()) if jobs else []

    def _statement(self, name: str, params: Params) -> Statement:
        [text] = self._statements.get(name)
        return self.limited(Statement(text, params))

    def _settle_schedule(self, change: Change) -> Statement:
        return self._statement(
            "settle_schedule",
            {
                **_settled(change),
                "waiting": json.dumps([micros_at(tick) for tick in change.waiting]),
                "missed_at": _micros(change.missed_at),
            },
        )

    def _list_known_ticks(self, name: str, ticks: Iterable[datetime]) -> Statement:
        return self._statement("list_known_ticks", {"name": name, "ids": list_document(map(micros_at, ticks))})

    def _count_skipped(self, change: Change) -> Statement:
        return self._statement("count_skipped", {"name": change.name, "skipped": change.skipped})

    def _record_run(self, change: Change, tick: datetime | None, job: int) -> Statement:
        params: Params = {
            "name": change.name,
            "tick": _micros(tick),
            "job": job,
            "fired_by": change.by,
            "alarm_after": None if change.alarm_after is None else micros_in(change.alarm_after),
        }
        return self._statement("record_run", params)

    def _prune_runs(self, name: str) -> Statement:
        return self._statement("prune_runs", {"name": name, "kept": KEPT_RUNS})

    def put_schedule(self, definition: Definition) -> bool:
        schedule = definition.schedule
        params: Params = {
            "name": schedule.name,
            "rule": schedule.rule_text,
            "job": schedule.job_text,
            "policy": schedule.policy_text,
            "fingerprint": schedule.fingerprint,
            "former": list_document(definition.former),
            "is_declared": int(definition.is_declared),
            "owner": definition.owner,
            "changed_by": definition.by,
            "settled_at": _micros(definition.settled_at),
            "next_at": _micros(definition.next_at),
            "revision": definition.revision,
        }
        return bool(self._write("put_schedule", params))

    def pause_schedules(self, names: Sequence[str], by: str, reason: str | None) -> set[str]:
        rows = self._write("pause_schedules", {"names": list_document(names), "by": by, "reason": reason})
        return {row[0] for row in rows}

    def resume_schedule(self, change: Change) -> bool:
        return bool(self._write("resume_schedule", _settled(change)))

    def delete_schedules(self, names: Sequence[str]) -> set[str]:
        return {row[0] for row in self._write("delete_schedules", {"names": list_document(names)})}

    def list_schedule_runs(self, name: str, limit: int) -> list[RunRecord]:
        return [_run_record(row) for row in self._read("list_schedule_runs", {"name": name, "limit": limit})]

    def list_notable_runs(self, limit: int) -> list[NotableRun]:
        return [_notable_run(row) for row in self._read("list_notable_runs", {"limit": limit})]

    def end_runs(self, ids: Sequence[int]) -> set[int]:
        return ids_in(self._write("end_runs", {"ids": list_document(sorted(ids))}))

    def mark_late_runs(self, ids: Sequence[int]) -> set[int]:
        return ids_in(self._write("mark_late_runs", {"ids": list_document(sorted(ids))}))

    def declare_schedules(self, worker: int, fingerprints: Mapping[str, str]) -> None:
        self._write("declare_schedules", {"worker": worker, "pairs": json.dumps(dict(fingerprints))})

    def list_declarations(self, names: Sequence[str]) -> set[tuple[str, str]]:
        return {(row[0], row[1]) for row in self._read("list_declarations", {"names": list_document(names)})}

    def rest_undeclared_schedules(self, age: timedelta) -> list[str]:
        return sorted(row[0] for row in self._write("rest_undeclared_schedules", {"age": micros_in(age)}))


def _settled(change: Change) -> dict[str, str | int | None]:
    return {
        "name": change.name,
        "revision": change.revision,
        "settled_at": _micros(change.settled_at),
        "next_at": _micros(change.next_at),
    }


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros_at(at)


def _schedule_record(row: Row) -> ScheduleRecord:
    """A row of `select_schedules.sql`. What can't be read is one schedule's trouble, not that of all."""
    schedule, problem = None, None
    try:
        schedule = read_schedule(*row[:4])
    except ConfigurationError as error:
        problem = str(error)
    return ScheduleRecord(
        name=row[0],
        schedule=schedule,
        problem=problem,
        fingerprint=row[4],
        former=tuple(json.loads(row[5])),
        is_declared=bool(row[6]),
        owner=row[7],
        revision=row[8],
        changed_at=moment(row[9]),
        changed_by=row[10],
        settled_at=optional_moment(row[11]),
        next_at=optional_moment(row[12]),
        waiting=tuple(map(moment, json.loads(row[13]))),
        missed_at=optional_moment(row[14]),
        undeclared_at=optional_moment(row[15]),
        paused_at=optional_moment(row[16]),
        paused_by=row[17],
        pause_reason=row[18],
        seen_at=moment(row[19]),
        live_jobs=tuple(sorted(json.loads(row[20] or "[]"))),
        last_run=None if row[_OF_SCHEDULE] is None else _run_record(row[_OF_SCHEDULE:]),
    )


def _run_record(row: Row) -> RunRecord:
    """A row of `list_schedule_runs.sql`."""
    return RunRecord(
        id=row[0],
        schedule=row[1],
        tick=optional_moment(row[2]),
        job_id=row[3],
        fired_at=moment(row[4]),
        fired_by=row[5],
        skipped=row[6],
        late_at=optional_moment(row[7]),
        state=row[8],
        attempt=row[9],
        started_at=optional_moment(row[10]),
        ended_at=optional_moment(row[11]),
        reason=row[12],
        error_type=row[13],
        error_message=row[14],
    )


def _notable_run(row: Row) -> NotableRun:
    """A row of `list_notable_runs.sql`, which ends with the schedule's policy."""
    *run, text = row
    try:
        policy = read_policy(text)
    except ConfigurationError:
        policy = Policy()
    return NotableRun(run=_run_record(run), policy=policy)
