"""What anybody can look at: jobs and their logs, queues, workers, and why a job is not running."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from packhorse.domain.explanation import Explanation
from packhorse.domain.job import AttemptRecord, JobRecord
from packhorse.domain.joblog import LogLine, Progress
from packhorse.domain.package import Reference
from packhorse.domain.queue import LoadFailure
from packhorse.domain.state import JobState
from packhorse.domain.statistics import Statistics
from packhorse.domain.worker import WorkerRecord
from packhorse.engine import Engine, JobFilter, QueueRecord
from packhorse.errors import ConfigurationError, JobNotFound
from packhorse.handle import not_found
from packhorse.joblog import LogFilter
from packhorse.selected import state_named

DAY = timedelta(days=1)


class Lookup(ABC):
    """Reading, for producers and operators."""

    def find_job(self, id: int) -> JobRecord | None:
        """The job of that id, live or finished, or None."""
        return self._caught_up().find_job(id)

    def get_job(self, id: int) -> JobRecord:
        """The job of that id, live or finished.

        Raises:
            JobNotFound: there is none.
        """
        record = self.find_job(id)
        if record is None:
            raise JobNotFound(f"no job {id}")
        return record

    def list_jobs(
        self,
        *,
        state: JobState | str | None = None,
        queue: str | None = None,
        task: str | None = None,
        key: str | None = None,
        record: Reference | None = None,
        batch: int | None = None,
        correlation: str | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> Sequence[JobRecord]:
        """Jobs, the newest (highest id) first.

        Args:
            state: only those in this state.
            queue: only those in this queue.
            task: only those of this task; `*` stands for any text and `?` for any character.
            key: only those with this unique key, serial key or group.
            record: only work packages that touched, touch or will touch it.
            batch: only those of the batch of this id.
            correlation: only work packages that are known by this id.
            before_id: only ids smaller than this: the last one seen, for the next page.
            limit: at most this many.

        Raises:
            ConfigurationError: there is no such state, or the limit is not above zero.
        """
        if limit < 1:
            raise ConfigurationError(f"limit must be 1 or more, not {limit}")
        chosen = None if state is None else state_named(state)
        which: dict[str, Any] = {"record": record, "batch": batch, "correlation": correlation}
        page: dict[str, Any] = {"before_id": before_id, "limit": limit}
        return self._caught_up().list_jobs(JobFilter(state=chosen, queue=queue, task=task, key=key, **which, **page))

    def list_attempts(self, id: int) -> Sequence[AttemptRecord]:
        """The runs of a job that did not succeed, in order."""
        return self._caught_up().list_attempts(id)

    def list_log(
        self,
        id: int,
        *,
        attempt: int | None = None,
        level: int | None = None,
        after: LogLine | None = None,
        limit: int = 1000,
    ) -> Sequence[LogLine]:
        """Lines of a job's log, in the order in which they were written; the job may be running.

        Args:
            id: the job's.
            attempt: only those of this run; of all.
            level: only those of this level of `logging` or above it.
            after: the last line seen, for those behind it.
            limit: at most this many.
        """
        behind = None if after is None else (after.attempt, after.sequence)
        wanted = LogFilter(job_id=id, attempt=attempt, level=level, after=behind, limit=limit)
        return self._caught_up().list_log(wanted)

    def find_progress(self, id: int) -> Progress | None:
        """How far a job's latest run had come, if it told by `ctx.progress`."""
        return next(iter(self._caught_up().list_progress([id])), None)

    def explain(self, id: int) -> Explanation:
        """Why a job does not run, or what has become of it: `reasons`, the most important one first.

            for reason in app.explain(42).reasons:
                print(reason.text, reason.advice)

        By the rules of the claim itself: `claimable` says whether the next claim of a worker that serves its queue and
        knows its task takes it.

        Raises:
            JobNotFound: there is no such job.
        """
        found = self._caught_up().explain(id)
        if found is None:
            raise not_found(id)
        return found

    def list_queues(self) -> Sequence[QueueRecord]:
        """The queues with their counts by state, by name."""
        return self._caught_up().list_queues()

    def list_workers(self) -> Sequence[WorkerRecord]:
        """The workers, by start."""
        return self._caught_up().list_workers()

    def list_load_failures(self) -> Sequence[LoadFailure]:
        """The modules of tasks that can't be imported somewhere, by name and host."""
        return self._caught_up().list_load_failures()

    def count_jobs(self) -> Mapping[JobState, int]:
        """How many jobs there are in each state."""
        return self._caught_up().count_jobs()

    def statistics(self, *, last: timedelta = DAY, queue: str | None = None, task: str | None = None) -> Statistics:
        """How many jobs were processed, failed and so on by hour, queue and task, and how long they took.

            for one in app.statistics().by("task"):
                print(one.task, one.in_queue, one.runs, one.processed, one.errors, one.skipped, one.average)

        A worker adds up every minute what has ended; a queue that keeps no succeeded jobs has no figures of them.

        Args:
            last: the hours that began within this time, up to 30 days; 24 hours.
            queue: only figures of this queue.
            task: only figures of this task.

        Raises:
            ConfigurationError: the time is not above zero.
        """
        if last <= timedelta(0):
            raise ConfigurationError(f"last must be a timedelta above zero, not {last!r}")
        return self._caught_up().get_statistics(last).of(queue, task)

    @abstractmethod
    def _caught_up(self) -> Engine:
        """The database, after what other transactions have committed was taken notice of."""
