"""How jobs, and what else is written with them, become rows: on the connection that they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

from packhorse.blocks import OpenBlocks
from packhorse.connection import AnyConnection, AsyncConnection, Connection
from packhorse.context import find_current
from packhorse.domain.batch import NewBatch
from packhorse.domain.job import NewJob, key_of
from packhorse.engine import Engine
from packhorse.errors import DatabaseBusy, SchemaMissing, UnsupportedConnection
from packhorse.fate import Fate
from packhorse.middleware import EnqueueHooks
from packhorse.preparing import CHUNK, Prepared, Preparer, key_order, parcels
from packhorse.refusals import find_refusal, foreign, is_foreign, nothing_stored
from packhorse.routing import Routing
from packhorse.statement import Row, Statement
from packhorse.steps import Aside, AskPlace, Steps, afollow, follow, run_steps
from packhorse.task import Call

R = TypeVar("R")

Stored = tuple[int, int, str, Fate | None]
"""The id of a job that was stored, the key by which its call is known again, its queue; the fate of its transaction."""

Writing = Generator[Statement, list[Row], R]
"""Yields statements, is sent the rows of each, and comes to something."""

Prepare = Callable[..., Writing[R | None]]
"""Gives what is to be run, of an engine and its installation's id, where that is known; elsewhere it comes to None."""


class Enqueuer:
    """Stores calls as jobs.

    Args:
        engine: gives the engine; it is opened at the first use.
        adapt: finds the adapter for a caller's connection.
        hooks: the middleware that watches enqueues.
        blocks: finds the block of `app.transaction` that an enqueue without a connection joins.
        routing: says where the jobs of a task go.
        ambient: finds the connection that an enqueue without one joins, if a framework has one open here.
        acting: gives what every job's `meta` takes along of on whose behalf it is enqueued; None for nothing.
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
        acting: Callable[[], dict[str, Any] | None] = lambda: None,
        catch_up: Callable[[Connection | AsyncConnection | None], None] = lambda _: None,
        after_enqueue: Callable[[Connection | AsyncConnection | None], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._adapt = adapt
        self._hooks = hooks
        self._blocks = blocks
        self._preparer = Preparer(hooks, routing, acting)
        self._set_up: Engine | None = None
        self._ambient = ambient
        self._catch_up = catch_up
        self._after_enqueue = after_enqueue

    def enqueue(self, calls: Sequence[Call[Any]], conn: object | None) -> list[Stored]:
        """Store jobs on the caller's connection, else in the transaction that is open around here, else by themselves.

        All or none are stored; what was stored is in the order of `calls`.
        """
        order = key_order(calls)
        stored = self._enqueue([calls[number] for number in order] if order else calls, conn)
        return [one for _, one in sorted(zip(order, stored, strict=True))] if order else stored

    def _enqueue(self, calls: Sequence[Call[Any]], conn: object | None) -> list[Stored]:
        connection = self._connection(conn)
        if connection is None and len(calls) > CHUNK and not self._hooks and self._engine().features.concurrent_writers:
            return self._store_while_preparing(calls)
        return self._store(self._preparer.prepare(calls), connection)

    def has_transaction(self) -> bool:
        """Whether an enqueue without a connection would join a transaction that is open here."""
        return self._surrounding() is not None

    def prepare_all(self, calls: Sequence[Call[Any]]) -> list[Prepared]:
        """Check calls that `store_prepared` stores later, on whoever's behalf they are made now.

        Raises:
            PayloadError: an argument would not survive, or does not fit.
        """
        return self._preparer.prepare(calls)

    def store_prepared(self, calls: Sequence[Call[Any]], prepared: Sequence[Prepared]) -> list[Stored]:
        """Store calls that were prepared before in a transaction of their own; what was stored, in their order."""
        order = key_order(calls)
        stored = self._store([prepared[number] for number in order] if order else prepared, None)
        return [one for _, one in sorted(zip(order, stored, strict=True))] if order else stored

    async def aenqueue(self, calls: Sequence[Call[Any]], conn: object | None) -> list[Stored]:
        """The same for coroutines."""
        order = key_order(calls)
        stored = await self._aenqueue([calls[number] for number in order] if order else calls, conn)
        return [one for _, one in sorted(zip(order, stored, strict=True))] if order else stored

    async def _aenqueue(self, calls: Sequence[Call[Any]], conn: object | None) -> list[Stored]:
        await self._preparer.warm_up()
        prepared = self._preparer.prepare(calls)
        connection = self._connection(conn)
        if connection is None:
            return await asyncio.to_thread(self._store, prepared, None)
        if connection.is_async is False:
            return self._store(prepared, connection)
        jobs = [one.job for one in prepared]
        async with connection.transaction() if _needs_transaction(connection, jobs) else nullcontext():
            ids = await afollow(self._storing(connection, jobs), connection)
        return self._finish(prepared, ids, connection)

    def write(self, prepare: Prepare[R], conn: object | None) -> R:
        """Run further statements of ours where an enqueue on this connection would be; what they come to.

        Raises:
            WrongDatabase: the connection reaches another one: they came to None.
        """
        connection = self._connection(conn)
        if connection is None:
            return self._write_own(prepare)
        if connection.is_async is True:
            raise UnsupportedConnection(f"{_kind(connection.raw)} is for coroutines: use the method for those")
        with connection.transaction() if connection.commits_alone() else nullcontext():
            return follow(self._writing(connection, prepare), connection)

    async def awrite(self, prepare: Prepare[R], conn: object | None) -> R:
        """The same for coroutines."""
        connection = self._connection(conn)
        if connection is None:
            return await asyncio.to_thread(self._write_own, prepare)
        if connection.is_async is False:
            return self.write(prepare, conn)
        async with connection.transaction() if connection.commits_alone() else nullcontext():
            return await afollow(self._writing(connection, prepare), connection)

    def _write_own(self, prepare: Prepare[R]) -> R:
        engine = self._engine()
        transaction = engine.begin()
        try:
            result = run_steps(prepare(engine), lambda statement: transaction.run(engine.limited(statement)))
        except DatabaseBusy as error:
            transaction.rollback()
            raise _own_lock(error) from error
        except BaseException:
            transaction.rollback()
            raise
        if result is None:
            transaction.rollback()
            raise nothing_stored(engine.address, engine)
        transaction.commit()
        return result

    def _writing(self, connection: AnyConnection, prepare: Prepare[R]) -> Steps[R]:
        engine = self._engine()
        if is_foreign(connection, engine):
            raise foreign(connection.dialect, (yield AskPlace()), engine)
        writing = yield from self._prepared(engine, partial(prepare, engine))
        result = yield from self._following(engine, writing)
        if result is None:
            raise nothing_stored((yield AskPlace()), engine)
        return result

    def _store(self, prepared: Sequence[Prepared], connection: Connection | AsyncConnection | None) -> list[Stored]:
        ids = self._write([one.job for one in prepared], connection)
        return self._finish(prepared, ids, connection)

    def _store_while_preparing(self, calls: Sequence[Call[Any]]) -> list[Stored]:
        """Each thousand is prepared while the server stores those before; there is no middleware to notice."""
        known = list[tuple[int, str]]()

        def prepared() -> Iterator[Sequence[NewJob]]:
            for start in range(0, len(calls), CHUNK):
                jobs = [one.job for one in self._preparer.prepare(calls[start : start + CHUNK])]
                known.extend((key_of(job), job.queue) for job in jobs)
                yield from parcels(jobs)

        ids = self._engine().insert_many(prepared(), len(calls))
        self._after_enqueue(None)
        return [(id, key, queue, None) for id, (key, queue) in zip(ids, known, strict=True)]

    def _write(self, jobs: Sequence[NewJob], connection: Connection | AsyncConnection | None) -> list[int]:
        if connection is None:
            return self._write_alone(jobs)
        synchronous = _synchronous(connection, "use aenqueue and await it")
        with synchronous.transaction() if _needs_transaction(connection, jobs) else nullcontext():
            return follow(self._storing(connection, jobs), synchronous)

    def prepare(self, call: Call[Any]) -> NewJob:
        """The job that a call comes to here and now, for what is stored with something else and enqueued later.

        Middleware has seen it, as of an enqueue, but is not told of its id.

        Raises:
            PayloadError: an argument would not survive.
            SignatureError: it does not fit.
        """
        return self._preparer.prepare([call])[0].job

    async def warm_up(self) -> None:
        """Have all that `prepare` needs, beside the event loop."""
        await self._preparer.warm_up()

    def store_batch(self, batch: NewBatch, conn: object | None) -> int:
        """Store a batch on the caller's connection, else where an enqueue without one goes; its id."""
        connection, engine = self._connection(conn), self._engine()
        if connection is None:
            return engine.insert_batch(batch)
        storing = self._writing(connection, partial(_storing_batch, batch))
        id = follow(storing, _synchronous(connection, "use abatch and await it"))
        self._after_enqueue(connection)
        return id

    async def astore_batch(self, batch: NewBatch, conn: object | None) -> int:
        """The same for coroutines."""
        connection, engine = self._connection(conn), self._engine()
        if connection is None:
            return await asyncio.to_thread(engine.insert_batch, batch)
        id = await _afollow(self._writing(connection, partial(_storing_batch, batch)), connection)
        self._after_enqueue(connection)
        return id

    def close_batch(self, id: int, conn: object | None) -> bool:
        """Say in the same way that nothing more will come into a batch; whether it is there."""
        connection, engine = self._connection(conn), self._engine()
        if connection is None:
            is_there = engine.close_batch(id)
        else:
            closing = _run(engine.closing_batch(id), engine)
            is_there = bool(follow(closing, _synchronous(connection, "use aclose and await it")))
        self._after_enqueue(connection)
        return is_there

    async def aclose_batch(self, id: int, conn: object | None) -> bool:
        """The same for coroutines."""
        connection, engine = self._connection(conn), self._engine()
        if connection is None:
            is_there = await asyncio.to_thread(engine.close_batch, id)
        else:
            is_there = bool(await _afollow(_run(engine.closing_batch(id), engine), connection))
        self._after_enqueue(connection)
        return is_there

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
            several = parcels(jobs)
            return engine.insert_many(several, len(jobs)) if len(several) > 1 else engine.insert_jobs(jobs)
        except DatabaseBusy as error:
            raise DatabaseBusy(
                f"{error}; if the lock is that of your own open transaction, enqueue on it: using(conn=…)"
            ) from error

    def _storing(self, connection: AnyConnection, jobs: Sequence[NewJob]) -> Steps[list[int]]:
        engine, ids = self._engine(), list[int]()
        if is_foreign(connection, engine):
            raise foreign(connection.dialect, (yield AskPlace()), engine)
        for parcel in parcels(jobs):
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
        fate = None if connection is None else connection.fate()
        self._after_enqueue(connection)
        return [(id, key_of(one.job), one.job.queue, fate) for one, id in zip(prepared, ids, strict=True)]


def _needs_transaction(connection: AnyConnection, jobs: Sequence[NewJob]) -> bool:
    """Whether it takes several statements to store them, and each would be committed by itself."""
    return (len(jobs) > CHUNK or not all(job.is_single for job in jobs)) and connection.commits_alone()


def _run(statement: Statement, engine: Engine) -> Steps[list[Row]]:
    try:
        rows: list[Row] = yield statement
    except Exception as error:
        refusal = find_refusal(error, (yield AskPlace()), engine)
        if refusal is None:
            raise
        raise refusal from error
    return rows


def _storing_batch(batch: NewBatch, engine: Engine, *installation: str) -> Writing[int | None]:
    return engine.storing_batch(batch, *installation)


def _own_lock(error: DatabaseBusy) -> DatabaseBusy:
    return DatabaseBusy(f"{error}; if the lock is that of your own open transaction, work on it: conn=…")


async def _afollow(steps: Steps[R], connection: Connection | AsyncConnection) -> R:
    """Take the steps in a coroutine, on either kind of connection."""
    if connection.is_async is False:
        return follow(steps, connection)
    return await afollow(steps, connection)


def _synchronous(connection: Connection | AsyncConnection, advice: str) -> Connection:
    if connection.is_async is True:
        raise UnsupportedConnection(f"{_kind(connection.raw)} is for coroutines: {advice}")
    return connection


def _kind(raw: object) -> str:
    return f"{type(raw).__module__}.{type(raw).__qualname__}"
