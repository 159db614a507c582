"""Queue tables: tables of the application's own whose rows are the work. What is known of one, and of its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec

from packhorse.domain.job import Lease
from packhorse.domain.outcome import ErrorInfo
from packhorse.errors import ConfigurationError

ColumnKind = Literal["int", "float", "decimal", "bool", "text", "bytes", "date", "datetime", "uuid", "json"]
"""What a declared column holds; each dialect has a type of its own for it."""
KINDS: Sequence[ColumnKind] = get_args(ColumnKind)
RowOutcome = Literal["success", "retry", "skip", "fail", "cancel", "crash", "alone", "conflict"]
"""How the work on a row ended. `alone`: it was in a batch that failed, and is to be tried by itself."""

LONGEST_NAME = 63
"""Bytes: PostgreSQL cuts longer names off."""
MOST_COLUMNS = 200
_NAME = re.compile(r"[^\W\d][\w $-]*")

KEY_COLUMN = "id"
OWN_COLUMNS = ("id", "uuid", "created", "created_by")
"""What every table has that is made from a declaration."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a declared table.

    Attributes:
        name: what it is called.
        kind: what it holds.
        is_optional: whether it may be NULL.
    """

    name: str
    kind: ColumnKind
    is_optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTable:
    """A queue table to be made: its own columns come after `id`, `uuid`, `created` and `created_by`.

    Attributes:
        name: what it is called, with or without a schema in front.
        columns: those that the application declares.
        notify: whether each INSERT statement is to wake idle workers up, where the database can.
    """

    name: str
    columns: tuple[Column, ...]
    notify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """What is read and removed of a queue table.

    Attributes:
        name: what it is called, with or without a schema in front.
        columns: what is read of a row, in order.
        key: what tells a row from all others.
        order: by which rows are taken.
        key_types: the types of the key's columns, as the database calls them.
        is_ascending: whether the order is a whole number that only grows, so that what was looked through need not be
            looked through again with every row.
        keeps_data: whether the record of what was done with a row has its columns.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    key_types: tuple[str, ...] = ()
    is_ascending: bool = False
    keeps_data: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundColumn:
    """A column as the database describes it."""

    name: str
    type: str
    is_optional: bool
    has_default: bool
    is_made: bool = False
    """Whether the database makes its value from others, so that nobody can write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTable:
    """A table as the database describes it."""

    name: str
    columns: Sequence[FoundColumn]
    key: Sequence[str]
    """The columns of the primary key, in its order; none without one."""


class Trouble(msgspec.Struct, frozen=True, gc=False):
    """What went wrong with a row so far."""

    failures: int = 0
    skips: int = 0
    crashes: int = 0

    @property
    def attempts(self) -> int:
        """How many runs there were."""
        return self.failures + self.skips + self.crashes


NO_TROUBLE = Trouble()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowClaim:
    """What a lane wants.

    Attributes:
        lease: of the rows that it gets.
        limit: how many at most.
        after: only rows behind this one in an ascending order.
        is_troubled: whether one row that somebody has worked on before is wanted, and not such as nobody has.
        is_batch: whether some of them may be refused while the others are committed.
        open_limit: how long the transaction may stay open, where the engine holds one open for them.
    """

    lease: Lease
    limit: int = 1
    is_batch: bool = False
    after: int | None = None
    is_troubled: bool = False
    open_limit: timedelta = timedelta(minutes=1)


class TakenRow(msgspec.Struct, frozen=True, gc=False):
    """A row in a lane's hands.

    Attributes:
        key: what tells it from others, as text.
        values: its columns, in the order of the `TableSpec`, as the driver gives them.
        place: its place in an ascending order.
        trouble: what went wrong with it so far.
        is_suspect: whether somebody has worked on it before, so that a death of this process must be counted.
        data: its columns as JSON; None where that is not wanted, or too long.
        unreadable: why the driver can't read its values, which are text then; None for almost every row.
    """

    key: str
    values: tuple[Any, ...]
    place: int | None = None
    trouble: Trouble = NO_TROUBLE
    is_suspect: bool = False
    data: str | None = None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAck:
    """How the work on a row ended, and what follows.

    Attributes:
        key: of the row.
        outcome: how it ended.
        trouble: what is known against it now.
        delay: how long it is to wait; None where it does not stay.
        reason: why, for the record.
        error: what its processor raised.
    """

    key: str
    outcome: RowOutcome
    trouble: Trouble
    delay: timedelta | None = None
    reason: str | None = None
    error: ErrorInfo | None = None

    @property
    def leaves(self) -> bool:
        """Whether the row is to leave the table although it was not worked on."""
        return self.delay is None and self.outcome in ("fail", "cancel", "crash")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRun:
    """What the record of a run says beside the rows.

    Attributes:
        processor: which one worked on them.
        worker: what the process is called.
        seconds: how long it took.
        log: what was logged.
        job_id: the job that the run belongs to; None for a worker's own.
    """

    processor: str
    worker: str
    seconds: float
    log: str | None = None
    job_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLook:
    """What a worker needs to know before it takes rows, or sleeps."""

    has_rows: bool
    is_paused: bool
    revision: int
    """One higher with every change to a queue's settings."""
    has_condemned: bool
    """Whether rows are to leave the table."""
    due_in: timedelta | None
    """Until the next row that waits after a failure is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubledRow:
    """A row that has failed, and waits in its table for another attempt."""

    key: str
    trouble: Trouble
    retry_at: datetime
    reason: str | None
    is_running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneRow:
    """The record of a row that has left its table."""

    id: int
    key: str
    outcome: str
    """`success`, `cancel`, `fail` (in quarantine), `released` or `discarded`."""
    processor: str
    attempts: int
    reason: str | None
    data: str | None
    log: str | None
    worker: str | None
    seconds: float | None
    ended_at: datetime
    decided_by: str | None
    """Who has released or discarded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """What went wrong with a row once."""

    id: int
    key: str
    processor: str
    attempt: int
    outcome: str
    error: ErrorInfo
    data: str | None
    log: str | None
    worker: str | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounts:
    """How it stands with a queue table."""

    waiting: int
    """Rows in the table, counted up to a limit."""
    is_more: bool
    """Whether there are more than that."""
    troubled: int
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorRecord:
    """A processor that worker processes have declared, and how its last run ended."""

    table: str
    processor: str
    queue: str
    declared_at: datetime
    last_run_at: datetime | None
    last_seconds: float | None
    last_rows: int | None
    last_error: str | None
    rows_done: int
    rows_failed: int


def check_name(name: object, what: str) -> str:
    """The name, if a table or a column of a queue table may have it.

    Raises:
        ConfigurationError: it may not.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name.encode()) > LONGEST_NAME:
        raise ConfigurationError(
            f"{what} can't be called {name!r:.80}: the name must begin with a letter or an underscore, go on with "
            f"letters, digits, underscores, spaces, dollars or hyphens, and have {LONGEST_NAME} bytes at most"
        )
    return name


def check_table_name(name: object) -> str:
    """The same for a table's name, which may have its schema's in front, with a dot between."""
    schema, dot, table = name.rpartition(".") if isinstance(name, str) else ("", "", name)
    if dot:
        check_name(schema, "a schema")
    return f"{schema}{dot}{check_name(table, 'a queue table')}"


def quoted(name: str) -> str:
    """A checked name as it stands in SQL."""
    return ".".join(f'"{part}"' for part in name.split("."))


@dataclass(slots=True)
class Mark:
    """From where a table is looked through: all before it was taken, or has to wait, when it was last looked at."""

    place: int | None = None
    looked_at: float = field(default=0.0)
