"""The contract of a database backend of jobs. The docstrings are normative; `packhorse.testing.contract` checks them.

It is small protocols, so that a caller asks only for what it needs: `JobStore`, `Registry`, `Insights` and so on.

Every method may be called from any thread, and runs its statements in one transaction. When the database cannot do what
was asked it raises a `packhorse.errors.DatabaseError`, and nothing is stored. Time is the database's clock throughout.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from packhorse.batches import BatchStore
from packhorse.cancellations import Cancellations
from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack
from packhorse.domain.job import AttemptRecord, ClaimedJob, JobRecord, NewJob
from packhorse.domain.package import Reference
from packhorse.domain.state import JobState
from packhorse.domain.worker import WorkerRecord
from packhorse.explaining import Explaining
from packhorse.filecommits import FileCommits
from packhorse.inbox import InboxStore
from packhorse.joblog import JobLog
from packhorse.operations import Operations
from packhorse.packages import Packages
from packhorse.queues import QueueStore
from packhorse.recordlocks import RecordLocks
from packhorse.registry import Registry
from packhorse.retention import Retention
from packhorse.rowstore import RowStore
from packhorse.schedules import ScheduleStore
from packhorse.statement import AsyncTransaction, Row, Statement, Transaction
from packhorse.statistics import StatisticsStore
from packhorse.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What an engine can do; tests and callers ask these, never the engine's name."""

    concurrent_writers: bool
    """Are two write transactions open at once? False: a long one holds up every other writer."""
    notifications: bool
    """Can a commit wake up a worker in another process at once? False: it looks at short intervals."""
    liveness_by_lock: bool
    """Is a worker's death seen from the operating system? False: by its heartbeat's expiry."""
    survives_server_crash: bool
    """Is there a server, which may crash while workers live on?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What a worker needs to know before it claims or sleeps."""

    ready_queues: Sequence[str]
    """The queues that are not paused and have an available job that is no suspect."""
    suspect_queues: Sequence[str]
    """The same for suspects."""
    parked_tasks: Sequence[str]
    """The tasks of jobs that are parked because no live worker knew them."""
    due_in: timedelta | None
    """Until the next scheduled job, or the next turn of a group with a rate, is due; zero or less when one is."""
    has_turns: bool
    """Whether it is to be settled whose turn it is, of jobs with keys or that wait for others."""
    revision: int
    """One higher with every change to a queue's settings, a pause, or a rule."""
    has_lost_workers: bool
    """Whether some worker's life has ended, by its heartbeat or by the operating system."""
    is_registered: bool
    """Whether this worker's row is still there. False: it was given up as dead and its jobs were rescued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRecord:
    """A queue with its counts by state."""

    name: str
    counts: Mapping[JobState, int]
    """How many jobs there are in each state; every state is a key."""
    at_least: frozenset[JobState] = frozenset()
    """The states of which there are more jobs than `counts` says: counting what waits stops somewhere."""
    ended: Mapping[JobState, int] = field(default_factory=dict)
    """How many jobs ever ended in each final state: pruned ones, retried ones and those not kept included."""
    oldest_available_at: datetime | None
    """Since when its longest-waiting available job has been wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list; None leaves a field open."""

    state: JobState | None = None
    queue: str | None = None
    task: str | None = None
    """A pattern: `*` stands for any text, `?` for any character."""
    key: str | None = None
    """Of a job that has it as its unique key, its serial key or its group."""
    record: Reference | None = None
    """Of a work package that is, or was, about it."""
    batch: int | None = None
    """Of the batch of this id."""
    correlation: str | None = None
    """Of a work package that is known by this id."""
    before_id: int | None = None
    """Only ids smaller than this: the next page."""
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStatus:
    """How the database's schema relates to what this version needs."""

    current: int | None
    """The number of the last migration that ran; None when there is no schema."""
    latest: int
    """The number of the last migration that this version brings."""
    oldest_supported: int
    """A version of the software that knows at least this migration may work with the current schema."""
    pending: Sequence[str] = field(default=())
    """The names of the migrations still to run, in order."""


class JobStore(Protocol):
    """Jobs come, are claimed, and are acknowledged."""

    def insert_statement(self, jobs: Sequence[NewJob], installation: str | None = None) -> Statement:
        """The statement that stores jobs, to be run on any connection to this installation, in its transaction.

        It returns a row `(id,)` for each job; the ids ascend in the order of `jobs`. On a database that is not the
        installation (by the id that `setup` returned, else the engine's own) it does nothing and returns none. A job is
        `scheduled` while its time is to come, else `available`. Workers are woken when it commits, if the engine can.

        Raises:
            SchemaMissing: the schema is not there, and somebody's open transaction keeps it from being installed.
        """
        ...

    def storing(
        self, jobs: Sequence[NewJob], installation: str | None = None
    ) -> Generator[Statement, list[Row], list[int]]:
        """The same for jobs with keys, and for packages, which takes several statements, to be run in one transaction.

        Yields each, is sent its rows, and returns the ids in the order of `jobs`: of a job that was found in place of a
        new one, that one's. On a database that is not the installation it returns none.

        Raises:
            DuplicateJob: another live job has a unique key that is to be refused; what was stored is taken back.
            BatchNotFound: there is no batch of that id; the same.
            SchemaMissing: as above.
        """
        ...

    def limited(self, statement: Statement) -> Statement:
        """The same for a transaction that is ours alone: it may not wait or run for ever."""
        ...

    def insert_jobs(self, jobs: Sequence[NewJob]) -> list[int]:
        """Store jobs in a transaction of their own; the ids in the order of `jobs`. All or none."""
        ...

    def insert_many(self, parcels: Iterable[Sequence[NewJob]], count: int) -> list[int]:
        """The same for `count` jobs in parcels, which may be prepared while the database stores those before."""
        ...

    def claim_jobs(self, claim: Claim) -> list[ClaimedJob]:
        """Take available jobs for a worker, most urgent first: by priority, `order_at`, id.

        Each becomes `executing` under the claim's lease, `attempt` one higher. Locked ones are passed over, never
        waited for. No job is given to two claims.
        """
        ...

    def permit_jobs(self, worker: int, queues: Sequence[str]) -> None:
        """Count what a worker runs of queues that have a limit by now, and had none when it claimed."""
        ...

    def regate_jobs(self, queues: Sequence[str], limit: int) -> int:
        """Have up to `limit` jobs of groups wait again that were let on under former settings and not run; how many."""
        ...

    def ack_jobs(self, acks: Sequence[Ack]) -> set[int]:
        """Record how runs ended; the ids of those accepted.

        An ack is accepted only while its job is `executing` under its lease; of several for one run the first is; the
        others change nothing. When the job's cancellation was asked, one by which it would run again is refused. A
        final state moves the job to the finished ones. `scheduled` is due `delay` from the database's now, which is
        then its `order_at`. All but success, unstarted and unknown leave an attempt behind.
        """
        ...

    def ack_statements(self, ack: Ack) -> Sequence[Statement]:
        """What `ack_jobs` does for one ack, as statements to be run in order in a transaction of the handler's.

        The ack was accepted if any of them returned a row; otherwise the transaction must be rolled back. In a
        transaction of ours none waits for a lock for ever; so far the handler's statements are under no limit of ours.
        """
        ...

    def stage_jobs(self, limit: int) -> int:
        """Make up to `limit` scheduled jobs that are due available; how many. Rows locked by others are left."""
        ...

    def park_jobs(self, queue: str, task: str, limit: int) -> int:
        """Block up to `limit` available jobs of a task that no live worker knows, with that reason; how many."""
        ...

    def unpark_jobs(self, tasks: Sequence[str], limit: int) -> int:
        """Make up to `limit` parked jobs of these tasks available; how many."""
        ...


class Insights(Protocol):
    """Reading, for workers and people. Nothing here takes a lock."""

    def glance(self, worker: int, floors: bool = False) -> Glance:
        """The state of the queues, from one statement whose cost does not grow with them.

        With `floors`, queues whose available jobs are all less urgent than their floor are left out.
        """
        ...

    def find_job(self, id: int) -> JobRecord | None:
        """The job of that id, live or finished."""
        ...

    def list_missing_jobs(self, ids: Sequence[int]) -> list[int]:
        """Those of these ids of which there is no job any more, live or finished. Reads by id, and takes no lock."""
        ...

    def list_jobs(self, filter: JobFilter) -> list[JobRecord]:
        """Jobs that match, the newest (highest id) first."""
        ...

    def list_attempts(self, id: int) -> list[AttemptRecord]:
        """The runs of a job that did not succeed, in order."""
        ...

    def list_queues(self) -> list[QueueRecord]:
        """The queues that have, or had, jobs, by name; the cost does not grow with the number of finished ones.

        Waiting jobs are counted exactly up to 1,000 of each queue and state; the longer ones share 25,000 more.
        """
        ...

    def list_workers(self) -> list[WorkerRecord]:
        """The registered workers, by start."""
        ...

    def count_jobs(self) -> Mapping[JobState, int]:
        """How many jobs there are in each state, as `list_queues` counts them; every state is a key."""
        ...


class Installation(Protocol):
    """The schema, the connections, and the engine's own upkeep."""

    @property
    def features(self) -> Features:
        """What this engine can do."""
        ...

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`: which SQL the statements are in."""
        ...

    @property
    def address(self) -> str:
        """Where the database is, for messages; never with a password."""
        ...

    def installation_id(self) -> str:
        """The id that was made when the schema was first installed; two databases never share it."""
        ...

    def begin(self) -> Transaction:
        """Open a write transaction on a connection of its own."""
        ...

    async def abegin(self) -> AsyncTransaction:
        """The same on an asynchronous connection, opened before the handler starts.

        On an engine with one writer at a time it begins with the first statement that writes.
        """
        ...

    def setup(self) -> Generator[Statement, list[Row], str]:
        """Install the schema on a caller's connection to this database, in its open transaction.

        Yields the statements to run there, is sent the rows of each, and returns the installation's id.

        Raises:
            SchemaMissing: this engine's schema is installed by `migrate` alone.
        """
        ...

    def schema_status(self) -> SchemaStatus:
        """How the schema relates to what this version needs."""
        ...

    def check_schema(self) -> None:
        """Raise `SchemaMissing`, `SchemaOutdated` or `SchemaTooNew` unless this version can work with the schema."""
        ...

    def list_missing_rights(self) -> list[str]:
        """What this user lacks to run workers: `INSERT, UPDATE on packhorse.worker`; always empty on SQLite."""
        ...

    def migrate(self, to: int | None = None) -> list[str]:
        """Run the pending migrations, up to number `to`; the names of those that ran. Safe when two start at once.

        Raises:
            SchemaTooNew: what is installed needs newer software than this.
        """
        ...

    def migration_sql(self, since: int = 0, to: int | None = None) -> str:
        """The SQL of the migrations after number `since`, up to `to` or the last, to be run by another tool."""
        ...

    def upkeep(self) -> None:
        """What the engine must do now and then; the leader calls it every few seconds."""
        ...

    def close(self) -> None:
        """Close every connection. The engine can't be used afterwards."""
        ...


class Engine(
    JobStore,
    Registry,
    Insights,
    Operations,
    InboxStore,
    QueueStore,
    ScheduleStore,
    JobLog,
    Cancellations,
    Explaining,
    Turns,
    Packages,
    RecordLocks,
    FileCommits,
    BatchStore,
    Retention,
    RowStore,
    StatisticsStore,
    Installation,
    Protocol,
):
    """A database backend of jobs."""
