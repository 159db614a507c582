"""When to try again: pure functions of how often it failed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from packhorse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packhorse.domain.outcome import Verdict

MAX_DELAY = timedelta(days=3650)
"""No delay anywhere in the product is longer than ten years."""
MICROSECOND = timedelta(microseconds=1)
RERUN_SECONDS = 0.02
MOST_RERUNS = 20
"""More waits than these would keep others out of the slot for longer than a second round does."""
HIGHEST_LIMIT = 10_000
"""What `max_attempts` and `max_crashes` may be at most."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with jitter: min(longest, first · 2ⁿ) ± jitter after the n-th failure (n from 0).

    Attributes:
        first: the delay after the first failure; 2 seconds by default.
        longest: the doubling ends here, before the jitter; 1 hour by default.
        jitter: the share by which a delay is shifted at random, 0 to 1; 0.2 by default.
    """

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(hours=1)
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if self.first < timedelta(0) or not self.first <= self.longest <= MAX_DELAY:
            raise ConfigurationError("backoff needs 0 <= first <= longest <= 10 years")
        if not 0 <= self.jitter <= 1:
            raise ConfigurationError(f"backoff jitter must be between 0 and 1, not {self.jitter}")

    def delay(self, failures: int, chance: float) -> timedelta:
        """How long to wait after `failures` failures (1 or more); `chance` in [0, 1) places it in the jitter."""
        doublings = min(max(failures, 1) - 1, 62)
        plain = timedelta(microseconds=min((self.first // MICROSECOND) << doublings, self.longest // MICROSECOND))
        return min(plain * (1 + self.jitter * (2 * chance - 1)), MAX_DELAY)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What to do with a run that did not succeed.

    Attributes:
        max_attempts: how many counted failures make the job fail for good; 5 by default.
        backoff: how long to wait between them.
        on_error: what an exception of a type (or a subclass of it) means, instead of a retry.
        max_crashes: how many times its worker may die before the job fails as `worker_lost`; 3 by default.
        max_skips: how many skips make the job fail; None, the default, is no limit.
        responsible: who is told when it fails, unless the job itself names somebody.
        allow_retry: whether a job that has failed waits for a person; else it is dismissed as it fails.
        reruns: how many times an atomic run that the database has undone, for nobody's fault, is run again at once and
            in place; 0 by default.
        conflicts: how long to wait when that was of no use, growing with each time; None, the default, is as long as
            after a first failure, whatever was before.
    """

    max_attempts: int = 5
    backoff: Backoff = Backoff()
    on_error: Mapping[type[BaseException], Verdict] = field(default_factory=lambda: MappingProxyType({}))
    max_crashes: int = 3
    max_skips: int | None = None
    responsible: str | None = None
    allow_retry: bool = True
    reruns: int = 0
    conflicts: Backoff | None = None

    def __post_init__(self) -> None:
        for name, value in (("max_attempts", self.max_attempts), ("max_crashes", self.max_crashes)):
            check_limit(name, value)
        if self.max_skips is not None and (type(self.max_skips) is not int or self.max_skips < 0):
            raise ConfigurationError(f"max_skips must be None or a whole number from 0, not {self.max_skips!r}")
        if type(self.reruns) is not int or not 0 <= self.reruns <= MOST_RERUNS:
            raise ConfigurationError(f"reruns must be a whole number from 0 to {MOST_RERUNS}, not {self.reruns!r}")

    def conflict_delay(self, rounds: int, chance: float) -> timedelta:
        """How long to wait when the database has undone a run for nobody's fault, so many times by now (1 or more)."""
        return self.backoff.delay(1, chance) if self.conflicts is None else self.conflicts.delay(rounds, chance)

    def verdict_on(self, error: BaseException) -> Verdict | None:
        """What `on_error` says of this exception; the most special type wins; None when it says nothing."""
        kinds = [kind for kind in type(error).__mro__ if kind in self.on_error]
        return self.on_error[kinds[0]] if kinds else None


def rerun_pause(reruns: int) -> float:
    """How many seconds to wait before running the same again in place for the n-th time (n from 1): 0.02 · n."""
    return RERUN_SECONDS * reruns


def check_limit(name: str, number: object) -> int:
    """The number, when it may limit how often a job is tried.

    Raises:
        ConfigurationError: it is no whole number from 1 to `HIGHEST_LIMIT`.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= HIGHEST_LIMIT:
        raise ConfigurationError(f"{name} must be a whole number from 1 to {HIGHEST_LIMIT:,}, not {number!r}")
    return number


def chance() -> float:
    """A number in [0, 1) for the jitter; the one place where the rules meet randomness, called by the worker."""
    return random.random()  # noqa: S311 - spreads load, guards no secret
