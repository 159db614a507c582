"""What a producer or an operator does: enqueue, look at jobs, cancel, retry, hold and delete them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, Unpack

from packhorse.batching import Batching
from packhorse.behalf import Behalf
from packhorse.blocks import OpenBlocks
from packhorse.connection import AsyncConnection, Connection
from packhorse.copying import Copier
from packhorse.correlating import Correlating
from packhorse.declarations import Declarations
from packhorse.desk import Inbox
from packhorse.domain.job import JobRecord, is_due
from packhorse.domain.payload import decode_value
from packhorse.domain.signature import CallSignature
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.enqueuer import Enqueuer, Stored
from packhorse.errors import JobNotFound, JobNotKept
from packhorse.gathering import GatheredHandle, Gathering, find_gathering, opened
from packhorse.handle import JobHandle, not_found
from packhorse.housekeeping import Housekeeping
from packhorse.lookup import Lookup
from packhorse.middleware import EnqueueHooks, Middleware
from packhorse.modules import TaskModules
from packhorse.notices import Notice, notice_task
from packhorse.options import NO_OPTIONS
from packhorse.queueing import Queues
from packhorse.routing import Routing
from packhorse.selected import (
    Done,
    Filters,
    Request,
    SelectedJobs,
    done_with,
    in_chunks,
    last_of,
    selection_of,
)
from packhorse.task import BoundTask, Call, TaskRegistry

R = TypeVar("R")
T = TypeVar("T")


class Client(Declarations, Lookup, Batching, Correlating, Housekeeping):
    """Everything a producer or an operator can do with a database of jobs.

    Args:
        engine: opens the engine at the first use.
        registry: the tasks that this process knows.
        adapt: finds the adapter for a caller's connection.
        middleware: what watches enqueues.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        registry: TaskRegistry,
        adapt: Callable[[object], Connection | AsyncConnection],
        middleware: Sequence[Middleware] = (),
    ) -> None:
        self.registry: TaskRegistry = registry
        self._open_engine = engine
        self._blocks = OpenBlocks()
        self._behalf = Behalf()
        self._routing = Routing(engine)
        self.queues: Queues = Queues(self._caught_up, self._routing, lambda: self._after_enqueue(None))
        self.modules: TaskModules = TaskModules(registry)
        self._enqueuer = Enqueuer(
            engine,
            adapt,
            EnqueueHooks(middleware),
            self._blocks,
            self._routing,
            ambient=self._ambient,
            acting=self._behalf.meta,
            catch_up=self._catch_up,
            after_enqueue=self._after_enqueue,
        )

    def enqueue(self, name: str, /, *args: Any, conn: object | None = None, **kwargs: Any) -> JobHandle[Any]:
        """Enqueue a job by the name of its task, for code that is elsewhere.

        Where the task is registered its signature is checked; where it is not, only plain JSON values are taken.
        For more options: `app.named(name).using(…).enqueue(…)`.

        Args:
            name: the name of the task.
            args: the positional arguments.
            conn: the caller's connection: the job exists if and only if its transaction commits.
            kwargs: the arguments by keyword.

        Raises:
            PayloadError: an argument would not survive, or does not fit.
            DatabaseError: the database can't store it.
        """
        return self.named(name).using(conn=conn).enqueue(*args, **kwargs)

    async def aenqueue(self, name: str, /, *args: Any, conn: object | None = None, **kwargs: Any) -> JobHandle[Any]:
        """Do what `enqueue` does, for coroutines; takes asynchronous connections as well."""
        return await self.named(name).using(conn=conn).aenqueue(*args, **kwargs)

    def named(self, name: str) -> BoundTask[..., Any]:
        """A task by its name, registered here or not, ready for `using(…)` and `enqueue(…)`."""
        task = self.registry.find(name)
        return task if task is not None else BoundTask(name, None, self, NO_OPTIONS)

    def enqueue_many(self, calls: Iterable[Call[R]], *, conn: object | None = None) -> list[JobHandle[R]]:
        """Enqueue many calls at once: `app.enqueue_many(send_invoice.call(n) for n in numbers)`.

        All are stored or none, in one transaction: the caller's when `conn` is given, else one of their own. Each
        statement stores some hundreds of them.

        Returns:
            The handles, in the order of `calls`.

        Raises:
            PayloadError: an argument of one of them would not survive, or does not fit; nothing is stored.
            DatabaseError: the database can't store them.
        """
        calls = list(calls)
        handles = self._gathered(calls, conn)
        return self._handles(self._enqueuer.enqueue(calls, conn), calls) if handles is None else handles

    async def aenqueue_many(self, calls: Iterable[Call[R]], *, conn: object | None = None) -> list[JobHandle[R]]:
        """Do what `enqueue_many` does, for coroutines; takes asynchronous connections as well."""
        calls = list(calls)
        await self._enqueuer.warm_up()
        handles = self._gathered(calls, conn)
        return self._handles(await self._enqueuer.aenqueue(calls, conn), calls) if handles is None else handles

    def enqueue_call(self, call: Call[R], conn: object | None) -> JobHandle[R]:
        """Enqueue one call; what `task.enqueue(…)` comes to."""
        [handle] = self.enqueue_many([call], conn=conn)
        return handle

    async def aenqueue_call(self, call: Call[R], conn: object | None) -> JobHandle[R]:
        """Do what `enqueue_call` does, for coroutines."""
        [handle] = await self.aenqueue_many([call], conn=conn)
        return handle

    def gathering(self) -> AbstractContextManager[Gathering]:
        """Keep back what is enqueued inside without a connection until it is known whether all went well.

            with app.gathering() as gathered:
                handle(request)  # its enqueues are checked, and have no ids yet
                gathered.store()  # all in one transaction; without this, they are dropped at the end

        For what adapts a framework: the middleware of `packhorse.integrations.asgi` and `.wsgi` do this for each
        request. It holds in this task or thread and in those that it starts (`asyncio.to_thread` too). What has a
        connection, or is enqueued in a transaction that is open here, belongs to that; batches and their jobs are
        stored at once.
        """
        return opened(self.new_gathering())

    def new_gathering(self) -> Gathering:
        """What keeps back what is enqueued, once it is opened."""
        return Gathering(self._enqueuer, self._gathered_handle)

    def job(self, id: int) -> JobHandle[Any]:
        """A handle for a job that was enqueued before, here or elsewhere.

        Raises:
            JobNotFound: there is none of that id.
        """
        record = self.get_job(id)
        task = self.registry.find(record.task)
        decode = task.signature.decode_result if task is not None else decode_value
        return JobHandle(id, self.find_job, decode, self._watch_job, self._missing, None, record.queue)

    def copy_job(self, id: int, *, by: str | None = None) -> JobHandle[Any]:
        """Enqueue a job once more, as a new one that is due now; the original, live or finished, is left as it is.

        The same are its task, arguments, queue, priority, serial key, group, on whose behalf it runs, and the
        parameters and all records of a package. A unique key, a batch, a correlation id and jobs to wait for are not
        copied. Its `meta` says of which job it is a copy. Middleware does not see it.

        Args:
            id: the job's.
            by: who does it, for the record.

        Raises:
            JobNotFound: there is none of that id.
            UsageError: it is about records that it locked.
        """
        copied = Copier(engine=self._caught_up()).copy(self.get_job(id), by)
        self._woken()
        return self.job(copied)

    def cancel(self, *ids: int, by: str | None = None, why: str | None = None) -> Done:
        """Cancel jobs that wait, and ask those that run to stop: `ids` and `asked` of what is returned.

        Args:
            ids: which jobs.
            by: who does it, for the record.
            why: the reason, for the record.
        """
        return self._do(Request("cancel", by, why), ids)

    def retry(self, *ids: int, by: str | None = None, why: str | None = None) -> Done:
        """Let failed or cancelled jobs run again, with all attempts before them.

        One whose unique key another job has meanwhile is refused: `taken` of what is returned says which. Those with a
        serial key or a group go to the end of their line.
        """
        return self._do(Request("retry", by, why), ids)

    def hold(self, *ids: int, by: str | None = None, why: str | None = None) -> Done:
        """Block jobs that wait until they are released; their reason says by whom and why."""
        return self._do(Request("hold", by, why), ids)

    def release(self, *ids: int) -> Done:
        """Put held jobs back where they belong: available, or scheduled while their time is to come.

        Nobody is named: a released job keeps no record of its hold. As with `delete`.
        """
        return self._do(Request("release"), ids)

    def delete(self, *ids: int) -> Done:
        """Delete finished jobs for good, with their history; a job that waits must be cancelled first."""
        return self._do(Request("delete"), ids)

    def select(
        self,
        *,
        state: JobState | str | Iterable[JobState | str] | None = None,
        everything: bool = False,
        **filters: Unpack[Filters],
    ) -> SelectedJobs:
        """All jobs that fit what is given, to be counted, cancelled, retried, held, released or deleted.

            app.select(queue="mail", task="shop.*", older_than=timedelta(days=1)).cancel(by="kim")

        Args:
            state: only those in this state, or in one of these.
            everything: whether no filter at all is meant; a forgotten one should not select all jobs.
            filters: queue, task, key, error_type, message, responsible, older_than, newer_than, stale_for, batch: see
                `Filters`.

        Raises:
            ConfigurationError: nothing is given, or there is no such state.
        """
        return SelectedJobs(self._caught_up, selection_of(state, everything, filters), self._woken)

    def on_failure(self, hook: Callable[[Notice], T]) -> Callable[[Notice], T]:
        """Have the responsible person of a job told when it fails for good.

            @app.on_failure
            def tell(notice: Notice) -> None:
                send_mail.enqueue(notice.responsible, f"{notice.job.task}: {notice.job.error_message}")

        Called once for each failure of a job that has a responsible person, its own or its task's, after the failure is
        committed, in a worker (inline, after it), as the handler of an atomic task: what it enqueues, or writes through
        `packhorse.current().tx`, happens exactly once. What else it does happens again if its worker dies in between. A
        hook that raises is tried again as any task, and ends in the inbox. If the failure is solved by then, it is not
        called. While no worker knows a hook, nobody is told.

        Args:
            hook: a function, `def` or `async def`, that takes the notice.

        Raises:
            ConfigurationError: it can't be called so.
            DuplicateTask: there is a hook already.
        """
        self.registry.register(notice_task(hook, lambda id: self._open_engine().find_job(id), self))
        return hook

    @property
    def inbox(self) -> Inbox:
        """The failed jobs that wait for a person."""
        return Inbox(self._caught_up, self._woken)

    def _do(self, request: Request, ids: Iterable[int]) -> Done:
        done = last_of(done_with(self._caught_up(), request, in_chunks(ids)))
        self._woken()
        return done

    def _woken(self) -> None:
        self._after_enqueue(None)

    def _caught_up(self) -> Engine:
        self._catch_up()
        return self._open_engine()

    def _handles(self, stored: Sequence[Stored], calls: Sequence[Call[Any]]) -> list[JobHandle[Any]]:
        find, watch, missing = self.find_job, self._watch_job, self._missing
        decoders = {signature: _decoder(signature) for signature in {call.signature for call in calls}}
        return [
            JobHandle(id, find, decoders[call.signature], watch, missing, key, queue, fate, call.may_find)
            for (id, key, queue, fate), call in zip(stored, calls, strict=True)
        ]

    def _gathered(self, calls: Sequence[Call[R]], conn: object | None) -> list[JobHandle[R]] | None:
        """What a gathering keeps back; None where it is to be stored now."""
        gathering = find_gathering(self._enqueuer, calls, conn)
        return None if gathering is None else gathering.take(calls)

    def _gathered_handle(self, call: Call[Any]) -> GatheredHandle[Any]:
        return GatheredHandle(0, self.find_job, _decoder(call.signature), self._watch_job, self._missing)

    def _missing(self, id: int, queue: str | None) -> JobNotFound:
        """What to say of a job that is not there."""
        records = [] if queue is None else self._open_engine().list_queue_settings(queue)
        if all(record.settings.keep_succeeded != timedelta(0) for record in records):
            return not_found(id)
        return JobNotKept(
            f"job {id} is not there: its queue {queue} keeps no succeeded jobs, so it has succeeded and its result was "
            "not kept, or the transaction that enqueued it is still open or was rolled back. Results of jobs to come "
            f"are kept after `packhorse queues set {queue} keep_succeeded=1d`"
        )

    def _watch_job(self, record: JobRecord | None) -> None:
        """Somebody waits for a job that has not finished, or begins to (None); inline mode runs it when it is due."""
        if record is None:
            self._catch_up()
        elif is_due(record, datetime.now(UTC)):
            self._run_due()

    def _ambient(self) -> object | None:
        """The connection that an enqueue without one joins, because a framework has it open here."""
        return None

    def _after_enqueue(self, connection: Connection | AsyncConnection | None) -> None:
        """Jobs were written; inline mode runs them when they are committed."""

    def _catch_up(self, connection: Connection | AsyncConnection | None = None) -> None:
        """A call begins, on the caller's connection if it has one; inline mode runs first what is due."""


def _decoder(signature: CallSignature | None) -> Callable[[str], Any]:
    return decode_value if signature is None else signature.decode_result
