"""The contract of batches: jobs that belong together, counted as they come and end. The docstrings are normative.

Producers only insert: a batch, the places of jobs in it, and the word that nothing more will come. Whoever hears of it
(`count_batches`, and with it `packhorse.turns.Turns.release_followers`) locks the batch and counts, each job once; and
when the last one of a closed batch has ended its callbacks are enqueued in the same transaction. A batch that has ended
is not looked at again, unless a job of it is brought back or another one comes: then it is open again, and no callback
comes twice.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from packhorse.domain.batch import BatchRecord, Member, NewBatch
from packhorse.statement import Row, Statement


class BatchStore(Protocol):
    """Batches. A job comes into one by `Keys.batch_id`."""

    def storing_batch(
        self, batch: NewBatch, installation: str | None = None
    ) -> Generator[Statement, list[Row], int | None]:
        """The statement that stores a batch, to be run on any connection to this installation, in its transaction.

        Yields it, is sent its rows, and returns the batch's id; None on a database that is not the installation.

        Raises:
            SchemaMissing: as `JobStore.insert_statement`.
        """
        ...

    def closing_batch(self, id: int) -> Statement:
        """The statement that says that nothing more will come into a batch; it returns a row if the batch is there."""
        ...

    def insert_batch(self, batch: NewBatch) -> int:
        """Store a batch in a transaction of its own; its id."""
        ...

    def close_batch(self, id: int) -> bool:
        """Say in a transaction of its own that nothing more will come; whether the batch is there."""
        ...

    def count_batches(self, limit: int) -> int:
        """Count what is news of batches, and enqueue the callbacks that are due; of how many jobs and ends.

        Nothing is done while somebody else is at it.
        """
        ...

    def list_batches(
        self, *, id: int | None = None, before_id: int | None = None, is_open: bool = False, limit: int = 50
    ) -> list[BatchRecord]:
        """The batch of that id; or those with ids below `before_id`, all or the open ones, the newest first."""
        ...

    def list_members(
        self, id: int, *, after_id: int = 0, unsuccessful: bool = False, limit: int = 1000
    ) -> list[Member]:
        """The jobs of a batch behind `after_id`, by id; `unsuccessful`: those counted as failed or cancelled."""
        ...
