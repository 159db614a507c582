"""What a schedule is: when, what it starts, and by which rules; a value, and the texts that a database keeps of it."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from packhorse.domain.job import NewJob
from packhorse.domain.schedule.missed import Missed, MissedRuns
from packhorse.domain.schedule.rule import Rule
from packhorse.domain.schedule.stored import read_rule, write_rule
from packhorse.errors import ConfigurationError

S = TypeVar("S", bound=msgspec.Struct)

LONGEST_ALARM: Final = timedelta(days=3650)
_NAME: Final = re.compile(r"[^\s\x00-\x1f]{1,200}")
_PRINT_BYTES: Final = 8


class Overlap(StrEnum):
    """What becomes of a tick while a run of its schedule is live: it has not ended, whatever it waits for."""

    SKIP = "skip"
    """It does not run."""
    QUEUE = "queue"
    """It runs when that run has ended; the latest one only, or with `missed="all"` each of them."""
    ALLOW = "allow"
    """It runs beside it."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By which rules a schedule starts its runs, and when it raises an alarm.

    Attributes:
        missed: what becomes of ticks for which nobody was there in time.
        overlap: what becomes of a tick while a run is live; `skip` by default.
        alarm_after: a run that has not ended so long after it was started raises an alarm; None, the default, never.
        pause_on_failure: whether the schedule pauses itself when a run has failed for good; by default it goes on.

    Raises:
        ConfigurationError: an attribute is not what it must be, or two of them contradict each other.
    """

    missed: MissedRuns = MissedRuns()
    overlap: Overlap = Overlap.SKIP
    alarm_after: timedelta | None = None
    pause_on_failure: bool = False

    def __post_init__(self) -> None:
        if self.overlap not in list(Overlap):
            raise ConfigurationError(f"overlap must be {', '.join(Overlap)}, not {self.overlap!r}")
        if type(self.pause_on_failure) is not bool:
            raise ConfigurationError(f"pause_on_failure must be True or False, not {self.pause_on_failure!r}")
        if self.alarm_after is not None:
            _check_alarm(self.alarm_after)
        if self.missed.missed == Missed.ALL and self.overlap == Overlap.SKIP:
            raise ConfigurationError(
                "missed='all' starts several runs at once, of which overlap='skip' would leave one: "
                "give overlap='queue' or overlap='allow'"
            )

    @property
    def room(self) -> int:
        """How many ticks may wait for a run to end."""
        return self.missed.most if self.missed.missed == Missed.ALL else 1


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule as somebody wants it.

    Attributes:
        name: what it is called; 1 to 200 characters without spaces.
        rule: when it comes due.
        job: what each tick enqueues.
        policy: by which rules.

    Raises:
        ConfigurationError: the name is none, or the job has a moment of its own, which would hold for one tick only.
    """

    name: str
    rule: Rule
    job: NewJob
    policy: Policy = Policy()

    def __post_init__(self) -> None:
        check_schedule_name(self.name)
        if self.job.scheduled_at is not None or self.job.expected_at is not None:
            raise ConfigurationError(
                f"schedule {self.name}: its job can't have scheduled_at or expected_at; use delay or expected_in, "
                "which count from each tick"
            )

    @property
    def rule_text(self) -> str:
        """The rule as a database keeps it."""
        return write_rule(self.rule)

    @property
    def job_text(self) -> str:
        """The job as a database keeps it: what is not as usual."""
        return _text(self.job)

    @property
    def policy_text(self) -> str:
        """The policy as a database keeps it: what is not as usual."""
        return _text(self.policy)

    @property
    def fingerprint(self) -> str:
        """A short text that equal schedules share, and others do not."""
        texts = [self.name, self.rule_text, self.job_text, self.policy_text]
        return hashlib.blake2b(json.dumps(texts).encode(), digest_size=_PRINT_BYTES).hexdigest()

    def job_at(self, tick: datetime | None) -> NewJob:
        """The job of one tick, or of a run by hand (None), which the handler reads in `ctx.meta["schedule"]`."""
        meta = json.loads(self.job.meta or "{}")
        told = {"name": self.name, "tick": None if tick is None else tick.isoformat()}
        return msgspec.structs.replace(self.job, meta=json.dumps({**meta, "schedule": told}))


def read_schedule(name: str, rule: str, job: str, policy: str) -> Schedule:
    """The schedule that these texts hold.

    Raises:
        ConfigurationError: one of them holds nothing that this version understands.
    """
    return Schedule(name=name, rule=read_rule(rule), job=_read(job, NewJob), policy=_read(policy, Policy))


def read_policy(text: str) -> Policy:
    """The policy that a text holds.

    Raises:
        ConfigurationError: it holds none that this version understands.
    """
    return _read(text, Policy)


def check_schedule_name(name: object) -> str:
    """The name, when a schedule may be called so.

    Raises:
        ConfigurationError: it may not.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no name for a schedule: it must be 1 to 200 characters without spaces")
    return name


def _check_alarm(length: object) -> None:
    if type(length) is not timedelta or not timedelta(0) < length <= LONGEST_ALARM:
        raise ConfigurationError(f"alarm_after must be a timedelta above zero, ten years at most, not {length!r}")


def _text(value: msgspec.Struct) -> str:
    """What differs from the defaults, as a JSON object."""
    told = msgspec.to_builtins(value)
    plain = {
        field.encode_name for field in msgspec.structs.fields(value) if getattr(value, field.name) == field.default
    }
    return json.dumps({name: one for name, one in told.items() if name not in plain}, ensure_ascii=False)


def _read(text: str, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"what a schedule's record says of its {kind.__name__} can't be read: {error}"
        ) from error
