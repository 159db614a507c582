"""The engine for SQLite, put together."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

from packhorse.domain.batch import NewBatch
from packhorse.domain.job import NewJob
from packhorse.domain.moments import micros_in
from packhorse.domain.package import OnLocked, Reference
from packhorse.engine import Features
from packhorse.engines.sql.base import NO_PARAMS, Command, Params
from packhorse.engines.sql.cancellations import SqlCancellations
from packhorse.engines.sql.explaining import SqlExplaining
from packhorse.engines.sql.file_commits import SqlFileCommits
from packhorse.engines.sql.followers import SqlFollowers
from packhorse.engines.sql.joblog import SqlJobLog
from packhorse.engines.sql.keyed import Storing
from packhorse.engines.sql.migrations import load_migrations
from packhorse.engines.sql.packages import SqlPackages
from packhorse.engines.sql.record_locks import SqlRecordLocks
from packhorse.engines.sql.schedules import SqlSchedules
from packhorse.engines.sql.statements import Statements
from packhorse.engines.sql.statistics import SqlStatistics
from packhorse.engines.sqlite.address import database_path
from packhorse.engines.sqlite.connections import Connections
from packhorse.engines.sqlite.dialect import PACKAGE, slots
from packhorse.engines.sqlite.insights import SqliteInsights
from packhorse.engines.sqlite.liveness import WorkerLocks
from packhorse.engines.sqlite.operations import SqliteOperations
from packhorse.engines.sqlite.queues import SqliteQueueStore
from packhorse.engines.sqlite.retention import SqliteRetention
from packhorse.engines.sqlite.rowstore import SqliteRowStore
from packhorse.engines.sqlite.schema import SqliteSchema
from packhorse.engines.sqlite.transactions import SqliteTransaction, begin_async
from packhorse.engines.sqlite.wal import WalKeeper
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction

FEATURES = Features(
    concurrent_writers=False,
    notifications=False,
    liveness_by_lock=True,
    survives_server_crash=False,
)


class SqliteEngine(
    SqlFollowers,
    SqliteInsights,
    SqliteOperations,
    SqliteQueueStore,
    SqlSchedules,
    SqlJobLog,
    SqlCancellations,
    SqlExplaining,
    SqlPackages,
    SqlRecordLocks,
    SqlFileCommits,
    SqliteRetention,
    SqliteRowStore,
    SqlStatistics,
    SqliteSchema,
):
    """`packhorse.engine.Engine` on one SQLite file.

    The file is created, and the schema installed, at the first use; an older schema is left for `migrate`.

    Args:
        database: the file's path, or `sqlite:///relative.db`, or `sqlite:////absolute.db`.
        busy_timeout: how long to wait for somebody else's write transaction; 5 seconds by default.
        synchronous: `FULL`, the default, survives a power cut; `OFF` is for tests.

    Raises:
        ConfigurationError: the address is no file's.
    """

    def __init__(
        self,
        database: str | Path,
        *,
        busy_timeout: timedelta = timedelta(seconds=5),
        synchronous: Literal["FULL", "NORMAL", "OFF"] = "FULL",
    ) -> None:
        path = database_path(database)
        dialect_slots = slots()
        self._statements = Statements(PACKAGE, dialect_slots)
        self._migrations = load_migrations(PACKAGE, dialect_slots)
        self._connections = Connections(path, patience=busy_timeout.total_seconds(), synchronous=synchronous)
        self._locks = WorkerLocks(path.with_name(f"{path.name}-packhorse-workers"))
        self._wal = WalKeeper(path, self._connections.checkpoint)
        self._installation: str | None = None

    @property
    def features(self) -> Features:
        return FEATURES

    @property
    def dialect(self) -> str:
        return "sqlite"

    @property
    def address(self) -> str:
        return str(self._connections.path)

    def insert_statement(self, jobs: Sequence[NewJob], installation: str | None = None) -> Statement:
        self._wal.note_write()
        return super().insert_statement(jobs, installation or self._installation_at_once())

    def storing(self, jobs: Sequence[NewJob], installation: str | None = None) -> Storing:
        self._wal.note_write()
        return super().storing(jobs, installation or self._installation_at_once())

    def storing_batch(
        self, batch: NewBatch, installation: str | None = None
    ) -> Generator[Statement, list[Row], int | None]:
        self._wal.note_write()
        return super().storing_batch(batch, installation or self._installation_at_once())

    def locking(
        self,
        records: Iterable[Reference],
        owner: str,
        *,
        is_temporary: bool = False,
        on_locked: OnLocked = "refuse",
        installation: str | None = None,
    ) -> Generator[Statement, list[Row], list[Reference] | None]:
        self._wal.note_write()
        here = installation or self._installation_at_once()
        return super().locking(records, owner, is_temporary=is_temporary, on_locked=on_locked, installation=here)

    def _is_committed(self, package: int) -> bool:
        """Transactions have no numbers here; but what another connection sees is committed."""
        return self.list_package_ids(package - 1, 1) == [package]

    def begin(self) -> Transaction:
        self.installation_id()
        return SqliteTransaction(self._connections)

    async def abegin(self) -> AsyncTransaction:
        self.installation_id()
        return await begin_async(self._connections)

    def upkeep(self) -> None:
        self._wal.keep_short()

    def close(self) -> None:
        self._locks.close()
        self._connections.close()

    def move_clock(self, offset: timedelta) -> None:
        """Let the clock of every statement run `offset` from the system's; for the testing kit only."""
        self._write("move_clock", {"offset": micros_in(offset)})

    def read_alone(self, statements: Statements, command: Command) -> list[Row]:
        [text] = statements.get(command.name, *command.options)
        return self._connections.read(text, command.params)

    def run_alone(self, statements: Statements, commands: Sequence[Command]) -> list[Row]:
        rows = self._connections.write(
            [(text, one.params) for one in commands for text in statements.get(one.name, *one.options)]
        )
        self._wal.note_write()
        return rows

    def _read(self, name: str, params: Params = NO_PARAMS, *options: str) -> list[Row]:
        self.installation_id()
        [text] = self._statements.get(name, *options)
        return self._connections.read(text, params)

    def _write_all(self, commands: Sequence[Command]) -> list[Row]:
        self.installation_id()
        return self.run_alone(self._statements, commands)
