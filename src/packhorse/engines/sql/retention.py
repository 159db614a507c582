"""`Retention`: finished jobs go when they were kept for as long as their queue says."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from packhorse.domain.moments import micros_in
from packhorse.domain.retention import KEPT_FOR
from packhorse.domain.state import JobState
from packhorse.engines.sql.base import Command, Params, SqlBase
from packhorse.engines.sql.documents import list_document
from packhorse.retention import Expired, Pruned, PrunedBatches
from packhorse.statement import Row

KEPT: Params = {state.value: micros_in(length) for state, length in KEPT_FOR.items()}
"""How long jobs are kept where their queue does not say."""


class SqlRetention(SqlBase):
    """`packhorse.retention.Retention` by statements."""

    def list_expired(self) -> list[Expired]:
        rows = self._read("list_expired", KEPT)
        return [
            Expired(queue=queue, state=JobState(state), since_us=since_us, until_us=until_us)
            for queue, state, since_us, until_us in rows
        ]

    def count_expired(self, expired: Expired) -> int:
        [(count,)] = self._read("count_expired", _span(expired), *_options(expired))
        return int(count)

    def forget_starts(self, limit: int) -> int:
        return len(self._write("forget_starts", {"limit": limit}))

    def prune_jobs(self, expired: Expired, limit: int) -> Pruned:
        found, gone = self._prune_jobs({**_span(expired), "limit": limit}, *_options(expired))
        is_more = len(found) == limit
        rest = replace(expired, since_us=max(at_us for _, at_us in found)) if is_more else None
        return Pruned(ids=gone, rest=rest)

    def prune_batches(self, limit: int, after: int = 0) -> PrunedBatches:
        members = self._look(_list_forgotten_members(limit))
        if members:
            forgotten_us = members[0][1]
            ids = [id for id, at_us in members if at_us == forgotten_us]
            self._prune_members(ids, forgotten_us)
            return PrunedBatches(jobs=len(ids), after=after)
        gone = self._write_all([_delete_forgotten_batches()])
        ended = self._look(_list_ended_batches(after, limit))
        forgotten = self._forget_batches([id for id, is_over in ended if is_over])
        return PrunedBatches(batches=len(gone), forgotten=forgotten, after=ended[-1][0] if len(ended) == limit else 0)

    def _forget_batches(self, over: Sequence[int]) -> int:
        if not over:
            return 0
        return sum(is_gone for _, is_gone in self._write("forget_batches", {**KEPT, "ids": list_document(over)}))

    @abstractmethod
    def _prune_members(self, ids: Sequence[int], ended_by_us: int) -> None:
        """Take jobs out of their batches, and delete those of them that had ended by then."""

    @abstractmethod
    def _prune_jobs(self, params: Params, *options: str) -> tuple[list[Row], list[int]]:
        """Delete a chunk; the jobs that were found and since when each could have been deleted; those that were."""


def _span(expired: Expired) -> Params:
    return {
        "queue": expired.queue,
        "state": expired.state.value,
        "since": expired.since_us,
        "until": expired.until_us,
    }


def _options(expired: Expired) -> tuple[str, ...]:
    return ("dismissed",) if expired.state is JobState.FAILED else ()


def _list_forgotten_members(limit: int) -> Command:
    return Command("list_forgotten_members", {"limit": limit})


def _delete_forgotten_batches() -> Command:
    return Command("delete_forgotten_batches")


def _list_ended_batches(after: int, limit: int) -> Command:
    return Command("list_ended_batches", {**KEPT, "after": after, "limit": limit})
