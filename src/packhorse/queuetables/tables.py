"""`app.tables`: the queue tables of an application, for whoever makes them, looks at them, or decides about rows."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from packhorse.domain.queuetable import (
    GoneRow,
    ProcessorRecord,
    RowError,
    TableCounts,
    TroubledRow,
    check_table_name,
)
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, UsageError
from packhorse.queueing import Queues
from packhorse.queuetables.processor import Dials, QueueProcessor
from packhorse.queuetables.table import QueueTable
from packhorse.task import TaskRegistry

if TYPE_CHECKING:
    from packhorse.queuetables.lanes import Totals
    from packhorse.rowstore import RowTable
    from packhorse.runtime.run import Runner

P = TypeVar("P", bound=QueueProcessor[Any])
COUNTED = 100_000
"""Rows are counted up to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """How it stands with a queue table, for people."""

    name: str
    is_there: bool
    counts: TableCounts | None
    processors: Sequence[ProcessorRecord]


class Tables:
    """The queue tables of an application.

    Args:
        engine: opens the engine at the first use.
        runner: what the steps of a run need.
        registry: where the tasks of processors are known.
        queues: whose records hold what was chosen at run time.
    """

    def __init__(
        self, engine: Callable[[], Engine], runner: Callable[[], Runner], registry: TaskRegistry, queues: Queues
    ) -> None:
        self._queues = queues
        self._engine = engine
        self._runner = runner
        self._registry = registry
        self._tables: dict[str, QueueTable] = {}
        self._processors: dict[str, QueueProcessor[Any]] = {}

    @property
    def declared(self) -> Sequence[QueueTable]:
        """All tables, by name."""
        return [table for _, table in sorted(self._tables.items())]

    @property
    def processors(self) -> Sequence[QueueProcessor[Any]]:
        """All processors, in the order of their declaration."""
        return list(self._processors.values())

    def declare(self, table: QueueTable) -> None:
        """Note a table.

        Raises:
            ConfigurationError: its name or its class is in use.
        """
        if table.name in self._tables or any(table.row is one.row for one in self._tables.values()):
            raise ConfigurationError(f"the queue table {table.name}, or {table.row.__qualname__}, is declared already")
        self._tables[table.name] = table

    def register(self, processor: P) -> P:
        """Note a processor.

        Raises:
            DuplicateTask: its name is in use.
        """
        self._registry.register(processor.runs)
        self._processors[processor.name] = processor
        return processor

    def get(self, name: str) -> QueueTable:
        """The table of that name.

        Raises:
            UsageError: none is declared.
        """
        if name not in self._tables:
            close = difflib.get_close_matches(name, self._tables, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(self._tables) or 'none'}"
            raise UsageError(f"no queue table {name!r} is declared here{hint}")
        return self._tables[name]

    def bound(self, name: str) -> RowTable:
        """A table in the database: a declared one, or any that is there, for what needs no processor.

        Raises:
            ConfigurationError: there is no such table.
        """
        declared = self._tables.get(name) or QueueTable(name=check_table_name(name), row=tuple, columns=(), make=tuple)
        return declared.bind(self._engine())

    def names(self) -> Sequence[str]:
        """The tables that are declared here, and those that workers have processors for."""
        return sorted({*self._tables, *(one.table for one in self._engine().list_processors())})

    def of_class(self, cls: type) -> QueueTable:
        """The table whose rows are of a class.

        Raises:
            ConfigurationError: it is none's.
        """
        for table in self._tables.values():
            if table.row is cls:
                return table
        raise ConfigurationError(f"{cls!r} is no queue table: put @app.queue_table(…) in front of the class")

    def serving(self, table: str) -> QueueProcessor[Any]:
        """The processor that works on a table: the one that an operator has chosen, else the first one.

        Raises:
            UsageError: there is none.
        """
        mine = self.of_table(self.get(table))
        if not mine:
            raise UsageError(f"the queue table {table} has no processor: put @app.queue_processor(…) on a function")
        chosen = self._queues.get(mine[0].queue).settings.processor
        return next((one for one in mine if one.name == chosen), mine[0])

    def processor(self, name: str) -> QueueProcessor[Any]:
        """The processor of that name, or the one that works on the table of that name.

        Raises:
            UsageError: there is none.
        """
        return self._processors.get(name) or self.serving(self.get(name).name)

    def of_table(self, table: QueueTable) -> Sequence[QueueProcessor[Any]]:
        """The processors of a table, in the order of their declaration."""
        return [one for one in self._processors.values() if one.table is table]

    def create(self, *names: str) -> Sequence[str]:
        """Make the declared tables, or those of these names, that are not there; which ones were made.

        Raises:
            UsageError: none of a name is declared, or the application makes it.
        """
        engine = self._engine()
        made = [table for table in self._wanted(names) if engine.find_table(table.name) is None]
        for table in made:
            if table.new is not None:
                engine.create_table(table.new)
        return [table.name for table in made]

    def create_sql(self, *names: str) -> str:
        """The statements that make them, for another tool."""
        engine = self._engine()
        return "\n".join(engine.create_table_sql(table.new) for table in self._wanted(names) if table.new is not None)

    def state(self, name: str) -> TableState:
        """How it stands with a table, declared here or not."""
        engine = self._engine()
        is_there = engine.find_table(check_table_name(name)) is not None
        counts = self.bound(name).count_rows(COUNTED) if is_there else None
        processors = [one for one in engine.list_processors() if one.table == name]
        return TableState(name=name, is_there=is_there, counts=counts, processors=processors)

    def run(self, name: str, *, dials: Dials | None = None, job_id: int | None = None) -> Totals:
        """Make one run now, here: of a processor, or of the one that works on a table.

        Args:
            name: of the processor, or of the table.
            dials: how much it does; as the processor says.
            job_id: the job that it belongs to.

        Raises:
            UsageError: there is none of that name.
        """
        from packhorse.queuetables.running import run_once

        processor = self.processor(name)
        return run_once(processor, self._runner(), dials or processor.dials, job_id)

    def choose(self, table: str, processor: str | None) -> None:
        """Have another of its processors work on a table from now on; None: the first one again. No restart is needed.

        Raises:
            UsageError: neither this code nor any worker knows such a processor of the table.
        """
        mine = self.of_table(self.get(table))
        known = {one.processor: one.queue for one in self._engine().list_processors() if one.table == table}
        known |= {one.name: one.queue for one in mine}
        if processor is not None and processor not in known:
            raise UsageError(
                f"{processor!r} is no processor of {table}: there are {', '.join(sorted(known)) or 'none'}"
            )
        for queue in sorted(set(known.values())):
            self._queues.set(queue, processor=processor)

    def troubled(self, name: str, *, limit: int = 100) -> list[TroubledRow]:
        """Rows that have failed and wait for another attempt, the next one first."""
        return self.bound(name).list_troubled_rows(limit)

    def quarantined(self, name: str, *, limit: int = 100) -> list[GoneRow]:
        """Rows that were taken out of the table since they can't be worked on, the newest first."""
        return self.bound(name).list_gone_rows(limit, "fail")

    def history(self, name: str, *, key: object = None, limit: int = 100) -> list[GoneRow]:
        """What became of rows, the newest first."""
        wanted = None if key is None else str(key)
        return self.bound(name).list_gone_rows(limit, key=wanted)

    def errors(self, name: str, *, key: object = None, limit: int = 100) -> list[RowError]:
        """What went wrong with rows, the newest first; kept although the work was rolled back."""
        wanted = None if key is None else str(key)
        return self.bound(name).list_row_errors(limit, wanted)

    def release(self, name: str, *ids: int, by: str | None = None) -> Sequence[int]:
        """Put rows from quarantine back into the table, to be worked on anew; which of these were.

        Args:
            name: of the table.
            ids: of `quarantined` records.
            by: who has decided so, for the record.
        """
        return self.bound(name).release_rows(ids, by)

    def discard(self, name: str, *ids: int, by: str | None = None) -> Sequence[int]:
        """Give up rows in quarantine for good; which of these were."""
        return self.bound(name).discard_rows(ids, by)

    def _wanted(self, names: Sequence[str]) -> Sequence[QueueTable]:
        for name in names:
            if self.get(name).new is None:
                raise UsageError(f"the application makes the table {name} itself")
        return [self.get(name) for name in names] if names else [one for one in self.declared if one.new is not None]
