"""`BatchStore`: jobs that belong together are counted as they come and end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec

from packhorse.domain.batch import (
    BatchRecord,
    Change,
    Member,
    NewBatch,
    Occasion,
    Place,
    Totals,
    callback_for,
    callbacks,
    counted,
)
from packhorse.domain.job import NewJob
from packhorse.domain.moments import MICROSECOND, micros_in, moment, optional_moment
from packhorse.engines.sql.base import Command, Params
from packhorse.engines.sql.documents import check_texts, list_document
from packhorse.engines.sql.jobs import SqlJobStore
from packhorse.statement import Row, Statement

CALLBACKS = ("on_success", "on_failure", "on_end")
Run = Callable[[Command], list[Row]]
Enqueue = Callable[[Sequence[NewJob]], object]


@dataclass(slots=True)
class News:
    """What is news of batches."""

    jobs: list[int] = field(default_factory=list)
    """Jobs that others wait for have ended or are back; some of them may be in a batch."""
    batches: set[int] = field(default_factory=set)
    """Batches into which jobs have come, or that were closed."""
    closed: dict[int, int] = field(default_factory=dict)
    """When batches were closed, in microseconds since 1970."""


class SqlBatches(SqlJobStore):
    """`packhorse.batches.BatchStore` by statements, but for `count_batches`, which hears the news."""

    def storing_batch(
        self, batch: NewBatch, installation: str | None = None
    ) -> Generator[Statement, list[Row], int | None]:
        command = _insert_batch(batch, installation or self.installation_id())
        [text] = self._statements.get(command.name)
        rows = yield Statement(text, command.params)
        return rows[0][0] if rows else None

    def closing_batch(self, id: int) -> Statement:
        command = _close_batch(id)
        [text] = self._statements.get(command.name)
        return Statement(text, command.params)

    def insert_batch(self, batch: NewBatch) -> int:
        rows = self._write_all([_insert_batch(batch, self.installation_id())])
        if not rows:
            raise self._replaced()
        return int(rows[0][0])

    def close_batch(self, id: int) -> bool:
        return bool(self._write_all([_close_batch(id)]))

    def list_batches(
        self, *, id: int | None = None, before_id: int | None = None, is_open: bool = False, limit: int = 50
    ) -> list[BatchRecord]:
        given: Params = {name: at for name, at in (("id", id), ("before_id", before_id)) if at is not None}
        options = [*given, *(["open"] if is_open else [])]
        return [_record(row) for row in self._read("list_batches", {**given, "limit": limit}, *options)]

    def list_members(
        self, id: int, *, after_id: int = 0, unsuccessful: bool = False, limit: int = 1000
    ) -> list[Member]:
        params: Params = {"batch": id, "after_id": after_id, "limit": limit}
        return [Member(*row) for row in self._read("list_members", params, *(["unsuccessful"] if unsuccessful else []))]

    def _count(self, run: Run, enqueue: Enqueue, news: News, limit: int) -> int:
        """Count what is news, in a transaction in which nobody else does; of how many jobs and ends."""
        if not news.jobs and not news.batches:
            return 0
        locked = {row[0]: row for row in run(_lock_batches(news))}
        if not locked:
            return 0
        changes = run(_list_changes(news.jobs, locked, limit))
        is_cut = sum(row[2] is None for row in changes) >= limit
        of_batch = _by_batch(changes)
        folded = [_fold(row, news.closed.get(id), of_batch.get(id, []), is_cut) for id, row in locked.items()]
        places = sum(len(one.places) for one in folded)
        if places:
            run(_count_members(folded))
        run(_put_totals(folded))
        untold = _tell(run, {one.id: one.on_each for one in folded if one.on_each is not None}, limit)
        if is_cut or len(untold) >= limit:
            run(_announce_batches(locked))
        if jobs := [*untold, *(job for one in folded for job in one.due.values())]:
            enqueue(jobs)
        return places + len(jobs) + len(news.closed)


class _Folded(NamedTuple):
    """What a batch comes to."""

    id: int
    totals: Totals
    is_open: bool
    places: list[Place]
    due: dict[str, NewJob]
    """Its callbacks that are to be enqueued."""
    on_each: NewJob | None
    """The callback for each of its jobs."""


def _fold(row: Row, closed: int | None, changes: Sequence[Change], is_cut: bool) -> _Folded:
    """What a batch, a row of `lock_batches.sql`, comes to; while more is to be counted it has not ended."""
    totals, places = counted(_totals(row, closed), changes)
    stored = {name: text for name, text in zip(CALLBACKS, row[11:14], strict=True) if text is not None}
    names = [] if is_cut else [name for name in callbacks(totals) if name in stored]
    due = {name: callback_for(_job(stored[name]), Occasion(batch_id=row[0])) for name in names}
    on_each = None if row[14] is None else _job(row[14])
    return _Folded(row[0], totals, totals.is_open or is_cut, places, due, on_each)


def _tell(run: Run, on_each: Mapping[int, NewJob], limit: int) -> list[NewJob]:
    """Note of which jobs of these batches it is told now; the jobs that tell of them, in order."""
    if not on_each:
        return []
    untold = run(_list_untold_members(on_each, limit))
    if untold:
        run(_tell_members([row[1] for row in untold]))
    return [callback_for(on_each[row[0]], Occasion(batch_id=row[0], member=Member(*row[1:]))) for row in untold]


def _by_batch(changes: Sequence[Row]) -> dict[int, list[Change]]:
    """The rows of `list_changes.sql`, by batch."""
    return {id: [Change(*row[1:]) for row in rows] for id, rows in groupby(changes, key=itemgetter(0))}


def news_in(heard: Iterable[Row]) -> News:
    """The news of batches in rows of `hear_ends.sql`."""
    news = News()
    for job, _, _, _, batch, closed in heard:
        if job is not None:
            news.jobs.append(job)
        if batch is not None:
            news.batches.add(batch)
            if closed is not None:
                news.closed[batch] = min(closed, news.closed.get(batch, closed))
    return news


def _insert_batch(batch: NewBatch, installation: str) -> Command:
    params: Params = {
        "name": batch.name,
        "type": batch.type,
        "parent": batch.parent_id,
        "job": batch.of_job,
        "expected": batch.expected,
        "keep_alive": None if batch.keep_alive is None else micros_in(batch.keep_alive),
        "on_success": _text(batch.on_success),
        "on_failure": _text(batch.on_failure),
        "on_end": _text(batch.on_end),
        "on_each": _text(batch.on_each),
        "installation": installation,
    }
    check_texts(params.values())
    return Command("insert_batch", params)


def _close_batch(id: int) -> Command:
    return Command("close_batch", {"batch": id})


def _lock_batches(news: News) -> Command:
    return Command("lock_batches", {"ids": list_document(news.jobs), "names": _texts(news.batches)})


def _list_changes(ids: Iterable[int], batches: Iterable[int], limit: int) -> Command:
    return Command("list_changes", {"ids": list_document(ids), "names": _texts(batches), "limit": limit})


def _count_members(folded: Sequence[_Folded]) -> Command:
    changed = [
        {**place._asdict(), "is_untold": int(one.on_each is not None and place.number is not None)}
        for one in folded
        for place in one.places
    ]
    return Command("count_members", {"changed": msgspec.json.encode(changed).decode()})


def _list_untold_members(batches: Iterable[int], limit: int) -> Command:
    return Command("list_untold_members", {"names": _texts(batches), "limit": limit})


def _tell_members(ids: Iterable[int]) -> Command:
    return Command("tell_members", {"ids": list_document(ids)})


def _put_totals(totals: Sequence[_Folded]) -> Command:
    document = msgspec.json.encode([_document(one) for one in totals]).decode()
    return Command("put_totals", {"totals": document})


def _announce_batches(ids: Iterable[int]) -> Command:
    return Command("announce_batches", {"ids": list_document(ids)})


def _document(one: _Folded) -> dict[str, int | None]:
    counters = {name: value for name, value in asdict(one.totals).items() if name != "expected"}
    kept = {name: int(name not in one.due) for name in CALLBACKS}
    return {"id": one.id, **counters, **kept, "is_open": int(one.is_open)}


def _texts(ids: Iterable[int]) -> str:
    """Ids as every dialect reads names."""
    return list_document(map(str, sorted(ids)))


def _text(job: NewJob | None) -> str | None:
    return None if job is None else msgspec.json.encode(job).decode()


def _job(text: str) -> NewJob:
    return msgspec.json.decode(text, type=NewJob)


def _totals(row: Row, closed: int | None) -> Totals:
    """The counters in a row of `lock_batches.sql`."""
    return Totals(
        enqueued=row[1],
        succeeded=row[2],
        failed=row[3],
        cancelled=row[4],
        expected=row[5],
        first_enqueued=row[6],
        last_enqueued=row[7],
        last_processed=row[8],
        last_job_id=row[9],
        closed=row[10] if row[10] is not None else closed,
    )


def _record(row: Row) -> BatchRecord:
    """A row of `list_batches.sql`."""
    return BatchRecord(
        id=row[0],
        name=row[1],
        type=row[2],
        parent_id=row[3],
        expected=row[4],
        keep_alive=None if row[5] is None else row[5] * MICROSECOND,
        created_at=moment(row[6]),
        first_enqueued_at=optional_moment(row[7]),
        last_enqueued_at=optional_moment(row[8]),
        last_processed_at=optional_moment(row[9]),
        last_job_id=row[10],
        enqueued=row[11],
        succeeded=row[12],
        failed=row[13],
        cancelled=row[14],
        closed_at=optional_moment(row[15]),
        ended_at=optional_moment(row[16]),
        seen_at=moment(row[17]),
        is_counted=not row[18],
        reason=row[19],
    )
