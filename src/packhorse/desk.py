"""The inbox, as a person works through it: `app.inbox`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Unpack

from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, JobNotFound
from packhorse.inbox import InboxGroup, InboxItem
from packhorse.operations import Selection
from packhorse.selected import Done, Filters, Request, SelectedJobs, done_with, in_chunks, last_of, selection_of

FAILED = frozenset({JobState.FAILED})


class Inbox:
    """The failed jobs that wait for a person: to be solved, which lets them run again, or dismissed with a reason.

    Args:
        engine: opens the engine at the first use.
        afterwards: called after jobs may have become available.
    """

    def __init__(self, engine: Callable[[], Engine], afterwards: Callable[[], None]) -> None:
        self._open_engine = engine
        self._afterwards = afterwards

    def list(
        self, *, dismissed: bool = False, before_id: int | None = None, limit: int = 50, **filters: Unpack[Filters]
    ) -> Sequence[InboxItem]:
        """The failures, the newest (highest id) first.

        Args:
            dismissed: those that were dismissed, instead.
            before_id: only ids smaller than this: the last one seen, for the next page.
            limit: at most this many.
            filters: queue, task, key, error_type, message, responsible, older_than, newer_than: see `Filters`.

        Raises:
            ConfigurationError: the limit is not above zero.
        """
        return self._open_engine().list_failures(Selection(**filters), before_id, _checked(limit), dismissed=dismissed)

    def groups(self, *, limit: int = 50, **filters: Unpack[Filters]) -> Sequence[InboxGroup]:
        """Equal failures together, the largest group first: 500 that failed alike are one; filters as in `list`."""
        return self._open_engine().group_failures(Selection(**filters), _checked(limit))

    def get(self, id: int) -> InboxItem:
        """The failure of that job, dismissed or not; `app.list_attempts(id)` has the history.

        Raises:
            JobNotFound: there is no failed job of that id.
        """
        item = self._open_engine().find_failure(id)
        if item is None:
            raise JobNotFound(f"job {id} is not in the inbox")
        return item

    def count(self) -> int:
        """How many failures wait for a person."""
        return self.select(everything=True).count().total

    def take(self, *ids: int, by: str | None = None) -> Done:
        """Say that somebody looks into these, so that no two people do."""
        return self._do(Request("take", by), ids)

    def solve(self, *ids: int, by: str | None = None, why: str | None = None) -> Done:
        """Let these run again, with all attempts before them, because what was wrong has been put right.

        One whose unique key another job has meanwhile stays: `taken` of what is returned says which.
        """
        return self._do(Request("solve", by, why), ids)

    def dismiss(self, *ids: int, by: str | None = None, why: str) -> Done:
        """Take these out of the inbox for good, with a reason. The jobs stay failed.

        Raises:
            ConfigurationError: the reason is empty.
        """
        return self._do(Request("dismiss", by, why), ids)

    def select(self, *, everything: bool = False, **filters: Unpack[Filters]) -> SelectedFailures:
        """All failures that fit, to be counted, taken, solved or dismissed; filters as in `list`.

        Raises:
            ConfigurationError: nothing is given.
        """
        opened = replace(selection_of(None, everything, filters), states=FAILED, is_open=True)
        return SelectedFailures(self._open_engine, opened, self._afterwards)

    def _do(self, request: Request, ids: Iterable[int]) -> Done:
        done = last_of(done_with(self._open_engine(), request, in_chunks(ids)))
        self._afterwards()
        return done


class SelectedFailures(SelectedJobs):
    """The failures that fit a selection; made by `app.inbox.select`."""

    def take(self, *, by: str | None = None) -> Done:
        """Say that somebody looks into them."""
        return self._all("take", by, None)

    def solve(self, *, by: str | None = None, why: str | None = None) -> Done:
        """Let them run again, with all attempts before them."""
        return self._all("solve", by, why)

    def dismiss(self, *, by: str | None = None, why: str) -> Done:
        """Take them out of the inbox for good, with a reason.

        Raises:
            ConfigurationError: the reason is empty.
        """
        return self._all("dismiss", by, why)


def _checked(limit: int) -> int:
    if limit < 1:
        raise ConfigurationError(f"limit must be 1 or more, not {limit}")
    return limit
