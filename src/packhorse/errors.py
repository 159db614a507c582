"""Every error that Packhorse raises.

    PackhorseError
    ├── UsageError                       a mistake in the calling code or on the command line
    │   ├── ConfigurationError           a setting that is wrong or missing
    │   ├── UnsupportedConnection        `conn=` is nothing that we can write with
    │   ├── WrongDatabase                `conn=` reaches another installation
    │   ├── TransactionNotWritable       SQLite: a read transaction that can no longer be upgraded
    │   ├── DuplicateTask                two functions under one task name
    │   └── UnknownTask                  no task of that name is registered here
    ├── PayloadError                     an argument or result that would not survive
    │   └── SignatureError               a call that does not fit the task's signature
    ├── DatabaseError                    the database cannot do what was asked
    │   ├── DatabaseUnreachable          nothing answers, or it refuses us
    │   ├── DatabaseBusy                 a lock was held for too long; trying again is right
    │   ├── DatabaseReadOnly             the file, its folder or the server takes no writes
    │   ├── DatabaseForbidden            this user lacks a permission that somebody must grant
    │   ├── DatabaseFull                 no space is left for the write
    │   ├── NotADatabase                 the file exists and is something else
    │   └── SchemaError                  the schema does not fit this version
    │       ├── SchemaMissing            there is none
    │       ├── SchemaOutdated           it is older than this version needs
    │       └── SchemaTooNew             it is newer than this version can work with
    ├── DuplicateJob                     another job has the unique key
    ├── JobNotFound                      no job has that id
    │   ├── JobNotKept                   most likely because it has succeeded, and its queue keeps no such jobs
    │   └── JobRolledBack                the transaction that enqueued it was rolled back: it never was
    ├── BatchNotFound                    no batch has that id
    ├── BatchFailed                      a job of the batch that was waited for, or the batch, did not succeed
    ├── BatchTimeout                     the batch had not ended in time
    ├── CorrelationTimeout               `wait_for()` waited long enough
    ├── ScheduleNotFound                 no schedule has that name
    ├── ScheduleBusy                     a run of the schedule is live, and it allows one at a time
    ├── RecordLocked                     a record that was to be locked is locked by somebody else
    ├── JobFailed                        `result()` of a job that failed or was cancelled
    └── ResultTimeout                    `result()` waited long enough

A message says what was wrong, where, and what to do.
"""

from __future__ import annotations


class PackhorseError(Exception):
    """The base of all errors of this package."""


class UsageError(PackhorseError):
    """A mistake in the calling code or on the command line."""


class ConfigurationError(UsageError):
    """A setting that is wrong or missing."""


class UnsupportedConnection(UsageError, TypeError):
    """The object given as `conn` is nothing that Packhorse can write with."""


class WrongDatabase(UsageError):
    """The connection given as `conn` reaches another database than the application's."""


class TransactionNotWritable(UsageError):
    """A SQLite transaction that began with a read can no longer be upgraded to write."""


class DuplicateTask(UsageError):
    """Two functions were registered under one task name."""


class UnknownTask(UsageError, LookupError):
    """No task of that name is registered here."""


class UnknownMethod(UsageError, AttributeError):
    """A class has no method of that name that can be called later."""


class PayloadError(PackhorseError, ValueError):
    """An argument or a result that would not survive being stored, or a stored one that cannot be read."""


class SignatureError(PayloadError, TypeError):
    """A call that does not fit the signature of its task."""


class DatabaseError(PackhorseError):
    """The database cannot do what was asked."""


class DatabaseUnreachable(DatabaseError):
    """Nothing answers at the database's address, or it refuses the connection."""


class DatabaseBusy(DatabaseError):
    """A lock was held for too long by somebody else; trying again is right."""


class DatabaseReadOnly(DatabaseError):
    """The file, its folder or the server takes no writes."""


class DatabaseForbidden(DatabaseError):
    """The database's user lacks a permission; trying again is of no use before somebody grants it."""


class DatabaseFull(DatabaseError):
    """No space is left for the write; nothing of it was stored."""


class NotADatabase(DatabaseError):
    """The file exists and is not a SQLite database."""


class SchemaError(DatabaseError):
    """The schema in the database does not fit this version of Packhorse."""


class SchemaMissing(SchemaError):
    """The database has no Packhorse schema yet."""


class SchemaOutdated(SchemaError):
    """The schema is older than this version needs."""


class SchemaTooNew(SchemaError):
    """The schema is newer than this version can work with."""


class DuplicateJob(PackhorseError):
    """A job was refused because another one has its unique key.

    Attributes:
        task: of both.
        unique_key: the key.
        job_id: the one that has it.
    """

    def __init__(self, message: str, *, task: str, unique_key: str, job_id: int) -> None:
        super().__init__(message)
        self.task: str = task
        self.unique_key: str = unique_key
        self.job_id: int = job_id


class JobNotFound(PackhorseError, LookupError):
    """No job has that id."""


class JobNotKept(JobNotFound):
    """No job has that id, and its queue keeps no succeeded ones: it has no result to give."""


class JobRolledBack(JobNotFound):
    """No job has that id, since the transaction that enqueued it, or the savepoint, was rolled back."""


class BatchNotFound(PackhorseError, LookupError):
    """No batch has that id."""


class BatchFailed(PackhorseError):
    """A job of the batch that was waited for has failed or was cancelled, or the batch itself was given up.

    Attributes:
        batch_id: which batch.
        job_ids: the first of its jobs that did not succeed, by id.
        count: how many did not.
    """

    def __init__(self, message: str, *, batch_id: int, job_ids: tuple[int, ...], count: int) -> None:
        super().__init__(message)
        self.batch_id: int = batch_id
        self.job_ids: tuple[int, ...] = job_ids
        self.count: int = count


class BatchTimeout(PackhorseError, TimeoutError):
    """The batch had not ended when the time given to wait for it was over."""


class CorrelationTimeout(PackhorseError, TimeoutError):
    """Not as many packages of a correlation id as were waited for had ended in time.

    Attributes:
        correlation: the id.
        count: how many were waited for.
        ended: how many had ended.
    """

    def __init__(self, message: str, *, correlation: str, count: int, ended: int) -> None:
        super().__init__(message)
        self.correlation: str = correlation
        self.count: int = count
        self.ended: int = ended


class ScheduleNotFound(PackhorseError, LookupError):
    """No schedule has that name."""


class ScheduleBusy(PackhorseError):
    """A run of the schedule is live, and it allows one at a time.

    Attributes:
        job_id: the job of that run.
    """

    def __init__(self, message: str, job_id: int) -> None:
        super().__init__(message)
        self.job_id: int = job_id


class JobFailed(PackhorseError):
    """The job whose result was asked for has failed or was cancelled.

    Attributes:
        job_id: which job.
        state: `failed` or `cancelled`.
        reason: why, when something was said about it.
        error_type: the name of the exception's class, when there was one.
        error_message: its message.
        error_traceback: where it was raised.
    """

    def __init__(
        self,
        job_id: int,
        state: str,
        *,
        reason: str | None = None,
        error_type: str | None = None,
        error_message: str | None = None,
        error_traceback: str | None = None,
    ) -> None:
        why = f"{error_type}: {error_message}" if error_type else reason
        how = "was cancelled" if state == "cancelled" else state
        super().__init__(f"job {job_id} {how}: {why or 'no reason given'}")
        self.job_id: int = job_id
        self.state: str = state
        self.reason: str | None = reason
        self.error_type: str | None = error_type
        self.error_message: str | None = error_message
        self.error_traceback: str | None = error_traceback


class ResultTimeout(PackhorseError, TimeoutError):
    """The job had not finished when the time given to wait for its result was over."""


class RecordMissing(PackhorseError, LookupError):
    """A record that a work package is about is not there any more."""


class WrongTenant(PackhorseError):
    """A record belongs to another tenant than the work package that is about it."""


class RecordLocked(PackhorseError):
    """A record that was to be locked is locked by a live job, or by an owner.

    Attributes:
        record: which one, as `order:42`.
        job_id: the job that has locked it; None for an owner.
        owner: whoever has locked it under this name; None for a job.
    """

    def __init__(self, message: str, *, record: str, job_id: int | None = None, owner: str | None = None) -> None:
        super().__init__(message)
        self.record: str = record
        self.job_id: int | None = job_id
        self.owner: str | None = owner


class SavepointLost(PackhorseError):
    """What was to be undone alone can't be: the transaction was ended or broken meanwhile, and is good for nothing."""

    def __init__(self) -> None:
        super().__init__(
            "the transaction was ended or broken inside a part of it: a handler must not commit it or roll it back"
        )


class LeaseLost(PackhorseError):
    """The job was given to somebody else meanwhile, since its worker had not been heard of: what was done is undone."""
