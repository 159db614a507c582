"""The engine for PostgreSQL, put together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import psycopg

from packhorse.domain.decide import Ack
from packhorse.domain.job import NewJob
from packhorse.domain.moments import MICROSECOND, micros_in
from packhorse.domain.naming import check_schema_name
from packhorse.engine import Features
from packhorse.engines.postgres import wire
from packhorse.engines.postgres.address import connection_string, shown
from packhorse.engines.postgres.async_connections import AsyncConnections
from packhorse.engines.postgres.bulk import Bulk, Reserved
from packhorse.engines.postgres.connections import Connections
from packhorse.engines.postgres.dialect import PACKAGE, channel_of, slots
from packhorse.engines.postgres.retention import PostgresRetention
from packhorse.engines.postgres.rowstore import PostgresRowStore
from packhorse.engines.postgres.schema import PostgresSchema
from packhorse.engines.postgres.transactions import AsyncPostgresTransaction, PostgresTransaction
from packhorse.engines.sql.base import NO_PARAMS, Command, Params
from packhorse.engines.sql.cancellations import SqlCancellations
from packhorse.engines.sql.explaining import SqlExplaining
from packhorse.engines.sql.file_commits import SqlFileCommits
from packhorse.engines.sql.followers import SqlFollowers
from packhorse.engines.sql.inbox import SqlInbox
from packhorse.engines.sql.insights import SqlInsights
from packhorse.engines.sql.joblog import SqlJobLog
from packhorse.engines.sql.jobs import handler_commands
from packhorse.engines.sql.migrations import load_migrations
from packhorse.engines.sql.packages import SqlPackages
from packhorse.engines.sql.queues import SqlQueueStore
from packhorse.engines.sql.record_locks import SqlRecordLocks
from packhorse.engines.sql.registry import SqlRegistry
from packhorse.engines.sql.schedules import SqlSchedules
from packhorse.engines.sql.statements import Statements
from packhorse.engines.sql.statistics import SqlStatistics
from packhorse.filecommits import FileCommit
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction

FEATURES = Features(
    concurrent_writers=True,
    notifications=True,
    liveness_by_lock=False,
    survives_server_crash=True,
)
SETTLING = frozenset({"take_turns", "lead_followers"})
"""What a transaction begins with in which it is settled whose turn it is."""
RELAXED = SETTLING | {"claim_jobs", "take_permits", "stage_jobs", "seek_hints", "write_log", "mark_row", "note_row_run"}
"""What is committed without waiting for the disk. If the server crashes and forgets one of them it is done again: a
claim that was forgotten is refused by its lease, and costs a repeated run, never a repeated effect."""
PRUNING = frozenset({"prune_jobs", "forget_batches", "delete_forgotten_batches"})
STATISTICS = frozenset({"list_uncounted", "sum_ended"})
ROWS = frozenset({"take_fresh_rows", "take_troubled_row", "look_rows", "quarantine_rows", "remove_rows"})
INDEXED = (
    frozenset({"claim_jobs", "take_permits", "ack_jobs", "log_starts", "undo_starts"}) | PRUNING | STATISTICS | ROWS
)
"""What must find its rows by an index even where the statistics were taken while the table was empty."""
BY_INDEX = "SET LOCAL enable_seqscan = off;\nSET LOCAL jit = off;\n"
"""A table without a fitting index is then read as before, but at a cost in the plan for which the server would compile
the statement, and that takes half a second."""
BATCHES = frozenset({"list_batches", "list_ended_batches", "list_forgotten_members"})
COUNTED = SETTLING | BATCHES | {"list_queues", "explain"}
"""What looks at the ends, or counts a part, of an index, and must neither read all of it nor the table."""
FOLDED_AT_ONCE = 10_000
"""Counts that one short transaction adds up."""
IDLE_FOLD_SECONDS = 30.0
"""After how long to look for counts again where there were none."""
IN_ORDER = f"{BY_INDEX}SET LOCAL enable_bitmapscan = off;\n"
UNLIMITED = frozenset({"beat", "glance", "insert_job", "take_fresh_rows", "take_troubled_row"})
"""What goes without limits of its own, so that an idle worker sends no more than it must; one job is stored in one
statement, which limits what it could wait for, locks, itself; rows are taken within the limits of their transaction."""


class PostgresEngine(
    SqlFollowers,
    SqlRegistry,
    SqlInsights,
    SqlInbox,
    SqlQueueStore,
    SqlSchedules,
    SqlJobLog,
    SqlCancellations,
    SqlExplaining,
    SqlPackages,
    SqlRecordLocks,
    SqlFileCommits,
    PostgresRetention,
    PostgresRowStore,
    SqlStatistics,
    PostgresSchema,
):
    """`packhorse.engine.Engine` on a PostgreSQL server, directly or through a pooler.

    Args:
        url: `postgresql://user:password@host:5432/database`, or any other connection string of libpq's.
        schema: the schema that holds our tables; `packhorse` by default.
        statement_timeout: how long a statement of ours may take; 30 seconds by default. Enqueueing a single job is
            limited by `lock_timeout` alone.
        lock_timeout: how long it may wait for a lock; 5 seconds by default.

    Raises:
        ConfigurationError: the address or the schema's name is wrong.
    """

    def __init__(
        self,
        url: str,
        schema: str = "packhorse",
        *,
        statement_timeout: timedelta = timedelta(seconds=30),
        lock_timeout: timedelta = timedelta(seconds=5),
    ) -> None:
        lock_limit = str(lock_timeout // MICROSECOND // 1000)
        self._slots = dialect_slots = {**slots(check_schema_name(schema)), "lock_limit": f"'{lock_limit}'"}
        self._statements = Statements(PACKAGE, dialect_slots)
        self._migrations = load_migrations(PACKAGE, dialect_slots)
        conninfo, self._address = connection_string(url), shown(url)
        self._conninfo, self._channel = conninfo, channel_of(schema)
        self._connections = Connections(conninfo, self._address)
        self._async_connections = AsyncConnections(conninfo, self._address)
        self._lock_limit = f"SET LOCAL lock_timeout = {lock_limit};\n"
        self._limits = f"SET LOCAL statement_timeout = {statement_timeout // MICROSECOND // 1000};\n{self._lock_limit}"
        self._copy_seconds = statement_timeout.total_seconds() / 10
        self._messages: dict[tuple[str, ...], str] = {}
        self._installation: str | None = None
        self._fold_at = 0.0

    @property
    def features(self) -> Features:
        return FEATURES

    @property
    def dialect(self) -> str:
        return "postgresql"

    @property
    def address(self) -> str:
        return self._address

    @property
    def conninfo(self) -> str:
        """The driver's connection string, for the notifier; it may hold a password and is for no message."""
        return self._conninfo

    @property
    def channel(self) -> str:
        """The channel on which hints go out, for the notifier."""
        return self._channel

    def _run(self, transaction: Transaction, command: Command) -> list[Row]:
        return transaction.run(Statement(self._message(command.name, *command.options), command.params))

    def limited(self, statement: Statement) -> Statement:
        return replace(statement, limits=self._limits)

    def ack_statements(self, ack: Ack) -> Sequence[Statement]:
        return [
            Statement(text, command.params, self._lock_limit, fenced)
            for command in handler_commands(ack)
            for text, fenced in zip(
                self._statements.get(command.name, *command.options),
                self._statements.get(command.name, *command.options, "fenced"),
                strict=True,
            )
        ]

    def commit_files(self, commit: FileCommit) -> Sequence[Statement]:
        return [replace(one, limits=self._lock_limit) for one in super().commit_files(commit)]

    def insert_many(self, parcels: Iterable[Sequence[NewJob]], count: int) -> list[int]:
        installation = self.installation_id()
        with self._connections.transaction() as connection:
            reserve = partial(self._reserve_ids, connection, installation)
            insert = partial(self._store_in, partial(_run_on, connection), installation=installation)
            return Bulk(connection, self._copy_jobs(), self._copy_seconds, reserve, insert).store(parcels, count)

    def _copy_jobs(self) -> str:
        return self._text("copy_jobs")

    def _reserve_ids(self, connection: psycopg.Connection, installation: str, count: int) -> Reserved:
        params: Params = {"count": count, "installation": installation}
        for ids, moment in wire.run(connection, self._message("reserve_ids"), params):
            return Reserved(map(int, ids.split(",")), moment)
        raise self._replaced()

    def begin(self) -> Transaction:
        return PostgresTransaction(self._connections)

    async def abegin(self) -> AsyncTransaction:
        return AsyncPostgresTransaction(await self._async_connections.take(), self._async_connections)

    def upkeep(self) -> None:
        """Fold the counts of finished jobs, which every acknowledgement lengthens; the server looks after the rest."""
        if time.monotonic() >= self._fold_at:
            folded = count = self._fold_tally()
            while count == FOLDED_AT_ONCE:
                count = self._fold_tally()
            self._fold_at = time.monotonic() + (0.0 if folded else IDLE_FOLD_SECONDS)

    def _fold_tally(self) -> int:
        [(count,)] = self._write("fold_tally", {"limit": FOLDED_AT_ONCE})
        return int(count)

    def close(self) -> None:
        self._connections.close()
        self._async_connections.close()

    def move_clock(self, offset: timedelta) -> None:
        """Let the clock of every statement run `offset` from the server's; for the testing kit only."""
        self._write("move_clock", {"offset": micros_in(offset)})

    def message_of(self, statements: Statements, command: Command) -> str:
        return self._limited(command.name, ";\n".join(statements.get(command.name, *command.options)))

    def run_alone(self, statements: Statements, command: Command, *, is_repeatable: bool = False) -> list[Row]:
        return self._connections.run(self.message_of(statements, command), command.params, is_repeatable=is_repeatable)

    def _read(self, name: str, params: Params = NO_PARAMS, *options: str) -> list[Row]:
        return self._connections.run(self._message(name, *options), params, is_repeatable=True)

    def _write_all(self, commands: Sequence[Command]) -> list[Row]:
        [first, *others] = commands
        calls = [(self._message(first.name, *first.options), first.params)]
        calls += [(self._text(command.name, *command.options), command.params) for command in others]
        return self._connections.run_all(calls)

    def _text(self, name: str, *options: str) -> str:
        return ";\n".join(self._statements.get(name, *options))

    def _message(self, name: str, *options: str) -> str:
        """The statements of `name`.sql as they go over the wire, behind the limits that end with their transaction."""
        key = (name, *options)
        if key not in self._messages:
            self._messages[key] = self._limited(name, self._text(name, *options, "alone"))
        return self._messages[key]

    def _limited(self, name: str, text: str) -> str:
        limits = "" if name in UNLIMITED else self._limits
        indexed = BY_INDEX if name in INDEXED else IN_ORDER if name in COUNTED else ""
        relaxed = "SET LOCAL synchronous_commit = off;\n" if name in RELAXED else ""
        return limits + relaxed + indexed + text


def _run_on(connection: psycopg.Connection, statement: Statement) -> list[Row]:
    return wire.run(connection, statement.limits + statement.text, statement.params)
