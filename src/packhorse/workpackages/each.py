"""Packages whose handler is called once for each record, in chunks that are committed with what became of them."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple, cast

from msgspec.structs import replace

from packhorse.context import Context, TaskTransaction
from packhorse.domain.outcome import Cancel, Fail, Retry, Skip, UserError, Verdict, message_of
from packhorse.domain.package import Element, Outcome, Reference
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, LeaseLost, RecordMissing, SavepointLost, UsageError
from packhorse.runtime.mistakes import mistake_in
from packhorse.runtime.report import storable
from packhorse.runtime.run import TimeLimit, is_transient
from packhorse.workpackages.package import WorkPackage
from packhorse.workpackages.records import RecordTypes

Outcomes = dict[int, tuple[Outcome, str | None]]
"""What has become of records, by their positions, and why."""
LONGEST_REASON = 500
"""Characters that are kept of why a record failed or was skipped."""

MOST_DEATHS = 2
"""How often in a row the worker may die with the same record."""
DEADLY = "worker_lost: the worker has died twice in a row while it was called for this record"

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
            ConfigurationError: it is a coroutine function, or takes none of the three forms.
        """
        parameters = inspect.signature(handler).parameters.values()
        is_plain = all(one.kind in _BY_POSITION and one.default is inspect.Parameter.empty for one in parameters)
        if inspect.iscoroutinefunction(handler) or not is_plain or not 1 <= len(parameters) <= MOST_TAKEN:
            raise ConfigurationError(
                f"{handler.__qualname__} can't be called for each record: it must be a plain def that takes "
                "(record), (ctx, record) or (ctx, package, record)"
            )
        return cls(handler, len(parameters))

    def run(self, ctx: Context, package: WorkPackage, record: Any) -> None:
        """Call it; what it returns may be a verdict, as if it had raised it.

        Raises:
            UsageError: it has returned what nobody can have meant.
        """
        given = {1: (record,), 2: (ctx, record), 3: (ctx, package, record)}[self.takes]
        value = self.handler(*given)
        if isinstance(value, (Verdict, UserError)):
            raise value
        mistake = mistake_in(value)
        if mistake is not None:
            raise UsageError(mistake.error.message)


class Attempt(NamedTuple):
    """What has become of the records of a chunk."""

    outcomes: Outcomes
    wait: timedelta
    """How long those that were skipped are to wait."""
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
        chunk: how many records are in a transaction.
        engine: gives the database.
        records: what kinds of records there are.
    """

    def __init__(self, call: Call, chunk: int, engine: Callable[[], Engine], records: RecordTypes) -> None:
        self._call = call
        self._chunk = chunk
        self._engine = engine
        self._records = records

    def __call__(self, ctx: Context, package: WorkPackage) -> None:
        """Run the package.

        Raises:
            Fail: a record has failed; the message counts them.
            Skip: none has failed, and some were skipped.
            Retry, Cancel: a record wants that, or somebody has asked for the cancellation; those before it stand.
            LeaseLost: somebody else has the package by now.
        """
        total, after, deaths = len(package), timedelta(0), ctx.job.crashes
        came_to = Counter[Outcome]({how: package.count(how) for how in (_OUTCOMES if deaths else ("done",))})
        for number, chunk in enumerate(self._chunks(package, deaths)):
            is_deadly = number == 0 and deaths >= MOST_DEATHS
            outcomes, wait, end = _given_up(ctx, chunk) if is_deadly else self._attempt(ctx, package, chunk)
            came_to.update(how for how, _ in outcomes.values())
            after = max(after, wait)
            if number == 0 and not deaths:
                self._begin_round(ctx, package)
            ctx.tx.run(self._engine().record_statement(package.id, outcomes))
            if came_to["done"] < total:
                self._commit(ctx, package, len(outcomes), has_come_on=bool(outcomes) and not is_deadly)
            if end is not None:
                raise end
            ctx.progress(came_to.total(), total)
        _end(came_to, after)

    def _chunks(self, package: WorkPackage, deaths: int) -> Iterator[list[Element]]:
        """The elements to be attempted: all that are not done or, after a crash, those that were not attempted yet."""
        chunk: list[Element] = []
        alone = self._chunk if deaths else 0
        for element in package.elements(is_open=True):
            if deaths and element.outcome is not None:
                continue
            chunk.append(element)
            if alone or len(chunk) == self._chunk:
                yield chunk
                chunk, alone = [], max(0, alone - 1)
        if chunk:
            yield chunk

    def _begin_round(self, ctx: Context, package: WorkPackage) -> None:
        """Forget how records have failed or were skipped before: a crash is to leave out those of this round alone."""
        if package.count("failed") or package.count("skipped"):
            ctx.tx.run(self._engine().reopen_statement(package.id))

    def _attempt(self, ctx: Context, package: WorkPackage, chunk: Sequence[Element]) -> Attempt:
        """What becomes of some records. What is the fault of none of them is raised, so that all are undone."""
        _transaction(ctx).ready()
        loaded = self._records.load(ctx.tx, [element.record for element in chunk])
        outcomes: Outcomes = {}
        wait = timedelta(0)
        for element in chunk:
            try:
                _check(ctx)
                record = _found(element, loaded)
                package.check_tenant(element.record, record)
                with _transaction(ctx).savepoint():
                    self._call.run(ctx, package, record)
                outcomes[element.position] = ("done", None)
            except (Retry, Cancel, TimeLimit) as end:
                return Attempt(outcomes, wait, end)
            except Skip as skip:
                outcomes[element.position] = ("skipped", _reason(skip))
                wait = max(wait, skip.after)
            except Exception as error:
                if isinstance(error, SavepointLost) or is_transient(error):
                    raise
                outcomes[element.position] = ("failed", _reason(error))
                ctx.log.warning("%s failed: %s", element.record, _reason(error), exc_info=_shown(error))
        return Attempt(outcomes, wait, None)

    def _commit(self, ctx: Context, package: WorkPackage, count: int, *, has_come_on: bool) -> None:
        """Commit a chunk, and what the handler has changed of the package with it, if it is still ours.

        When records were called, and the worker lives, those of its deaths that were before count no more.
        """
        engine, had_died = self._engine(), has_come_on and ctx.job.crashes > 0
        if had_died:
            ctx.tx.run(engine.progress_statement(ctx.job))
        if package.is_changed:
            ctx.tx.run(engine.put_statement(package.id, package.parameters_text))
        if not _transaction(ctx).commit_with([engine.confirm_statement(ctx.job)]):
            raise LeaseLost(f"package {package.id} was given to somebody else; its last {count} records are undone")
        package.forget_changes()
        if had_died:
            ctx.job = replace(ctx.job, crashes=0)


def _given_up(ctx: Context, chunk: Sequence[Element]) -> Attempt:
    """What becomes of the record with which the worker has died again and again: nobody calls it any more."""
    [element] = chunk
    ctx.log.warning("%s failed: %s", element.record, DEADLY)
    return Attempt({element.position: ("failed", DEADLY)}, timedelta(0), None)


def _end(came_to: Mapping[Outcome, int], after: timedelta) -> None:
    """What the package comes to, unless all of its records are done."""
    failed, skipped = came_to["failed"], came_to["skipped"]
    said = f"{came_to['done']:,} done, {failed:,} failed, {skipped:,} skipped"
    if failed:
        raise Fail(said)
    if skipped:
        raise Skip(said, after=after)


def _transaction(ctx: Context) -> TaskTransaction:
    """That of an atomic task with a plain handler, which alone can be called for each record."""
    return cast("TaskTransaction", ctx.transaction)


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


def _shown(error: Exception) -> Exception | None:
    """The error where it is one that nobody has foreseen, whose traceback a person needs."""
    return None if isinstance(error, Verdict | UserError | RecordMissing) else error
