"""The contract of what work packages have beside their jobs. The docstrings are normative.

It is stored with the job, by `JobStore.storing`, and deleted with it. Nothing here is read or written by a claim or
an acknowledgement of a job that is no package.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from packhorse.domain.job import ClaimedJob
from packhorse.domain.package import Element, Outcome, PackageOutcome, PackageRecord
from packhorse.statement import Statement


class Packages(Protocol):
    """Work packages and their elements."""

    def find_package(self, job_id: int) -> PackageRecord | None:
        """What is stored beside that job, live or finished; None when it is no package.

        Elements of a job that has succeeded are done, where nothing was said of them one by one.
        """
        ...

    def list_elements(
        self, job_id: int, after: int = -1, limit: int = 1000, *, outcomes: Collection[Outcome | None] = ()
    ) -> list[Element]:
        """Up to `limit` elements of a package behind position `after`, in order.

        Args:
            job_id: the package's.
            after: -1 for all.
            limit: at most this many.
            outcomes: only those that have come to one of these, None for what is still to be attempted; () for all.
        """
        ...

    def list_scheduled(self, job_id: int, positions: Sequence[int]) -> set[int]:
        """Those of these positions whose record an older open package of the same task is about as well.

        Open is a job that is neither finished nor failed.
        """
        ...

    def list_outcomes(self, correlation: str) -> list[PackageOutcome]:
        """What has become of the packages of that correlation id, as it did: each one's end, and all of its skips.

        One that has neither is not there. A package whose job is not kept counts as done.
        """
        ...

    def count_ended(self, correlation: str) -> int:
        """How many packages of that correlation id have ended."""
        ...

    def record_statement(self, job_id: int, outcomes: Mapping[int, tuple[Outcome, str | None]]) -> Statement:
        """What records, by position, what has become of elements, and why; in the transaction of the handler."""
        ...

    def reopen_statement(self, job_id: int) -> Statement:
        """What has those elements that failed or were skipped count as not attempted; in the handler's transaction."""
        ...

    def put_parameters(self, job: ClaimedJob, parameters: str) -> bool:
        """Put other parameters in place of a package's, for its next attempt; False when its lease has gone."""
        ...

    def put_statement(self, job_id: int, parameters: str) -> Statement:
        """The same in the transaction of the handler, which the acknowledgement guards."""
        ...

    def confirm_statement(self, job: ClaimedJob) -> Statement:
        """What returns a row while a job runs under its lease, and has that stay so until the transaction ends."""
        ...

    def progress_statement(self, job: ClaimedJob) -> Statement:
        """What records that a job has come on since its last worker died, so that deaths are counted anew.

        In the transaction of the handler; without effect where the lease has gone.
        """
        ...

    def list_package_ids(self, after_id: int, limit: int) -> list[int]:
        """Up to `limit` ids above `after_id` of jobs that are packages, in order, whether they are there or not."""
        ...

    def delete_stray_packages(self, ids: Sequence[int]) -> int:
        """Delete all that belongs to those of these jobs that are not there any more; how many packages."""
        ...
