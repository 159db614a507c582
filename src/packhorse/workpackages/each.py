"""Packages whose handler is called once for each record, in chunks that are committed with what became of them."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, cast

from packhorse.context import Context, TaskTransaction
from packhorse.domain.outcome import DEFAULT_SKIP, Cancel, Fail, Retry, Skip, UserError, Verdict, message_of
from packhorse.domain.package import Element, Outcome
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, LeaseLost, RecordMissing
from packhorse.runtime.run import is_transient
from packhorse.workpackages.package import WorkPackage
from packhorse.workpackages.records import RecordTypes

Outcomes = dict[int, tuple[Outcome, str | None]]
"""What has become of records, by their positions, and why."""
LONGEST_REASON = 500
"""Characters that are kept of why a record failed or was skipped."""


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
        count = len(inspect.signature(handler).parameters)
        if inspect.iscoroutinefunction(handler) or not 1 <= count <= 3:  # noqa: PLR2004 - (ctx, package, record)
            raise ConfigurationError(
                f"{handler.__qualname__} can't be called for each record: it must be a plain def that takes "
                "(record), (ctx, record) or (ctx, package, record)"
            )
        return cls(handler, count)

    def run(self, ctx: Context, package: WorkPackage, record: Any) -> None:
        """Call it; what it returns may be a verdict, as if it had raised it."""
        given = {1: (record,), 2: (ctx, record), 3: (ctx, package, record)}[self.takes]
        value = self.handler(*given)
        if isinstance(value, (Verdict, UserError)):
            raise value


class EachRecord:
    """Calls a handler for each record of a package that is not done yet.

    A record's writes are undone when it fails or is skipped, and those of the others stand. Each chunk is committed
    together with the outcomes, and only while the package is still held by this worker; the last one goes with the
    acknowledgement. So after a crash the package goes on behind the last chunk, and every effect is there once.

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
            LeaseLost: somebody else has the package by now.
        """
        total, after = len(package), DEFAULT_SKIP
        came_to = Counter[Outcome]({"done": package.count("done")})
        chunks = self._chunks(package)
        chunk = next(chunks, None)
        while chunk is not None:
            outcomes, wait = self._attempt(ctx, package, chunk)
            came_to.update(how for how, _ in outcomes.values())
            after = max(after, wait)
            chunk = next(chunks, None)
            if chunk is None and came_to["done"] == total:
                ctx.tx.run(self._engine().record_statement(package.id, outcomes))
            else:
                self._commit(ctx, package, outcomes)
            ctx.progress(came_to.total(), total)
        _end(came_to, after)

    def _chunks(self, package: WorkPackage) -> Iterator[list[Element]]:
        chunk: list[Element] = []
        for element in package.elements(is_open=True):
            chunk.append(element)
            if len(chunk) == self._chunk:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _attempt(self, ctx: Context, package: WorkPackage, chunk: Sequence[Element]) -> tuple[Outcomes, timedelta]:
        """What becomes of some records, and how long those that were skipped are to wait."""
        loaded = self._records.load(ctx.tx, [element.record for element in chunk])
        outcomes: Outcomes = {}
        later = timedelta(0)
        for element in chunk:
            try:
                if element.record not in loaded:
                    raise RecordMissing(f"{element.record} is not there any more")
                with _transaction(ctx).savepoint():
                    self._call.run(ctx, package, loaded[element.record])
                outcomes[element.position] = ("done", None)
            except (Retry, Cancel):
                raise
            except Skip as skip:
                outcomes[element.position] = ("skipped", _reason(skip))
                later = max(later, skip.after)
            except Exception as error:
                if is_transient(error):
                    raise
                ctx.log.warning("%s failed: %s", element.record, _reason(error))
                outcomes[element.position] = ("failed", _reason(error))
        return outcomes, later

    def _commit(self, ctx: Context, package: WorkPackage, outcomes: dict[int, Any]) -> None:
        engine = self._engine()
        ctx.tx.run(engine.record_statement(package.id, outcomes))
        if not _transaction(ctx).commit_with([engine.confirm_statement(ctx.job)]):
            raise LeaseLost(
                f"package {package.id} was given to somebody else; its last {len(outcomes)} records are undone"
            )


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


def _reason(error: BaseException) -> str:
    if isinstance(error, Verdict):
        return (error.reason or type(error).__name__)[:LONGEST_REASON]
    text = message_of(error)
    return (text if isinstance(error, UserError) else f"{type(error).__name__}: {text}")[:LONGEST_REASON]
