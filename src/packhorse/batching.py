"""`app.batch`: jobs that belong together, to be closed, waited for and looked at."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from packhorse.context import find_current
from packhorse.domain.batch import BatchRecord, Member, NewBatch, SomeBatch
from packhorse.domain.job import Keys, NewJob
from packhorse.enqueuer import Enqueuer
from packhorse.errors import (
    BatchFailed,
    BatchNotFound,
    BatchTimeout,
    ConfigurationError,
    DatabaseBusy,
    DatabaseForbidden,
)
from packhorse.handle import pauses, seconds_in
from packhorse.options import batch_id, check_duration
from packhorse.task import Call

if TYPE_CHECKING:
    from types import TracebackType

    from packhorse.engine import Engine

Prepare = Callable[[Call[Any]], NewJob]
WAITED = timedelta(seconds=300)
COUNTED_AT_ONCE = 5000
NO_KEYS = Keys()
MOST_NAMED = 10
"""How many failed jobs an error names."""
MOST_EXPECTED = 1_000_000_000
LONGEST_NAME = 200


class BatchOptions(TypedDict, total=False):
    """What may be said of a batch when it is created; see `app.batch`."""

    type: str | None
    expected: int | None
    parent: SomeBatch | int | None
    keep_alive: timedelta | None
    on_success: Call[Any] | None
    on_failure: Call[Any] | None
    on_end: Call[Any] | None
    on_each: Call[Any] | None


class Batch(SomeBatch):
    """A batch that was created, or found by its id; as a context manager it is closed at the end of the block.

    Attributes:
        id: the batch's number, unique in its database.
    """

    def __init__(self, id: int, client: Batching, conn: object | None = None) -> None:
        self.id: int = id
        self._client = client
        self._conn = conn

    def record(self) -> BatchRecord:
        """Read the batch as it is now; its counters may lag behind its jobs by a worker's look.

        Raises:
            BatchNotFound: it was rolled back, is not committed yet, or was pruned.
        """
        return self._client.get_batch(self.id)

    def close(self, *, conn: object | None = None) -> None:
        """Say that no more jobs will come: when those that are there have ended, the batch has.

        A job that comes all the same, or that is brought back, opens it again until that one has ended.

        Args:
            conn: the caller's connection: it is closed when its transaction commits; without one as with an enqueue.

        Raises:
            BatchNotFound: it was rolled back, is not committed yet, or was pruned.
        """
        self._client.close_batch(self.id, conn=conn)

    async def aclose(self, *, conn: object | None = None) -> None:
        """Do what `close` does, for coroutines."""
        await self._client.aclose_batch(self.id, conn=conn)

    def wait(self, timeout: float | timedelta = WAITED) -> BatchRecord:
        """Wait until the batch is closed and all its jobs have ended; at once for one without jobs.

        Failures that were retried before the call do not count.

        Args:
            timeout: seconds (or a `timedelta`) to wait at most; 300.

        Raises:
            BatchFailed: one of its jobs has failed or was cancelled; the error names them. Or the batch was given up.
            BatchTimeout: it has not ended in time.
            BatchNotFound: it was rolled back, is not committed yet, or was pruned.
        """
        return self._client.wait_for_batch(self.id, timeout)

    async def await_end(self, timeout: float | timedelta = WAITED) -> BatchRecord:  # noqa: ASYNC109 - as of `wait`
        """Do what `wait` does, for coroutines."""
        return await asyncio.to_thread(self.wait, timeout)

    def __enter__(self) -> Self:
        """The batch; a block that raises leaves it open, since it is not what it was to be."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close(conn=self._conn)

    async def __aenter__(self) -> Self:
        """The same in a coroutine."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            await self.aclose(conn=self._conn)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Batch) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Batch {self.id}>"


class Batching:
    """`app.batch` and what is done with batches."""

    _enqueuer: Enqueuer

    def batch(self, name: str, *, conn: object | None = None, **options: Unpack[BatchOptions]) -> Batch:
        """Create a batch: jobs that belong together, any number of any tasks.

            with app.batch("month end", on_end=report.call(7)) as month_end:
                for customer in customers:
                    send_statement.using(batch=month_end).enqueue(customer)
            month_end.wait()

        It is open until it is closed, all its jobs have ended, and as many as are expected.

        Args:
            name: what people call it, 1 to 200 characters.
            conn: the caller's connection: the batch exists if and only if its transaction commits.
            options: type: what kind of batch it is, for people.
                expected: how many jobs there will be at least; as many as come.
                parent: the batch that it belongs to; by default that of the job that is running here.
                keep_alive: how long nothing may come or end in it before it is flagged as abandoned; for ever.
                on_success: a call that is enqueued when all its jobs have succeeded.
                on_failure: a call that is enqueued at the first failure of one of them.
                on_end: a call that is enqueued when it has ended, in any way. Each of the three is enqueued once.
                on_each: a call that is enqueued for each of its jobs, once, when that one has ended, however, and all
                that came before it. Such calls run one after the other. All four are prepared now, as an enqueue here
                would be, act for whoever creates the batch, and are enqueued in the transaction that counts; their
                handlers read in `ctx.occasion` what they are told of.

        Raises:
            ConfigurationError: an option is wrong.
            PayloadError: an argument of a callback would not survive.
            DatabaseError: the database can't store it.
        """
        return Batch(self._enqueuer.store_batch(_new_batch(name, self._enqueuer.prepare, **options), conn), self, conn)

    async def abatch(self, name: str, *, conn: object | None = None, **options: Unpack[BatchOptions]) -> Batch:
        """Do what `batch` does, for coroutines: `async with await app.abatch("month end") as month_end:`."""
        await self._enqueuer.warm_up()
        new = _new_batch(name, self._enqueuer.prepare, **options)
        return Batch(await self._enqueuer.astore_batch(new, conn), self, conn)

    def execute_batch(self, fill: Callable[[Batch], object], timeout: float | timedelta = WAITED) -> BatchRecord:
        """Open a batch, call `fill` with it, close it, and wait until all that was enqueued in it has ended.

        Args:
            fill: enqueues the jobs, with `using(batch=…)`; its `__name__` is the batch's name.
            timeout: seconds (or a `timedelta`) to wait at most; 300.

        Raises:
            BatchFailed: one of the jobs has failed or was cancelled; the error names them.
            BatchTimeout: they have not ended in time.
        """
        with self.batch(getattr(fill, "__name__", "batch")[:LONGEST_NAME]) as batch:
            fill(batch)
        return batch.wait(timeout)

    def find_batch(self, id: int) -> BatchRecord | None:
        """The batch of that id, or None."""
        return next(iter(self._caught_up().list_batches(id=id)), None)

    def get_batch(self, id: int) -> BatchRecord:
        """The batch of that id: its counters, whether it is open, and how long it will take.

        Raises:
            BatchNotFound: there is none.
        """
        record = self.find_batch(id)
        if record is None:
            raise not_found(id)
        return record

    def list_batches(
        self, *, is_open: bool = False, before_id: int | None = None, limit: int = 50
    ) -> Sequence[BatchRecord]:
        """Batches, the newest (highest id) first.

        Args:
            is_open: only those that have not ended.
            before_id: only ids smaller than this: the last one seen, for the next page.
            limit: at most this many.

        Raises:
            ConfigurationError: the limit is not above zero.
        """
        if limit < 1:
            raise ConfigurationError(f"limit must be 1 or more, not {limit}")
        return self._caught_up().list_batches(is_open=is_open, before_id=before_id, limit=limit)

    def list_members(
        self, id: int, *, unsuccessful: bool = False, after_id: int = 0, limit: int = 1000
    ) -> Sequence[Member]:
        """Jobs of a batch by id, with their places in it.

        Args:
            id: the batch's.
            unsuccessful: only those that have failed or were cancelled.
            after_id: only ids of jobs above this: the last one seen, for the next page.
            limit: at most this many.
        """
        return self._caught_up().list_members(id, after_id=after_id, unsuccessful=unsuccessful, limit=limit)

    def close_batch(self, id: int, *, conn: object | None = None) -> None:
        """Say that no more jobs will come into a batch; see `Batch.close`."""
        if not self._enqueuer.close_batch(id, conn):
            raise not_found(id)

    async def aclose_batch(self, id: int, *, conn: object | None = None) -> None:
        """Say the same in a coroutine; see `Batch.aclose`."""
        if not await self._enqueuer.aclose_batch(id, conn):
            raise not_found(id)

    def wait_for_batch(self, id: int, timeout: float | timedelta = WAITED) -> BatchRecord:
        """Wait until a batch is closed and all its jobs have ended; see `Batch.wait`."""
        for pause in pauses(timeout):
            self._run_due()
            record = self.get_batch(id)
            if not record.is_counted:
                with suppress(DatabaseBusy, DatabaseForbidden):  # somebody else counts
                    self._caught_up().count_batches(COUNTED_AT_ONCE)
            elif not record.is_open:
                return self._succeeded(record)
            time.sleep(pause)
        raise BatchTimeout(f"batch {id} has not ended within {seconds_in(timeout):g} s")

    def _succeeded(self, record: BatchRecord) -> BatchRecord:
        if not record.has_failed:
            return record
        ids = tuple(one.job_id for one in self.list_members(record.id, unsuccessful=True, limit=MOST_NAMED))
        count = record.failed + record.cancelled
        raise BatchFailed(
            f"batch {record.id} ({record.name}): {_how_it_failed(record, ids)}",
            batch_id=record.id,
            job_ids=ids,
            count=count,
        )

    @abstractmethod
    def _caught_up(self) -> Engine:
        """The engine, after what was due has run, where jobs run inline."""

    def _run_due(self) -> None:
        """Somebody waits here for jobs; inline mode runs those that are due."""


def _how_it_failed(record: BatchRecord, ids: Sequence[int]) -> str:
    """What to say of a batch of which these jobs, and perhaps more, did not succeed, or that was given up."""
    said = [record.reason] if record.reason is not None else []
    if count := record.failed + record.cancelled:
        more = f" and {count - len(ids)} more" if count > len(ids) else ""
        said.append(
            f"{record.failed} of {record.enqueued} jobs failed, {record.cancelled} were cancelled: "
            f"{', '.join(map(str, ids))}{more}"
        )
    return "; ".join(said)


def not_found(id: int) -> BatchNotFound:
    """What to say of a batch that is not there."""
    return BatchNotFound(
        f"no batch {id}: the transaction that created it is still open or was rolled back, or it was pruned"
    )


def _new_batch(
    name: str,
    prepare: Prepare,
    *,
    type: str | None = None,
    expected: int | None = None,
    parent: SomeBatch | int | None = None,
    keep_alive: timedelta | None = None,
    on_success: Call[Any] | None = None,
    on_failure: Call[Any] | None = None,
    on_end: Call[Any] | None = None,
    on_each: Call[Any] | None = None,
) -> NewBatch:
    context = find_current()
    return NewBatch(
        name=_name("name", name),
        type=None if type is None else _name("type", type),
        parent_id=None if parent is None else batch_id(parent),
        of_job=None if context is None else context.job.id,
        expected=_expected(expected),
        keep_alive=None if keep_alive is None else check_duration("keep_alive", keep_alive),
        on_success=_callback("on_success", on_success, prepare),
        on_failure=_callback("on_failure", on_failure, prepare),
        on_end=_callback("on_end", on_end, prepare),
        on_each=_callback("on_each", on_each, prepare),
    )


def _name(what: str, name: object) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or "\0" in name:
        raise ConfigurationError(
            f"the {what} of a batch must be a text of 1 to {LONGEST_NAME} characters, not {name!r}"
        )
    return name


def _expected(expected: object) -> int | None:
    if expected is None:
        return None
    if isinstance(expected, bool) or not isinstance(expected, int) or not 0 <= expected <= MOST_EXPECTED:
        raise ConfigurationError(f"expected must be a number of jobs up to {MOST_EXPECTED:,}, not {expected!r}")
    return expected


def _callback(name: str, call: object, prepare: Prepare) -> NewJob | None:
    if call is None:
        return None
    if not isinstance(call, Call):
        raise ConfigurationError(f"{name} takes a call, such as report.call(42), not {call!r}")
    job = prepare(call)
    keys = job.keys or NO_KEYS
    if keys.unique_key is not None:
        raise ConfigurationError(f"{name} can't have a unique_key: where another job had it, nobody could be told")
    if keys.batch_id is not None:
        raise ConfigurationError(f"{name} can't be in a batch itself: that one may be gone by then")
    return job
