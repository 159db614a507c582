"""The schedules of a database at run time, `app.schedules`: to look at, to steer, and to make."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, Unpack

from packhorse.behalf import acting as acting_here
from packhorse.domain.acting import NOBODY, Acting, acting_in
from packhorse.domain.schedule.definition import Overlap, Policy, Schedule
from packhorse.domain.schedule.missed import Missed, MissedRuns
from packhorse.domain.schedule.rule import Rule
from packhorse.errors import ConfigurationError, ScheduleNotFound, UsageError
from packhorse.handle import JobHandle
from packhorse.keeper import Declaring, Keeper, ScheduleBook
from packhorse.preparing import plain_job
from packhorse.schedules import RunRecord, ScheduleRecord
from packhorse.task import Call

if TYPE_CHECKING:
    from packhorse.engine import Engine

Choice = TypeVar("Choice", Missed, Overlap)

_USUAL = MissedRuns()


class PolicyOptions(TypedDict, total=False):
    """By which rules a schedule starts its runs; see `app.schedule`."""

    missed: Literal["skip", "one", "all"]
    most: int
    grace: timedelta
    overlap: Literal["skip", "queue", "allow"]
    alarm_after: timedelta | None
    pause_on_failure: bool


class Schedules:
    """The schedules of a database, for operators and for programs that make some at run time: `app.schedules`.

    Args:
        engine: opens the engine at the first use.
        book: what the application's code declares.
        fired: called when a job was enqueued.
        handle: gives the handle of a job.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        book: ScheduleBook,
        fired: Callable[[], None],
        handle: Callable[[int], JobHandle[Any]],
    ) -> None:
        self._engine = engine
        self._book = book
        self._fired = fired
        self._handle = handle

    def list(self) -> Sequence[ScheduleRecord]:
        """All schedules, by name."""
        return self._engine().list_schedules()

    def find(self, name: str) -> ScheduleRecord | None:
        """The schedule of that name, or None."""
        return next(iter(self._engine().list_schedules([name])), None)

    def get(self, name: str) -> ScheduleRecord:
        """The schedule of that name.

        Raises:
            ScheduleNotFound: there is none.
        """
        found = self.find(name)
        if found is None:
            raise self._not_found(name)
        return found

    def runs(self, name: str, limit: int = 20) -> Sequence[RunRecord]:
        """The runs of a schedule, the latest first; a hundred are kept.

        Raises:
            ScheduleNotFound: there is no such schedule.
        """
        self.get(name)
        return self._engine().list_schedule_runs(name, limit)

    def put(
        self,
        name: str,
        rule: Rule,
        call: Call[Any],
        *,
        acting: Acting | None = None,
        **policy: Unpack[PolicyOptions],
    ) -> bool:
        """Make a schedule at run time, or change one that was made so; False when it was there just so.

        Args:
            name: what it is called.
            rule: when it comes due: `Cron(…)`, `Every(…)` or `Weekly(…)`.
            call: what is enqueued at each tick, `task.call(…)` or `app.named(name).call(…)`.
            acting: on whose behalf its jobs run; by default as before, and of a new schedule nobody's.
            policy: as of `app.schedule`.

        Raises:
            ConfigurationError: it is declared in code, which would put it back; or an option is wrong.
            UsageError: a new one is made on somebody's behalf, and `acting` does not say on whose its jobs are to run.
        """
        job = plain_job(call, self._acting_before(name) if acting is None else acting)
        schedule = Schedule(name=name, rule=rule, job=job, policy=policy_of(**policy))
        return self._keeper(None).put(schedule, _user())

    def pause(self, *names: str, by: str | None = None, reason: str | None = None) -> set[str]:
        """Pause schedules: none of their ticks runs; the names of those that were not paused. What runs goes on.

        Args:
            names: which.
            by: who pauses them; by default the user of this process.
            reason: why, for whoever wonders.

        Raises:
            ScheduleNotFound: there is no schedule of one of the names; none is paused.
        """
        self._check(names)
        return self._engine().pause_schedules(names, by or _user(), reason)

    def resume(self, *names: str) -> set[str]:
        """Let paused schedules go on with their next tick; the names of those that were paused.

        Raises:
            ScheduleNotFound: there is no schedule of one of the names; none is resumed.
        """
        self._check(names)
        keeper = self._keeper(None)
        return {name for name in names if keeper.resume(name)}

    def run(self, name: str, *, by: str | None = None) -> JobHandle[Any]:
        """Start a run by hand, now, also of a paused schedule. Its ticks come as before.

        Args:
            name: which schedule.
            by: who starts it; by default the user of this process.

        Raises:
            ScheduleNotFound: there is no such schedule.
            ScheduleBusy: a run has not ended, and the schedule allows one at a time.
        """
        self._check([name])
        job = self._keeper(by).run_now(name)
        self._fired()
        return self._handle(job)

    def remove(self, *names: str) -> set[str]:
        """Delete schedules and the record of their runs; the names of those. Jobs stay.

        One that stands in the code of a running application comes back when a worker starts.

        Raises:
            ScheduleNotFound: there is no schedule of one of the names; none is deleted.
        """
        self._check(names)
        return self._engine().delete_schedules(names)

    def sync(self) -> dict[str, Declaring]:
        """Store what the code declares, as workers do when they start, but in any case; what became of each."""
        return self._keeper(None).declare(force=True)

    def _acting_before(self, name: str) -> Acting:
        """On whose behalf the jobs of a schedule run until now."""
        found = self.find(name)
        if found is not None and found.schedule is not None:
            return acting_in(found.schedule.job.meta)
        if acting_here() != NOBODY:
            raise UsageError(
                f"schedule {name} will outlive whoever makes it: say on whose behalf its jobs are to run, with "
                "acting=acting() for yours, or acting=Acting() for nobody's"
            )
        return NOBODY

    def _keeper(self, by: str | None) -> Keeper:
        return Keeper(self._engine(), self._book, by or _user())

    def _check(self, names: Collection[str]) -> None:
        known = {record.name for record in self._engine().list_schedules([*dict.fromkeys(names)])}
        for name in names:
            if name not in known:
                raise self._not_found(name)

    def _not_found(self, name: str) -> ScheduleNotFound:
        import difflib

        close = difflib.get_close_matches(name, [record.name for record in self.list()], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "; `packhorse schedules list` shows those that there are"
        return ScheduleNotFound(f"no schedule {name!r}{hint}")


def policy_of(
    *,
    missed: Literal["skip", "one", "all"] = "one",
    most: int = _USUAL.most,
    grace: timedelta = _USUAL.grace,
    overlap: Literal["skip", "queue", "allow"] = "skip",
    alarm_after: timedelta | None = None,
    pause_on_failure: bool = False,
) -> Policy:
    """The policy of these options; see `app.schedule`.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    return Policy(
        missed=MissedRuns(_choice("missed", missed, Missed), most, grace),
        overlap=_choice("overlap", overlap, Overlap),
        alarm_after=alarm_after,
        pause_on_failure=pause_on_failure,
    )


def _choice(name: str, value: str, kind: type[Choice]) -> Choice:
    try:
        return kind(value)
    except ValueError:
        raise ConfigurationError(f"{name} must be {', '.join(kind)}, not {value!r}") from None


def _user() -> str:
    """Who runs this process, as far as the system tells."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"
