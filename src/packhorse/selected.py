"""Doing something with many jobs: `app.select(queue="mail", older_than=timedelta(days=1)).cancel(by="kim")`.

What is selected is worked through in chunks, in order of id, each in a short transaction of its own that looks again
whether a job's state still allows it. So nothing waits long for it, and whoever stops half way knows what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal, TypedDict

from packhorse.domain.state import FINAL, LIVE, JobState
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, DatabaseBusy
from packhorse.operations import SelectedGroup, Selection

CHUNK = 500
"""How many jobs one transaction takes."""
TRIES = 3
"""How often a chunk is tried while somebody holds its rows for too long."""

Verb = Literal["cancel", "retry", "hold", "release", "delete", "solve", "take", "dismiss"]
WAITING = LIVE - {JobState.EXECUTING}


class Filters(TypedDict, total=False):
    """What jobs may be selected by; all that is given must fit, and None is not given.

    Attributes:
        queue: only those in this queue.
        task: only those of this task; `*` stands for any text and `?` for any character.
        key: only those with this unique key, serial key or group.
        error_type: only those whose last error was of the class of this name.
        message: only those whose last error, or reason without one, said this; `*` and `?` as in `task`.
        responsible: only those for which this person is recorded to be responsible.
        older_than: only those enqueued longer ago; finished jobs: finished longer ago.
        newer_than: only those enqueued (finished) since then.
        stale_for: only those that are blocked and were wanted longer ago than this: held, waiting for a key or for
            other jobs, or of a task that no worker knows.
        batch: only those of the batch of this id.
    """

    queue: str | None
    task: str | None
    key: str | None
    error_type: str | None
    message: str | None
    responsible: str | None
    older_than: timedelta | None
    newer_than: timedelta | None
    stale_for: timedelta | None
    batch: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of some jobs that were to be cancelled, retried, dismissed and so on. The others are as they were.

    Attributes:
        ids: it was done with them.
        asked: they run, and were asked to stop (`cancel` alone).
        taken: they were refused because the job named has their unique key now (`retry` and `solve` alone).
    """

    ids: frozenset[int] = frozenset()
    asked: frozenset[int] = frozenset()
    taken: Mapping[int, int] = field(default_factory=dict)

    def and_then(self, more: Done) -> Done:
        """Both together."""
        return Done(self.ids | more.ids, self.asked | more.asked, {**self.taken, **more.taken})


@dataclass(frozen=True, slots=True)
class Counted:
    """How many jobs are selected.

    Attributes:
        groups: how many of each task, queue and state, in this order.
    """

    groups: Sequence[SelectedGroup] = ()

    @property
    def total(self) -> int:
        """All of them."""
        return sum(group.count for group in self.groups)

    @property
    def highest_id(self) -> int:
        """The highest id among them; 0 when there is none."""
        return max((group.highest_id for group in self.groups), default=0)


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to be done with some jobs, by whom and why."""

    verb: Verb
    by: str | None = None
    why: str | None = None
    running: bool = True
    """Whether a cancellation is for those that run, too."""

    def __post_init__(self) -> None:
        if self.verb == "dismiss" and not (self.why or "").strip():
            raise ConfigurationError("a failure is dismissed with a reason: why is nobody to look at it any more?")


ALLOWED: Mapping[Verb, frozenset[JobState]] = {
    "cancel": LIVE,
    "retry": frozenset({JobState.FAILED, JobState.CANCELLED}),
    "hold": WAITING,
    "release": frozenset({JobState.BLOCKED}),
    "delete": FINAL,
    "solve": frozenset({JobState.FAILED}),
    "take": frozenset({JobState.FAILED}),
    "dismiss": frozenset({JobState.FAILED}),
}
"""In which states a job may be for each."""
MEANT: Mapping[Verb, frozenset[JobState]] = {**ALLOWED, "retry": frozenset({JobState.FAILED})}
"""Which of them are meant where no state is given."""
OF_THE_INBOX = frozenset({"solve", "take", "dismiss"})
PARTICIPLES: Mapping[Verb, str] = {
    "cancel": "cancelled",
    "retry": "retried",
    "hold": "held",
    "release": "released",
    "delete": "deleted",
    "solve": "solved",
    "take": "taken",
    "dismiss": "dismissed",
}


class SelectedJobs:
    """The jobs that fit a selection, whenever something is done with them; made by `app.select`.

    Args:
        engine: opens the engine at the first use.
        selection: which jobs.
        afterwards: called after jobs may have become available.
    """

    def __init__(self, engine: Callable[[], Engine], selection: Selection, afterwards: Callable[[], None]) -> None:
        self.selection: Selection = selection
        self._open_engine = engine
        self._afterwards = afterwards

    def count(self, verb: Verb | None = None) -> Counted:
        """How many there are now; with a verb, how many of them that could be done with: a dry run.

        Raises:
            ConfigurationError: it can be done with none of the selected states.
        """
        selection = self.selection if verb is None else narrowed(self.selection, verb)
        return Counted(self._open_engine().count_selected(selection))

    def cancel(self, *, by: str | None = None, why: str | None = None) -> Done:
        """Cancel those that wait, and ask those that run to stop, unless the selected states leave them out."""
        return self._all("cancel", by, why)

    def retry(self, *, by: str | None = None, why: str | None = None) -> Done:
        """Let them run again, with all attempts before them; where no state was selected, those that failed."""
        return self._all("retry", by, why)

    def hold(self, *, by: str | None = None, why: str | None = None) -> Done:
        """Block those that wait until they are released."""
        return self._all("hold", by, why)

    def release(self) -> Done:
        """Put those that are held back where they belong; nobody is named, as with `app.release`."""
        return self._all("release", None, None)

    def delete(self) -> Done:
        """Delete those that are finished, for good, with their history."""
        return self._all("delete", None, None)

    def up_to(self, id: int) -> SelectedJobs:
        """The same without the jobs above this id: those that came after somebody counted."""
        return SelectedJobs(self._open_engine, replace(self.selection, until_id=id), self._afterwards)

    def steps(self, verb: Verb, *, by: str | None = None, why: str | None = None) -> Iterator[Done]:
        """Do it chunk by chunk; what has been done so far, after each. Jobs enqueued meanwhile are left alone.

        Whoever stops half way finds everything done that the last value names, and nothing else.
        """
        selection = narrowed(self.selection, verb)
        if selection.until_id is None:
            selection = replace(selection, until_id=self.count(verb).highest_id)
        running = selection.states is None or JobState.EXECUTING in selection.states
        return self._steps(Request(verb, by, why, running), self._chunks(selection))

    def _all(self, verb: Verb, by: str | None, why: str | None) -> Done:
        return last_of(self.steps(verb, by=by, why=why))

    def _steps(self, request: Request, chunks: Iterable[Sequence[int]]) -> Iterator[Done]:
        try:
            yield from done_with(self._open_engine(), request, chunks)
        finally:
            self._afterwards()

    def _chunks(self, selection: Selection) -> Iterator[Sequence[int]]:
        after = 0
        while ids := self._open_engine().list_selected(selection, after, CHUNK):
            yield ids
            after = ids[-1]


def selection_of(
    state: JobState | str | Iterable[JobState | str] | None, everything: bool, filters: Filters
) -> Selection:
    """The selection that `app.select` means; see there.

    Raises:
        ConfigurationError: nothing is given, or there is no such state.
    """
    selection = Selection(**filters)
    if state is not None:
        names = [state] if isinstance(state, str) else state
        selection = replace(selection, states=frozenset(state_named(name) for name in names))
    if selection == Selection() and not everything:
        raise ConfigurationError("nothing says which jobs: give a filter, or everything=True for all that there are")
    return selection


def state_named(name: JobState | str) -> JobState:
    """The state of that name.

    Raises:
        ConfigurationError: there is none.
    """
    try:
        return JobState(name)
    except ValueError:
        raise ConfigurationError(f"no state {name!r}; there are {', '.join(JobState)}") from None


def narrowed(selection: Selection, verb: Verb) -> Selection:
    """What of a selection something can be done with.

    Raises:
        ConfigurationError: it asks for states with which it can't be done.
    """
    wrong = (selection.states or frozenset()) - ALLOWED[verb]
    if wrong:
        can = ", ".join(state for state in JobState if state in ALLOWED[verb])
        raise ConfigurationError(f"no {', '.join(sorted(wrong))} job can be {PARTICIPLES[verb]}; only {can} ones can")
    states = MEANT[verb] if selection.states is None else selection.states
    is_open = selection.is_open or verb in OF_THE_INBOX or (verb == "retry" and selection.states is None)
    is_held, is_unheld = selection.is_held or verb == "release", selection.is_unheld or verb == "hold"
    return replace(selection, states=states, is_held=is_held, is_unheld=is_unheld, is_open=is_open)


def is_fit(engine: Engine, verb: Verb, id: int) -> bool:
    """Whether something could be done with this job, by the rule by which many are counted."""
    selection = narrowed(Selection(states=ALLOWED[verb]), verb)
    return bool(engine.list_selected(replace(selection, until_id=id), id - 1, 1))


def in_chunks(ids: Iterable[int]) -> Iterator[Sequence[int]]:
    """Ids in chunks, each once, in order."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def done_with(engine: Engine, request: Request, chunks: Iterable[Sequence[int]]) -> Iterator[Done]:
    """Do something with chunks of jobs; what has been done so far, after each, and at least once."""
    done = Done()
    for ids in chunks:
        done = done.and_then(_patiently(engine, request, ids))
        yield done
    if done == Done():
        yield done


def last_of(steps: Iterable[Done]) -> Done:
    """What had been done at the end."""
    done = Done()
    for done in steps:  # noqa: B007 - the last one is wanted
        pass
    return done


def _patiently(engine: Engine, request: Request, ids: Sequence[int]) -> Done:
    for _ in range(TRIES - 1):
        try:
            return ACTIONS[request.verb](engine, request, ids)
        except DatabaseBusy:
            continue
    return ACTIONS[request.verb](engine, request, ids)


def _cancel(engine: Engine, request: Request, ids: Sequence[int]) -> Done:
    gone = engine.cancel_jobs(ids, request.by, request.why, running=request.running)
    return Done(gone.cancelled, gone.asked)


def _retry(engine: Engine, request: Request, ids: Sequence[int]) -> Done:
    back = engine.retry_jobs(ids, request.by, request.why, inbox=request.verb == "solve")
    return Done(back.retried, taken=back.taken)


def _hold(engine: Engine, request: Request, ids: Sequence[int]) -> Done:
    return Done(frozenset(engine.hold_jobs(ids, request.by, request.why)))


def _release(engine: Engine, request: Request, ids: Sequence[int]) -> Done:
    return Done(frozenset(engine.release_jobs(ids)))


def _delete(engine: Engine, request: Request, ids: Sequence[int]) -> Done:
    return Done(frozenset(engine.delete_jobs(ids)))


def _take(engine: Engine, request: Request, ids: Sequence[int]) -> Done:
    return Done(frozenset(engine.take_jobs(ids, request.by)))


def _dismiss(engine: Engine, request: Request, ids: Sequence[int]) -> Done:
    return Done(frozenset(engine.dismiss_jobs(ids, request.by, request.why)))


ACTIONS: Mapping[Verb, Callable[[Engine, Request, Sequence[int]], Done]] = {
    "cancel": _cancel,
    "retry": _retry,
    "hold": _hold,
    "release": _release,
    "delete": _delete,
    "solve": _retry,
    "take": _take,
    "dismiss": _dismiss,
}
