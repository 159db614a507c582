"""The part of an engine's contract that says why a job does not run. The docstrings are normative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from packhorse.domain.explanation import Explanation
from packhorse.domain.state import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """A job that another one waits for."""

    id: int
    state: JobState | None
    """None when it is no longer recorded; it counts as succeeded then."""
    needs: Literal["success", "end"]
    """What it has to come to."""


class Explaining(Protocol):
    """The answer to "why is my job not running?"."""

    def explain(self, id: int) -> Explanation | None:
        """Why the job of that id does not run, or what has become of it; None when there is no such job.

        All of it is read in one snapshot, and nothing is locked. The rules are the claim's own: the job is `claimable`
        if and only if a claim of its queue that is large enough, and leaves out no task, takes it at that moment. The
        cost does not grow with the number of jobs: they are counted up to `MOST_COUNTED`.
        """
        ...

    def list_needed(self, id: int) -> list[Needed]:
        """The jobs that this one waits for, those that have ended by now too; of a cancelled one, those it waited for.

        None any more of one that may go on.
        """
        ...
