"""The part of an engine's contract that says why a job does not run. The docstring is normative."""

from __future__ import annotations

from typing import Protocol

from packhorse.domain.explanation import Explanation


class Explaining(Protocol):
    """The answer to "why is my job not running?"."""

    def explain(self, id: int) -> Explanation | None:
        """Why the job of that id does not run, or what has become of it; None when there is no such job.

        All of it is read in one snapshot, and nothing is locked. The rules are the claim's own: the job is `claimable`
        if and only if a claim of its queue that is large enough, and leaves out no task, takes it at that moment. The
        cost does not grow with the number of jobs: they are counted up to `MOST_COUNTED`.
        """
        ...
