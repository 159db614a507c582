"""Packages whose handler is called once for each record, in chunks that are committed with what became of them."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from packhorse.context import Context
from packhorse.domain.frames import handlers_part
from packhorse.domain.outcome import Cancel, Fail, Retry, Skip, UserError, Verdict, find_advice, message_of
from packhorse.domain.package import Element, Outcome, Reference
from packhorse.domain.retry import RetryPolicy
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, LeaseLost, RecordMissing, SavepointLost, UsageError
from packhorse.runtime.conflicts import is_transient
from packhorse.runtime.report import storable
from packhorse.runtime.run import TimeLimit
from packhorse.workpackages.calling import Calling
from packhorse.workpackages.package import WorkPackage

Outcomes = dict[int, tuple[Outcome, str | None]]
"""What has become of records, by their positions, and why."""
LONGEST_REASON = 500
"""Characters that are kept of why a record failed or was skipped."""

MOST_DEATHS = 2
"""How often in a row the worker may die with the same record."""
DEADLY = "worker_lost: the worker has died twice in a row while it was called for this record"

SCHEDULED = "an older package is about it, and is not done with it"
MOST_TAKEN = 3
_OUTCOMES: Final[tuple[Outcome, ...]] = ("done", "failed", "skipped")
_BY_POSITION: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Call(NamedTuple):
    """How a handler is called for one record: with the record, and before it what it asks for."""

    handler: Callable[..., Any]
    takes: int
    """How many of context, package and record it takes, the record always."""

    @classmethod
    def of(cls, handler: Callable[..., Any]) -> Call:
        """The call of a handler.

        Raises:
            ConfigurationError: it takes none of the three forms.
        """
        parameters = inspect.signature(handler).parameters.values()
        is_plain = all(one.kind in _BY_POSITION and one.default is inspect.Parameter.empty for one in parameters)
        if not is_plain or not 1 <= len(parameters) <= MOST_TAKEN:
            raise ConfigurationError(
                f"{handler.__qualname__} can't be called for each record: it must take "
                "(record), (ctx, record) or (ctx, package, record)"
            )
        return cls(handler, len(parameters))

    async def run(self, calling: Calling, ctx: Context, package: WorkPackage, record: Any) -> None:
        """Call it; what it returns may be a verdict, as if it had raised it.

        Raises:
            UsageError: it has returned what nobody can have meant.
        """
        given = {1: (record,), 2: (ctx, record), 3: (ctx, package, record)}[self.takes]
        value = await calling.call(self.handler, given)
        if isinstance(value, (Verdict, UserError)):
            raise value
        mistake = calling.find_mistake(value)
        if mistake is not None:
            raise UsageError(mistake.error.message)


class Each(NamedTuple):
    """How records are called one by one.

    Attributes:
        chunk: how many are in a transaction.
        skip_scheduled: whether one is skipped that an older package of the task is about, and is not done with.
        policy: what the task says that exceptions mean.
    """

    chunk: int
    skip_scheduled: bool
    policy: RetryPolicy = RetryPolicy()


class Attempt(NamedTuple):
    """What has become of the records of a chunk."""

    outcomes: Outcomes
    wait: Skip | None
    """The skip of those that waits longest."""
    end: BaseException | None
    """What ended the run before all of them were attempted."""


class EachRecord:
    """Calls a handler for each record of a package that is not done yet.

    A record's writes are undone when it fails or is skipped, and those of the others stand. Each chunk is committed
    together with the outcomes, and only while the package is still held by this worker; the last one goes with the
    acknowledgement. So after a crash the package goes on behind the last chunk, and every effect is there once.

    It then begins with a chunk's worth of records one by one, so that the one that kills its worker is found: it has
    failed when the worker has died twice in a row and nothing was committed in between.

    Args:
        call: how the handler is called.
        each: how the task says that they are to be called.
        engine: gives the database.
    """

    def __init__(self, call: Call, each: Each, engine: Callable[[], Engine]) -> None:
        self._call = call
        self._chunk = each.chunk
        self._skips_scheduled = each.skip_scheduled
        self._policy = each.policy
        self._engine = engine

    async def run(self, calling: Calling, ctx: Context, package: WorkPackage) -> None:
        """Run the package.

        Raises:
            Fail: a record has failed; the message counts them.
            Skip: none has failed, and some were skipped.
            Retry, Cancel: a record wants that, or somebody has asked for the cancellation; those before it stand. Where
                the task's `on_error` says it of a record's error, that is raised.
            LeaseLost: somebody else has the package by now.
        """
        total, deaths = await calling.read(lambda: len(package)), ctx.job.crashes
        is_resumed = deaths > 0 and package.count(None) > 0
        came_to = Counter[Outcome]({how: package.count(how) for how in (_OUTCOMES if is_resumed else ("done",))})
        is_first, wait = True, None
        async with aclosing(self._chunks(calling, package, self._chunk if deaths else 0, is_resumed)) as chunks:
            async for chunk in chunks:
                is_deadly = is_first and deaths >= MOST_DEATHS
                await calling.ready()
                attempted = _given_up(ctx, chunk) if is_deadly else await self._attempt(calling, ctx, package, chunk)
                came_to.update(how for how, _ in attempted.outcomes.values())
                wait = _longer(wait, attempted.wait)
                await self._record(calling, package, attempted.outcomes, is_new_round=is_first and not is_resumed)
                if came_to["done"] < total:
                    has_come_on = bool(attempted.outcomes) and not is_deadly
                    await self._commit(calling, ctx, package, len(attempted.outcomes), has_come_on=has_come_on)
                if attempted.end is not None:
                    raise attempted.end
                is_first = False
                ctx.progress(came_to.total(), total)
        _end(came_to, wait)

    async def _chunks(
        self, calling: Calling, package: WorkPackage, alone: int, is_resumed: bool
    ) -> AsyncGenerator[list[Element], None]:
        """The elements to be attempted: all that are not done or, in a round that goes on, those not attempted yet.

        The first ones, as many as `alone` says, come one by one.
        """
        chunk: list[Element] = []
        pages = package.pages(is_open=True)
        while page := await calling.read(lambda: next(pages, None)):
            for element in page:
                if is_resumed and element.outcome is not None:
                    continue
                chunk.append(element)
                if alone or len(chunk) == self._chunk:
                    yield chunk
                    chunk, alone = [], max(0, alone - 1)
        if chunk:
            yield chunk

    async def _attempt(self, calling: Calling, ctx: Context, package: WorkPackage, chunk: Sequence[Element]) -> Attempt:
        """What becomes of some records. What is the fault of none of them is raised, so that all are undone."""
        attempt = Attempt({}, None, None)
        waiting = await self._scheduled(calling, package, chunk)
        loaded = await calling.load(element.record for element in chunk)
        for number, element in enumerate(chunk, start=1):
            try:
                _check(ctx)
                if element.position in waiting:
                    raise Skip(SCHEDULED)
                record = _found(element, loaded)
                package.check_tenant(element.record, record)
                async with calling.savepoint():
                    await self._call.run(calling, ctx, package, record)
                attempt.outcomes[element.position] = ("done", None)
            except (Retry, Cancel, TimeLimit, asyncio.CancelledError) as end:
                return attempt._replace(end=end)
            except Exception as error:
                if isinstance(error, SavepointLost) or is_transient(error):
                    _end_if_cancelled(error)
                    raise
                verdict = _verdict_on(error, self._policy)
                if isinstance(verdict, Retry | Cancel):
                    return attempt._replace(end=error)
                attempt = _undone(attempt, ctx, element, error, verdict)
            loaded = await calling.reload((one.record for one in chunk[number:]), loaded)
        return attempt

    async def _scheduled(self, calling: Calling, package: WorkPackage, chunk: Sequence[Element]) -> set[int]:
        """The positions of records that are to wait for an older package."""
        if not self._skips_scheduled:
            return set()
        return await calling.read(
            lambda: self._engine().list_scheduled(package.id, [element.position for element in chunk])
        )

    async def _record(self, calling: Calling, package: WorkPackage, outcomes: Outcomes, *, is_new_round: bool) -> None:
        """Store what has become of records; at first forget how they have failed or were skipped before.

        A crash is to leave out those of this round alone.
        """
        if is_new_round and (package.count("failed") or package.count("skipped")):
            await calling.run(self._engine().reopen_statement(package.id))
        await calling.run(self._engine().record_statement(package.id, outcomes))

    async def _commit(
        self, calling: Calling, ctx: Context, package: WorkPackage, count: int, *, has_come_on: bool
    ) -> None:
        """Commit a chunk, and what the handler has changed of the package with it, if it is still ours.

        When records were called, and the worker lives, those of its deaths that were before count no more.
        """
        engine, had_died = self._engine(), has_come_on and ctx.job.crashes > 0
        if had_died:
            await calling.run(engine.progress_statement(ctx.job))
        if package.is_changed:
            await calling.run(engine.put_statement(package.id, package.parameters_text))
        if not await calling.commit_with([engine.confirm_statement(ctx.job)]):
            raise LeaseLost(f"package {package.id} was given to somebody else; its last {count} records are undone")
        package.forget_changes()
        if had_died:
            ctx.job = replace(ctx.job, crashes=0)


def _verdict_on(error: Exception, policy: RetryPolicy) -> Verdict | None:
    """What an error of a record means, as it would mean it of the run of another task; None for a failure."""
    if isinstance(error, Verdict):
        return error
    return None if isinstance(error, UserError) else policy.verdict_on(error) or find_advice(error)


def _undone(attempt: Attempt, ctx: Context, element: Element, error: Exception, verdict: Verdict | None) -> Attempt:
    """What becomes of an attempt when a record was undone for this error, which means that."""
    reason = _reason(verdict if verdict is not None and verdict.reason else error)
    if isinstance(verdict, Skip):
        attempt.outcomes[element.position] = ("skipped", reason)
        return attempt._replace(wait=_longer(attempt.wait, verdict))
    attempt.outcomes[element.position] = ("failed", reason)
    ctx.log.warning("%s failed: %s", element.record, reason, exc_info=_shown(error))
    return attempt


def _end_if_cancelled(error: BaseException) -> None:
    """Raise the cancellation that came in the middle of a statement, after which nothing can be undone alone.

    Raises:
        asyncio.CancelledError: there was one.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, asyncio.CancelledError):
        behind = behind.__context__
    if behind is not None:
        raise behind


def _given_up(ctx: Context, chunk: Sequence[Element]) -> Attempt:
    """What becomes of the record with which the worker has died again and again: nobody calls it any more."""
    [element] = chunk
    ctx.log.warning("%s failed: %s", element.record, DEADLY)
    return Attempt({element.position: ("failed", DEADLY)}, None, None)


def _end(came_to: Mapping[Outcome, int], wait: Skip | None) -> None:
    """What the package comes to, unless all of its records are done."""
    failed, skipped = came_to["failed"], came_to["skipped"]
    said = f"{came_to['done']:,} done, {failed:,} failed, {skipped:,} skipped"
    if failed:
        raise Fail(said)
    if skipped:
        raise Skip(said) if wait is None else Skip(said, after=wait.after, spread=wait.spread)


def _longer(one: Skip | None, other: Skip | None) -> Skip | None:
    """The skip that waits longer."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda skip: skip.after + skip.spread)


def _check(ctx: Context) -> None:
    """End the run between two records.

    Raises:
        Cancel: somebody has asked for that.
        TimeLimit: its time is over.
    """
    ctx.check_cancelled()
    if ctx.is_late:
        raise TimeLimit("between two records")


def _found(element: Element, loaded: Mapping[Reference, Any]) -> Any:
    """The record of an element.

    Raises:
        RecordMissing: it is not there any more.
    """
    if element.record not in loaded:
        raise RecordMissing(f"{element.record} is not there any more")
    return loaded[element.record]


def _reason(error: BaseException) -> str:
    text = error.reason or "" if isinstance(error, Verdict) else message_of(error)
    if isinstance(error, UserError) and error.description:
        text = f"{text}; {error.description}"
    if not isinstance(error, Verdict | UserError) or not text:
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return storable(text)[:LONGEST_REASON]


def _shown(error: Exception) -> tuple[type[Exception], Exception, TracebackType | None] | None:
    """The error where it is one that nobody has foreseen, whose traceback, from the handler on, a person needs."""
    if isinstance(error, Verdict | UserError | RecordMissing):
        return None
    return type(error), error, handlers_part(error)
