"""The contract of what lets tied jobs go on: those that wait for others, for their serial key, or for room in a group.

Producers only store such jobs, `blocked` at their first gate, and touch nothing that another producer needs. Workers
settle who is next, in short transactions of their own, and together with the acknowledgement of the one before. The
docstrings are normative.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Admitted(NamedTuple):
    """What one pass has done."""

    placed: int
    """How many jobs got their place behind those with the same key; with as many as the limit there may be more."""
    let_on: int
    """How many may go on."""


class Turns(Protocol):
    """Who is next."""

    def admit_jobs(self, limit: int) -> Admitted:
        """Let jobs go on that have come to a serial key or a group, and those whose group may do more by now.

        Of the jobs of one serial key at most one is `available`, `executing` or waiting for its next attempt; they go
        in the order in which they became visible, and of those that did so at once in that of their ids. Of a group no
        more are available or executing than its queue allows, and in any period no more start than its rate. At most
        `limit` jobs and keys are looked at. A key that somebody else is settling is left to them.
        """
        ...

    def release_followers(self, limit: int) -> int:
        """Let jobs go on that waited for others which have ended as they must; of how many it is settled.

        What is news of batches is counted, too, as by `packhorse.batches.BatchStore.count_batches`.

        Those that wait for the success of a job that will have none, because it was cancelled or its failure dismissed,
        are cancelled, and count too: others may wait for them. While one has failed and nobody has decided they wait.
        """
        ...

    def forget_turns(self, limit: int) -> int:
        """Delete what is kept of keys that no job has any more; how many.

        At most `limit` keys are looked at, those behind the ones of the call before; behind the last comes the first.
        """
        ...
