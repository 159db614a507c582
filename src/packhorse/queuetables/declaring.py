"""What an application has for queue tables: `app.queue_table`, `app.queue_processor`, `app.tables`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, dataclass_transform, overload

from packhorse.context import Context
from packhorse.domain.decide import Ack
from packhorse.domain.outcome import Verdict
from packhorse.domain.retry import Backoff
from packhorse.errors import ConfigurationError
from packhorse.options import check_duration, task_options
from packhorse.queueing import Queues
from packhorse.queuetables.processor import Dials, QueueProcessor, takes_list
from packhorse.queuetables.table import MappedRows, QueueTable, names_in, table_of_class, table_of_mapped
from packhorse.queuetables.tables import Tables
from packhorse.task import Task, TaskRegistry

if TYPE_CHECKING:
    from packhorse.engine import Engine
    from packhorse.runtime.run import Runner
    from packhorse.runtime.side import Place, SideService

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])
OPEN_LIMIT = timedelta(minutes=1)
LONGEST_OPEN = timedelta(hours=1)


class SomeTable(Protocol):
    """SQLAlchemy's `Table`."""

    @property
    def fullname(self) -> str:
        """Its name, with the schema's in front if it has one."""
        ...


class Tabling:
    """The part of an application that is about queue tables."""

    registry: TaskRegistry
    queues: Queues

    def __init__(self) -> None:
        self.tables: Tables = Tables(lambda: self.engine, lambda: self.runner(_deliver), self.registry, self.queues)
        """The queue tables of the application: to make them, to look at them, and to decide about what failed."""

    if TYPE_CHECKING:

        @property
        def engine(self) -> Engine:
            """The application's engine."""
            ...

        def runner(self, deliver: Callable[[Ack, bool], None]) -> Runner:
            """How jobs are run."""
            ...

        def _find_rows(self, thing: object) -> MappedRows | None: ...

    @overload
    def queue_table(
        self,
        cls: C,
        /,
        *,
        key: str | Sequence[str] | None = ...,
        order_by: str | Sequence[str] | None = ...,
        notify: bool = ...,
        keep_data: bool = ...,
    ) -> C: ...
    @overload
    def queue_table(
        self,
        table: SomeTable,
        /,
        *,
        key: str | Sequence[str] | None = ...,
        order_by: str | Sequence[str] | None = ...,
        notify: bool = ...,
        keep_data: bool = ...,
    ) -> type[Any]: ...
    @overload
    def queue_table(
        self,
        name: str | None = None,
        /,
        *,
        exists: bool = ...,
        key: str | Sequence[str] | None = ...,
        order_by: str | Sequence[str] | None = ...,
        notify: bool = ...,
        keep_data: bool = ...,
    ) -> Callable[[C], C]: ...
    @dataclass_transform()
    def queue_table(
        self,
        name: Any = None,
        /,
        *,
        exists: bool = False,
        key: str | Sequence[str] | None = None,
        order_by: str | Sequence[str] | None = None,
        notify: bool = False,
        keep_data: bool = True,
    ) -> Any:
        """Make a queue of a table: `@app.queue_table("stock_movement")` on a class whose annotations are its columns.

        The class becomes a dataclass. `packhorse tables create` makes the table, with `id`, `uuid`, `created` and
        `created_by` in front of what is declared; whatever inserts into it enqueues. A table that the application
        makes itself is declared in the same way with `exists=True`, or, where SQLAlchemy or Django has mapped it, by
        its class, or its `Table`, alone: `app.queue_table(StockMovement)`. What comes back is the class of its rows.

        Args:
            name: of the table, with or without a schema's in front; by default the class's, as `stock_movement`. Or
                the mapped class, or the `Table`.
            exists: whether the application makes the table; the class then names all columns that are to be read.
            key: the columns that tell its rows apart; by default its primary key.
            order_by: by what rows are taken; by default the key. An index should begin with it.
            notify: whether its INSERT statements wake idle workers up, on PostgreSQL by a trigger for each statement;
                without, workers look for rows up to a dozen times a second.
            keep_data: whether the record of what was done with a row has its columns.

        Raises:
            ConfigurationError: a name, or a column's type, can be none; or the class or the table is declared already.
        """
        options: dict[str, Any] = {
            "key": names_in("key", key),
            "order": names_in("order_by", order_by),
            "keeps_data": keep_data,
        }
        if (mapped := self._find_rows(name)) is not None:
            return self._declared(table_of_mapped(mapped, notify=notify, **options))
        if isinstance(name, type):
            return self._declare(name, None, options, is_ours=not exists, notify=notify)
        return lambda cls: self._declare(cls, name, options, is_ours=not exists, notify=notify)

    def queue_processor(
        self,
        table: type,
        /,
        *,
        name: str | None = None,
        batch_size: int = 16,
        parallelism: int = 2,
        load_balanced: bool = False,
        queue: str | None = None,
        max_attempts: int | None = None,
        max_crashes: int | None = None,
        backoff: Backoff | None = None,
        on_error: Mapping[type[BaseException], Verdict | type[Verdict]] | None = None,
        open_limit: timedelta = OPEN_LIMIT,
        continuous: bool = True,
    ) -> Callable[[F], QueueProcessor[F]]:
        """Make a function the processor of a queue table: `@app.queue_processor(StockMovement)`.

        It takes a row, or, annotated `list[StockMovement]`, up to `batch_size` rows; before that the context, if it
        likes. The row is removed in a transaction that is `ctx.tx`; when the function returns, what it has written
        there and the removal commit together; when it raises, both are undone, the row waits, and is taken again.

        Args:
            table: the class of the rows.
            name: what it is called; by default `module.qualname`.
            batch_size: how many rows a lane reads in a run; of a list, how many come at once; 16.
            parallelism: how many lanes there are at once in each worker process; 2.
            load_balanced: whether both are set from the backlog.
            queue: whose pause and settings hold for it, and by which `packhorse worker -q` chooses; by default it has
                the table's name.
            max_attempts: how many failures bring a row into quarantine; 5.
            max_crashes: how many deaths of the worker do; 3.
            backoff: how long a row waits after a failure; 2 s, doubled up to 1 hour, ± 20 %.
            on_error: what an exception of a type means, instead of a retry: `{ValueError: Fail}`.
            open_limit: how long the transaction of a row may stay open; 1 minute, 1 hour at most.
            continuous: whether workers run it whenever there are rows; else only schedules and operators do.

        Raises:
            ConfigurationError: an option is wrong, or the function takes neither a row nor a list of them.
            DuplicateTask: another task or processor has the name.
        """

        def decorate(function: F) -> QueueProcessor[F]:
            declared = self.tables.of_class(table)
            options = task_options(
                function,
                name=name,
                queue=queue or declared.name,
                max_attempts=max_attempts,
                max_crashes=max_crashes,
                backoff=backoff,
                on_error=on_error,
                timeout=_open_limit(open_limit),
                policy="queue_table",
            )
            task = Task[..., Any](function, options, self)  # type: ignore[arg-type]
            processor = QueueProcessor(
                function=function,
                table=declared,
                task=task,
                runs=self._runs(options.name, options.queue),
                is_batch=takes_list(function, declared.row, takes_context=task.signature.takes_context),
                dials=Dials(batch_size=batch_size, parallelism=parallelism),
                is_balanced=load_balanced,
                open_limit=open_limit,
                is_continuous=continuous,
            )
            return self.tables.register(processor)

        return decorate

    def _declare(self, cls: type, name: str | None, options: Mapping[str, Any], *, is_ours: bool, notify: bool) -> type:
        return self._declared(table_of_class(cls, name, is_ours=is_ours, notify=notify, **options))

    def _declared(self, table: QueueTable) -> type:
        self.tables.declare(table)
        return table.row

    def _runs(self, name: str, queue: str) -> Task[[], Any]:
        """The task by which a schedule, or anybody, has one run made as a job."""

        def run(ctx: Context) -> dict[str, int]:
            totals = self.tables.run(name, job_id=ctx.job.id)
            ctx.log.info("%d rows done, %d failed", totals.done, totals.failed)
            return {"done": totals.done, "failed": totals.failed}

        options = task_options(run, name=name, queue=queue, max_attempts=1)
        return Task[[], Any](run, options, self)  # type: ignore[arg-type]

    def _sides(self, place: Place) -> Sequence[SideService]:
        """What a worker runs beside its jobs."""
        from packhorse.queuetables.conductor import Conductor

        served = [one for one in self.tables.processors if one.is_continuous and place.settings.serves(one.queue)]
        return [Conductor(one, place, is_first=self.tables.of_table(one.table)[0] is one) for one in served]


def _deliver(ack: Ack, is_each: bool) -> None:
    """Rows are acknowledged with their transaction."""


def _open_limit(limit: object) -> timedelta:
    checked = check_duration("open_limit", limit)
    if not timedelta(0) < checked <= LONGEST_OPEN:
        raise ConfigurationError(f"open_limit must be longer than nothing, and an hour at most, not {checked}")
    return checked
