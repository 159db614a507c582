"""Background work that commits with your data, on SQLite and PostgreSQL.

What is heavy is imported when it is first used, so that `packhorse --help` and a bare `import packhorse` cost little.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from packhorse.domain.state import JobState
from packhorse.errors import (
    BatchFailed,
    BatchNotFound,
    BatchTimeout,
    ConfigurationError,
    CorrelationTimeout,
    DatabaseBusy,
    DatabaseError,
    DatabaseForbidden,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnreachable,
    DuplicateJob,
    DuplicateTask,
    JobFailed,
    JobNotFound,
    JobNotKept,
    JobRolledBack,
    NotADatabase,
    PackhorseError,
    PayloadError,
    RecordLocked,
    RecordMissing,
    ResultTimeout,
    ScheduleBusy,
    ScheduleNotFound,
    SchemaError,
    SchemaMissing,
    SchemaOutdated,
    SchemaTooNew,
    SignatureError,
    TransactionNotWritable,
    UnknownMethod,
    UnknownTask,
    UnsupportedConnection,
    UsageError,
    WrongDatabase,
    WrongTenant,
)

if TYPE_CHECKING:
    from packhorse.app import Packhorse
    from packhorse.batching import Batch
    from packhorse.behalf import acting, acting_as
    from packhorse.config import Settings
    from packhorse.context import Context, current
    from packhorse.deferred.choices import deferring
    from packhorse.deferred.models import Deferrable
    from packhorse.domain.acting import Acting
    from packhorse.domain.batch import BatchRecord, Member, Occasion
    from packhorse.domain.explanation import Explanation, Reason
    from packhorse.domain.job import AttemptRecord, JobRecord
    from packhorse.domain.joblog import LogLine, Progress
    from packhorse.domain.outcome import Cancel, Fail, Retry, ServiceUnavailable, Skip, UserError
    from packhorse.domain.package import Element, LockRecord, PackageOutcome, PackageRecord, Reference
    from packhorse.domain.retry import Backoff
    from packhorse.domain.schedule.cron import Cron
    from packhorse.domain.schedule.every import Every
    from packhorse.domain.schedule.weekly import Weekly
    from packhorse.handle import JobHandle
    from packhorse.inheriting import own_priority
    from packhorse.middleware import Draft, Middleware
    from packhorse.notices import Notice
    from packhorse.options import Options
    from packhorse.queuetables.processor import Dials, QueueProcessor
    from packhorse.queuetables.table import QueueRow
    from packhorse.schedules import Alarm
    from packhorse.task import BoundTask, Call, Task
    from packhorse.workpackages.collector import Collector
    from packhorse.workpackages.locks import RecordLock
    from packhorse.workpackages.package import WorkPackage

__all__ = [
    "Acting",
    "Alarm",
    "AttemptRecord",
    "Backoff",
    "Batch",
    "BatchFailed",
    "BatchNotFound",
    "BatchRecord",
    "BatchTimeout",
    "BoundTask",
    "Call",
    "Cancel",
    "Collector",
    "ConfigurationError",
    "Context",
    "CorrelationTimeout",
    "Cron",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseForbidden",
    "DatabaseFull",
    "DatabaseReadOnly",
    "DatabaseUnreachable",
    "Deferrable",
    "Dials",
    "Draft",
    "DuplicateJob",
    "DuplicateTask",
    "Element",
    "Every",
    "Explanation",
    "Fail",
    "JobFailed",
    "JobHandle",
    "JobNotFound",
    "JobNotKept",
    "JobRecord",
    "JobRolledBack",
    "JobState",
    "LockRecord",
    "LogLine",
    "Member",
    "Middleware",
    "NotADatabase",
    "Notice",
    "Occasion",
    "Options",
    "PackageOutcome",
    "PackageRecord",
    "Packhorse",
    "PackhorseError",
    "PayloadError",
    "Progress",
    "QueueProcessor",
    "QueueRow",
    "Reason",
    "RecordLock",
    "RecordLocked",
    "RecordMissing",
    "Reference",
    "ResultTimeout",
    "Retry",
    "ScheduleBusy",
    "ScheduleNotFound",
    "SchemaError",
    "SchemaMissing",
    "SchemaOutdated",
    "SchemaTooNew",
    "ServiceUnavailable",
    "Settings",
    "SignatureError",
    "Skip",
    "Task",
    "TransactionNotWritable",
    "UnknownMethod",
    "UnknownTask",
    "UnsupportedConnection",
    "UsageError",
    "UserError",
    "Weekly",
    "WorkPackage",
    "WrongDatabase",
    "WrongTenant",
    "acting",
    "acting_as",
    "current",
    "deferring",
    "own_priority",
]

_PLACES = {
    "Acting": "packhorse.domain.acting",
    "Alarm": "packhorse.schedules",
    "AttemptRecord": "packhorse.domain.job",
    "Backoff": "packhorse.domain.retry",
    "Batch": "packhorse.batching",
    "BatchRecord": "packhorse.domain.batch",
    "Member": "packhorse.domain.batch",
    "Occasion": "packhorse.domain.batch",
    "BoundTask": "packhorse.task",
    "Call": "packhorse.task",
    "Cancel": "packhorse.domain.outcome",
    "Collector": "packhorse.workpackages.collector",
    "Context": "packhorse.context",
    "Cron": "packhorse.domain.schedule.cron",
    "Deferrable": "packhorse.deferred.models",
    "Draft": "packhorse.middleware",
    "Every": "packhorse.domain.schedule.every",
    "Explanation": "packhorse.domain.explanation",
    "Fail": "packhorse.domain.outcome",
    "JobHandle": "packhorse.handle",
    "JobRecord": "packhorse.domain.job",
    "LockRecord": "packhorse.domain.package",
    "LogLine": "packhorse.domain.joblog",
    "Middleware": "packhorse.middleware",
    "Notice": "packhorse.notices",
    "Options": "packhorse.options",
    "Dials": "packhorse.queuetables.processor",
    "Element": "packhorse.domain.package",
    "PackageOutcome": "packhorse.domain.package",
    "PackageRecord": "packhorse.domain.package",
    "Packhorse": "packhorse.app",
    "Progress": "packhorse.domain.joblog",
    "QueueProcessor": "packhorse.queuetables.processor",
    "QueueRow": "packhorse.queuetables.table",
    "Reason": "packhorse.domain.explanation",
    "RecordLock": "packhorse.workpackages.locks",
    "Reference": "packhorse.domain.package",
    "Retry": "packhorse.domain.outcome",
    "ServiceUnavailable": "packhorse.domain.outcome",
    "Settings": "packhorse.config",
    "Skip": "packhorse.domain.outcome",
    "Task": "packhorse.task",
    "UserError": "packhorse.domain.outcome",
    "Weekly": "packhorse.domain.schedule.weekly",
    "WorkPackage": "packhorse.workpackages.package",
    "acting": "packhorse.behalf",
    "acting_as": "packhorse.behalf",
    "current": "packhorse.context",
    "deferring": "packhorse.deferred.choices",
    "own_priority": "packhorse.inheriting",
}


def __getattr__(name: str) -> Any:
    """Import what is first asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module 'packhorse' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
