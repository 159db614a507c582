"""Background work that commits with your data, on SQLite and PostgreSQL."""

from packhorse.app import Packhorse
from packhorse.config import Settings
from packhorse.context import Context, current
from packhorse.domain.job import AttemptRecord, JobRecord
from packhorse.domain.outcome import Cancel, Fail, Retry, Skip
from packhorse.domain.retry import Backoff
from packhorse.domain.state import JobState
from packhorse.errors import (
    ConfigurationError,
    DatabaseBusy,
    DatabaseError,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnreachable,
    DuplicateTask,
    JobFailed,
    JobNotFound,
    LeaseLost,
    NotADatabase,
    PackhorseError,
    PayloadError,
    ResultTimeout,
    SchemaError,
    SchemaMissing,
    SchemaOutdated,
    SchemaTooNew,
    SignatureError,
    TransactionNotWritable,
    UnknownTask,
    UnsupportedConnection,
    UsageError,
    WrongDatabase,
)
from packhorse.handle import JobHandle
from packhorse.middleware import Draft, Middleware
from packhorse.options import Options
from packhorse.task import BoundTask, Call, Task

__all__ = [
    "AttemptRecord",
    "Backoff",
    "BoundTask",
    "Call",
    "Cancel",
    "ConfigurationError",
    "Context",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseFull",
    "DatabaseReadOnly",
    "DatabaseUnreachable",
    "Draft",
    "DuplicateTask",
    "Fail",
    "JobFailed",
    "JobHandle",
    "JobNotFound",
    "JobRecord",
    "JobState",
    "LeaseLost",
    "Middleware",
    "NotADatabase",
    "Options",
    "Packhorse",
    "PackhorseError",
    "PayloadError",
    "ResultTimeout",
    "Retry",
    "SchemaError",
    "SchemaMissing",
    "SchemaOutdated",
    "SchemaTooNew",
    "Settings",
    "SignatureError",
    "Skip",
    "Task",
    "TransactionNotWritable",
    "UnknownTask",
    "UnsupportedConnection",
    "UsageError",
    "WrongDatabase",
    "current",
]
