"""What has become of work packages, told to whoever knows their correlation id."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from packhorse.batching import WAITED
from packhorse.domain.package import PackageOutcome, check_correlation
from packhorse.errors import CorrelationTimeout, UsageError
from packhorse.handle import LONGEST_PAUSE, pauses, seconds_in

if TYPE_CHECKING:
    from packhorse.engine import Engine

COUNTED_PER_SECOND: Final = 20_000
"""How many packages a wait counts in each second at most, so that one for many looks more rarely."""
LISTENING_PAUSE: Final = 1.0
"""Seconds between two looks of a listener to whom nothing has been told for long."""

Heard = set[tuple[int, str, datetime | None]]


class Correlating:
    """`app.wait_for`, and what else there is by correlation id."""

    def list_outcomes(self, correlation: str) -> list[PackageOutcome]:
        """What has become of the packages that are known by a correlation id, in the order in which it did.

        That is the end of each one that has ended, as `done` or `error`, and every `skipped` of all of them, which are
        no ends. A package that somebody retries has no end any more until that run has one.

        Args:
            correlation: what `package().correlation(…)` was given.

        Raises:
            UsageError: it is no correlation id.
        """
        return self._caught_up().list_outcomes(check_correlation(correlation))

    def wait_for(self, correlation: str, count: int, timeout: float | timedelta = WAITED) -> list[PackageOutcome]:
        """Wait until so many packages of a correlation id have ended; at once if they have already.

            for line in lines:
                post.package().add(line).correlation("import 7").enqueue()
            ends = app.wait_for("import 7", len(lines), timeout=60)
            wrong = [end for end in ends if end.how == "error"]

        From any process, and also for packages that are still to be enqueued. A skip is no end.

        Args:
            correlation: what `package().correlation(…)` was given.
            count: how many packages.
            timeout: seconds (or a `timedelta`) to wait at most; 300.

        Returns:
            How each one that has ended did, in the order in which they did; more than `count` if more have.

        Raises:
            CorrelationTimeout: not so many have ended in time; it says how many had.
            UsageError: there is no such correlation id, or no such count.
        """
        check_correlation(correlation)
        ended = 0
        for pause in pauses(timeout, _longest(count)):
            self._run_due()
            ended = self._caught_up().count_ended(correlation)
            if ended >= count and len(ends := self._ends(correlation)) >= count:
                return ends
            time.sleep(pause)
        raise _too_late(correlation, count, ended, timeout)

    async def await_for(
        self,
        correlation: str,
        count: int,
        timeout: float | timedelta = WAITED,  # noqa: ASYNC109 - the twin of `wait_for`
    ) -> list[PackageOutcome]:
        """Do what `wait_for` does, for coroutines."""
        check_correlation(correlation)
        ended = 0
        for pause in pauses(timeout, _longest(count)):
            self._run_due()
            ended = await asyncio.to_thread(self._caught_up().count_ended, correlation)
            if ended >= count and len(ends := await asyncio.to_thread(self._ends, correlation)) >= count:
                return ends
            await asyncio.sleep(pause)
        raise _too_late(correlation, count, ended, timeout)

    def listen(self, correlation: str, timeout: float | timedelta | None = None) -> Iterator[PackageOutcome]:
        """Tell what becomes of the packages of a correlation id, as it does, what has already first: skips, too.

            for outcome in app.listen("import 7", timeout=60):
                show(outcome.job_id, outcome.how, outcome.reason)

        It ends when the time is over, or the loop is left: nobody knows whether more packages are still to come.

        Args:
            correlation: what `package().correlation(…)` was given.
            timeout: seconds (or a `timedelta`) to listen; None, the default, is for ever.

        Raises:
            UsageError: it is no correlation id.
        """
        heard: Heard = set()
        for pause in pauses(timeout, LISTENING_PAUSE):
            self._run_due()
            yield from _news(self.list_outcomes(correlation), heard)
            time.sleep(pause)

    async def alisten(
        self,
        correlation: str,
        timeout: float | timedelta | None = None,  # noqa: ASYNC109 - the twin of `listen`
    ) -> AsyncIterator[PackageOutcome]:
        """Do what `listen` does, for coroutines: `async for outcome in app.alisten("import 7", timeout=60):`."""
        heard: Heard = set()
        for pause in pauses(timeout, LISTENING_PAUSE):
            self._run_due()
            for outcome in _news(await asyncio.to_thread(self.list_outcomes, correlation), heard):
                yield outcome
            await asyncio.sleep(pause)

    def _ends(self, correlation: str) -> list[PackageOutcome]:
        return [outcome for outcome in self.list_outcomes(correlation) if outcome.how != "skipped"]

    @abstractmethod
    def _caught_up(self) -> Engine:
        """The engine, after what was due has run, where jobs run inline."""

    def _run_due(self) -> None:
        """Somebody waits here for jobs; inline mode runs those that are due."""


def _longest(count: object) -> float:
    """How long the pauses of a wait for so many become, in seconds.

    Raises:
        UsageError: nobody can wait for so many.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise UsageError(f"wait_for waits for a number of packages, not for {count!r}")
    return max(LONGEST_PAUSE, count / COUNTED_PER_SECOND)


def _too_late(correlation: str, count: int, ended: int, timeout: float | timedelta) -> CorrelationTimeout:
    return CorrelationTimeout(
        f"of {count:,} packages with the correlation id {correlation!r}, {ended:,} have ended within "
        f"{seconds_in(timeout):g} s",
        correlation=correlation,
        count=count,
        ended=ended,
    )


def _news(outcomes: list[PackageOutcome], heard: Heard) -> list[PackageOutcome]:
    """Those that were not heard yet, which have been from now on."""
    news = [outcome for outcome in outcomes if (outcome.job_id, outcome.how, outcome.at) not in heard]
    heard.update((outcome.job_id, outcome.how, outcome.at) for outcome in news)
    return news
