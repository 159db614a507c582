"""How calls become rows: encoded, shown to the middleware, and written on the connection that they belong to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from packhorse.blocks import OpenBlocks
from packhorse.connection import AnyConnection, AsyncConnection, Connection
from packhorse.context import find_current
from packhorse.domain.job import DEFAULT_QUEUE, NewJob, key_of
from packhorse.domain.order import DEFAULT_PRIORITY, priority_number
from packhorse.domain.package import NewPackage
from packhorse.domain.payload import encode_value
from packhorse.domain.signature import encode_plain_call
from packhorse.engine import Engine
from packhorse.errors import DatabaseBusy, PayloadError, SchemaMissing, UnsupportedConnection
from packhorse.middleware import Draft, EnqueueHooks
from packhorse.options import Options
from packhorse.refusals import find_refusal, foreign, is_foreign, nothing_stored
from packhorse.routing import Lead, Routing
from packhorse.statement import Row, Statement
from packhorse.steps import Aside, AskPlace, Steps, afollow, follow, run_steps
from packhorse.task import Call

log: logging.Logger = logging.getLogger("packhorse")

R = TypeVar("R")

Stored = tuple[int, int, str]
"""The id of a job that was stored, the key by which its call is known again, and its queue."""

Writing = Generator[Statement, list[Row], R]
"""Yields statements, is sent the rows of each, and comes to something."""

MOST_TEXT = 4 * 1024 * 1024
"""How many characters of arguments one statement holds at most, unless one job has more."""
CHUNK = 1000
"""How many jobs one statement stores at most."""


class Prepared(msgspec.Struct, frozen=True):
    """A call on its way into the database."""

    job: NewJob
    draft: Draft | None
    """What the middleware has seen, if there is any."""


class Enqueuer:
    """Stores calls as jobs.

    Args:
        engine: gives the engine; it is opened at the first use.
        adapt: finds the adapter for a caller's connection.
        hooks: the middleware that watches enqueues.
        blocks: finds the block of `app.transaction` that an enqueue without a connection joins.
        routing: says where the jobs of a task go.
        ambient: finds the connection that an enqueue without one joins, if a framework has one open here.
        catch_up: told of the connection before jobs are written, too.
        after_enqueue: told of the connection (None for a transaction of our own) after jobs were written.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        adapt: Callable[[object], Connection | AsyncConnection],
        hooks: EnqueueHooks,
        blocks: OpenBlocks,
        routing: Routing,
        *,
        ambient: Callable[[], object | None] = lambda: None,
        catch_up: Callable[[Connection | AsyncConnection | None], None] = lambda _: None,
        after_enqueue: Callable[[Connection | AsyncConnection | None], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._adapt = adapt
        self._hooks = hooks
        self._blocks = blocks
        self._routing = routing
        self._set_up: Engine | None = None
        self._ambient = ambient
        self._catch_up = catch_up
        self._after_enqueue = after_enqueue

    def enqueue(self, calls: Sequence[Call[Any]], conn: object | None) -> list[Stored]:
        """Store jobs on the caller's connection, else in the transaction that is open around here, else by themselves.

        All or none are stored; what was stored is in the order of `calls`.
        """
        order = _key_order(calls)
        stored = self._enqueue([calls[number] for number in order] if order else calls, conn)
        return [one for _, one in sorted(zip(order, stored, strict=True))] if order else stored

    def _enqueue(self, calls: Sequence[Call[Any]], conn: object | None) -> list[Stored]:
        connection = self._connection(conn)
        if connection is None and len(calls) > CHUNK and not self._hooks and self._engine().features.concurrent_writers:
            return self._store_while_preparing(calls)
        return self._store(self._prepare(calls), connection)

    async def aenqueue(self, calls: Sequence[Call[Any]], conn: object | None) -> list[Stored]:
        """The same for coroutines."""
        order = _key_order(calls)
        stored = await self._aenqueue([calls[number] for number in order] if order else calls, conn)
        return [one for _, one in sorted(zip(order, stored, strict=True))] if order else stored

    async def _aenqueue(self, calls: Sequence[Call[Any]], conn: object | None) -> list[Stored]:
        if not self._routing.is_warm():
            await asyncio.to_thread(self._routing.in_force)
        prepared = self._prepare(calls)
        connection = self._connection(conn)
        if connection is None:
            return await asyncio.to_thread(self._store, prepared, None)
        if connection.is_async is False:
            return self._store(prepared, connection)
        jobs = [one.job for one in prepared]
        async with connection.transaction() if _needs_transaction(connection, jobs) else nullcontext():
            ids = await afollow(self._storing(connection, jobs), connection)
        return self._finish(prepared, ids, connection)

    def write(self, prepare: Callable[[Engine], Writing[R]], conn: object | None) -> R:
        """Run further statements of ours where an enqueue on this connection would be; what they come to."""
        connection = self._connection(conn)
        if connection is None:
            return self._write_own(prepare)
        if connection.is_async is True:
            raise UnsupportedConnection(f"{_kind(connection.raw)} is for coroutines: use the method for those")
        with connection.transaction() if connection.commits_alone() else nullcontext():
            return follow(self._writing(connection, prepare), connection)

    async def awrite(self, prepare: Callable[[Engine], Writing[R]], conn: object | None) -> R:
        """The same for coroutines."""
        connection = self._connection(conn)
        if connection is None:
            return await asyncio.to_thread(self._write_own, prepare)
        if connection.is_async is False:
            return self.write(prepare, conn)
        async with connection.transaction() if connection.commits_alone() else nullcontext():
            return await afollow(self._writing(connection, prepare), connection)

    def _write_own(self, prepare: Callable[[Engine], Writing[R]]) -> R:
        transaction = self._engine().begin()
        try:
            result = run_steps(prepare(self._engine()), transaction.run)
        except BaseException:
            transaction.rollback()
            raise
        transaction.commit()
        return result

    def _writing(self, connection: AnyConnection, prepare: Callable[[Engine], Writing[R]]) -> Steps[R]:
        engine = self._engine()
        if is_foreign(connection, engine):
            raise foreign(connection.dialect, (yield AskPlace()), engine)

        def prepared() -> Writing[R]:
            engine.installation_id()
            return prepare(engine)

        return (yield from self._following(engine, (yield from self._prepared(engine, prepared))))

    def _prepare(self, calls: Iterable[Call[Any]]) -> list[Prepared]:
        lead = self._routing.in_force()
        return [self._prepare_one(call, lead) for call in calls]

    def _prepare_one(self, call: Call[Any], lead: Lead | None) -> Prepared:
        if not isinstance(call, Call):
            raise TypeError(f"enqueue_many takes calls, such as send_invoice.call(42), not {call!r}")
        texts = _encoded(call)
        draft = None
        options, meta = call.options, None
        if lead is not None and not call.is_placed:
            options = lead.options_for(call.task, options)
        if self._hooks:
            draft = Draft(call.task, call.args, call.kwargs, options)
            self._hooks.enqueuing(draft)
            options, meta = draft.options, _encode_meta(draft)
        return Prepared(_job(call.task, texts, options, meta, call.package), draft)

    def _store(self, prepared: Sequence[Prepared], connection: Connection | AsyncConnection | None) -> list[Stored]:
        ids = self._write([one.job for one in prepared], connection)
        return self._finish(prepared, ids, connection)

    def _store_while_preparing(self, calls: Sequence[Call[Any]]) -> list[Stored]:
        """Each thousand is prepared while the server stores those before; there is no middleware to notice."""
        known = list[tuple[int, str]]()

        def prepared() -> Iterator[Sequence[NewJob]]:
            for start in range(0, len(calls), CHUNK):
                jobs = [one.job for one in self._prepare(calls[start : start + CHUNK])]
                known.extend((key_of(job), job.queue) for job in jobs)
                yield from _parcels(jobs)

        ids = self._engine().insert_many(prepared(), len(calls))
        self._after_enqueue(None)
        return [(id, key, queue) for id, (key, queue) in zip(ids, known, strict=True)]

    def _write(self, jobs: Sequence[NewJob], connection: Connection | AsyncConnection | None) -> list[int]:
        if connection is None:
            return self._write_alone(jobs)
        if connection.is_async is True:
            raise UnsupportedConnection(f"{_kind(connection.raw)} is for coroutines: use aenqueue and await it")
        with connection.transaction() if _needs_transaction(connection, jobs) else nullcontext():
            return follow(self._storing(connection, jobs), connection)

    def _connection(self, conn: object | None) -> Connection | AsyncConnection | None:
        connection = self._surrounding() if conn is None else self._adapt(conn)
        self._catch_up(connection)
        return connection

    def _surrounding(self) -> Connection | AsyncConnection | None:
        """That of a block of `app.transaction`, else of the atomic handler that is running here, else a framework's."""
        block = self._blocks.find_here()
        if block is not None:
            return block
        context = find_current()
        conn = self._ambient() if context is None or context.transaction is None else context.transaction
        return None if conn is None else self._adapt(conn)

    def _write_alone(self, jobs: Sequence[NewJob]) -> list[int]:
        engine = self._engine()
        try:
            parcels = _parcels(jobs)
            return engine.insert_many(parcels, len(jobs)) if len(parcels) > 1 else engine.insert_jobs(jobs)
        except DatabaseBusy as error:
            raise DatabaseBusy(
                f"{error}; if the lock is that of your own open transaction, enqueue on it: using(conn=…)"
            ) from error

    def _storing(self, connection: AnyConnection, jobs: Sequence[NewJob]) -> Steps[list[int]]:
        engine, ids = self._engine(), list[int]()
        if is_foreign(connection, engine):
            raise foreign(connection.dialect, (yield AskPlace()), engine)
        for parcel in _parcels(jobs):
            if all(job.is_single for job in parcel):
                statement = yield from self._prepared(engine, partial(engine.insert_statement, parcel))
                ids += sorted(int(row[0]) for row in (yield from _run(statement, engine)))
            else:
                ids += yield from self._storing_keyed(engine, parcel)
        if len(ids) != len(jobs):
            raise nothing_stored((yield AskPlace()), engine)
        return ids

    def _storing_keyed(self, engine: Engine, jobs: Sequence[NewJob]) -> Steps[list[int]]:
        storing = yield from self._prepared(engine, partial(engine.storing, jobs))
        return (yield from self._following(engine, storing))

    def _following(self, engine: Engine, writing: Writing[R]) -> Steps[R]:
        try:
            rows = yield from _run(next(writing), engine)
            while True:
                rows = yield from _run(writing.send(rows), engine)
        except StopIteration as end:
            result: R = end.value
            return result

    def _prepared(self, engine: Engine, prepare: Callable[..., R]) -> Steps[R]:
        """What is to be run. Before the first time on an engine the database is looked at, which takes a while."""
        is_set_up = engine is self._set_up
        try:
            prepared: R = prepare() if is_set_up else (yield Aside(prepare))
        except SchemaMissing:
            # The caller's own transaction keeps us from installing it in ours: so it is done in theirs.
            return prepare((yield from engine.setup()))
        self._set_up = engine
        return prepared

    def _finish(
        self, prepared: Sequence[Prepared], ids: Sequence[int], connection: Connection | AsyncConnection | None
    ) -> list[Stored]:
        """The middleware is told before the jobs may run here."""
        if self._hooks:
            for one, id in zip(prepared, ids, strict=True):
                if one.draft is not None:
                    self._hooks.enqueued(one.draft, id)
        self._after_enqueue(connection)
        return [(id, key_of(one.job), one.job.queue) for one, id in zip(prepared, ids, strict=True)]


class Writer(Protocol):
    """What runs statements of ours on a caller's connection."""

    def write(self, prepare: Callable[[Engine], Writing[R]], conn: object | None) -> R:
        """Run them where an enqueue on this connection would be; what they come to."""
        ...

    async def awrite(self, prepare: Callable[[Engine], Writing[R]], conn: object | None) -> R:
        """The same for coroutines."""
        ...


def plain_job(call: Call[Any]) -> NewJob:
    """The job that a call comes to when no middleware sees it: for what is stored now and enqueued later.

    Raises:
        PayloadError: an argument would not survive, or does not fit.
    """
    return _job(call.task, _encoded(call), call.options, None)


def _needs_transaction(connection: AnyConnection, jobs: Sequence[NewJob]) -> bool:
    """Whether it takes several statements to store them, and each would be committed by itself."""
    return (len(jobs) > CHUNK or not all(job.is_single for job in jobs)) and connection.commits_alone()


def _key_order(calls: Sequence[object]) -> Sequence[int]:
    """In which order to store calls that need several statements; empty to leave them as they are.

    By unique keys, so that two producers of the same ones don't wait for each other in a circle.
    """
    if len(calls) <= CHUNK:
        return ()
    names = [(call.task, call.options.unique_key or "") if isinstance(call, Call) else ("", "") for call in calls]
    return sorted(range(len(calls)), key=names.__getitem__) if any(key for _, key in names) else ()


def _encoded(call: Call[Any]) -> tuple[str, str | None]:
    """The arguments as texts."""
    if call.signature is None:
        return encode_plain_call(call.args, call.kwargs)
    return call.signature.encode(call.args, call.kwargs)


def _job(
    task: str, texts: tuple[str, str | None], options: Options, meta: str | None, package: NewPackage | None = None
) -> NewJob:
    args, kwargs = texts
    return NewJob(
        task=task,
        args=args,
        kwargs=kwargs,
        queue=options.queue or DEFAULT_QUEUE,
        priority=DEFAULT_PRIORITY if options.priority is None else priority_number(options.priority),
        scheduled_at=options.scheduled_at,
        delay=options.delay,
        expected_at=options.expected_at,
        expected_in=options.expected_in,
        max_attempts=options.max_attempts,
        meta=meta,
        keys=options.keys,
        package=package,
    )


def _encode_meta(draft: Draft) -> str | None:
    try:
        return encode_value(draft.meta, path="meta") if draft.meta else None
    except PayloadError:
        log.exception("what middleware sends along with a job of task %s can't be stored; left out", draft.task)
        return None


def _run(statement: Statement, engine: Engine) -> Steps[list[Row]]:
    try:
        rows: list[Row] = yield statement
    except Exception as error:
        refusal = find_refusal(error, (yield AskPlace()), engine)
        if refusal is None:
            raise
        raise refusal from error
    return rows


def _parcels(jobs: Sequence[NewJob]) -> list[Sequence[NewJob]]:
    """The jobs in order, at most `CHUNK` together, and no more text than a message should hold."""
    parcels, size, start = list[Sequence[NewJob]](), 0, 0
    for at, job in enumerate(jobs):
        more = len(job.args) + len(job.kwargs or "") + len(job.meta or "")
        if at > start and (at - start == CHUNK or size + more > MOST_TEXT):
            parcels.append(jobs[start:at])
            size, start = 0, at
        size += more
    return [*parcels, jobs[start:]] if jobs else []


def _kind(raw: object) -> str:
    return f"{type(raw).__module__}.{type(raw).__qualname__}"
