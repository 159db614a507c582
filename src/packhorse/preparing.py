"""How calls become jobs: encoded, shown to the middleware, and put into parcels of a size that one statement stores."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from packhorse.domain.acting import Acting, meta_of
from packhorse.domain.job import DEFAULT_QUEUE, NewJob
from packhorse.domain.order import DEFAULT_PRIORITY, priority_number
from packhorse.domain.package import NewPackage
from packhorse.domain.payload import encode_value
from packhorse.domain.signature import encode_plain_call
from packhorse.errors import PayloadError
from packhorse.middleware import Draft, EnqueueHooks
from packhorse.options import Options
from packhorse.routing import Lead, Routing
from packhorse.task import Call

log: logging.Logger = logging.getLogger("packhorse")

MOST_TEXT = 4 * 1024 * 1024
"""How many characters of arguments one statement holds at most, unless one job has more."""
CHUNK = 1000
"""How many jobs one statement stores at most."""


class Prepared(msgspec.Struct, frozen=True):
    """A call on its way into the database."""

    job: NewJob
    draft: Draft | None
    """What the middleware has seen, if there is any."""


class Preparer:
    """Makes jobs of calls.

    Args:
        hooks: the middleware that watches enqueues.
        routing: says where the jobs of a task go.
        acting: gives what every job's `meta` takes along of on whose behalf it is enqueued; None for nothing.
    """

    def __init__(self, hooks: EnqueueHooks, routing: Routing, acting: Callable[[], dict[str, Any] | None]) -> None:
        self._hooks = hooks
        self._routing = routing
        self._acting = acting

    async def warm_up(self) -> None:
        """Read the rules of run time, beside the event loop, where that was not done yet."""
        if not self._routing.is_warm():
            await asyncio.to_thread(self._routing.in_force)

    def prepare(self, calls: Iterable[Call[Any]]) -> list[Prepared]:
        """The jobs that calls come to, in their order.

        Raises:
            PayloadError: an argument would not survive, or does not fit.
        """
        lead, acting = self._routing.in_force(), self._acting()
        meta = None if acting is None else encode_value(acting, path="acting")
        return [self._prepare_one(call, lead, meta, acting) for call in calls]

    def _prepare_one(
        self, call: Call[Any], lead: Lead | None, meta: str | None, acting: dict[str, Any] | None
    ) -> Prepared:
        if not isinstance(call, Call):
            raise TypeError(f"enqueue_many takes calls, such as send_invoice.call(42), not {call!r}")
        texts = _encoded(call)
        draft = None
        options = call.options
        if lead is not None and not call.is_placed:
            options = lead.options_for(call.task, options)
        if self._hooks:
            draft = Draft(call.task, call.args, call.kwargs, options)
            self._hooks.enqueuing(draft)
            options, meta = draft.options, _encode_meta(draft, meta, acting)
        return Prepared(_job(call.task, texts, options, meta, call.package), draft)


def plain_job(call: Call[Any], acting: Acting) -> NewJob:
    """The job that a call comes to when no middleware sees it, on somebody's behalf: what a schedule enqueues.

    Raises:
        PayloadError: an argument, or something in `acting.extra`, would not survive, or does not fit.
    """
    meta = meta_of(acting)
    text = None if meta is None else encode_value(meta, path="acting")
    return _job(call.task, _encoded(call), call.options, text, call.package)


def key_order(calls: Sequence[object]) -> Sequence[int]:
    """In which order to store calls that need several statements; empty to leave them as they are.

    By unique keys, so that two producers of the same ones don't wait for each other in a circle.
    """
    if len(calls) <= CHUNK:
        return ()
    names = [(call.task, call.options.unique_key or "") if isinstance(call, Call) else ("", "") for call in calls]
    return sorted(range(len(calls)), key=names.__getitem__) if any(key for _, key in names) else ()


def parcels(jobs: Sequence[NewJob]) -> list[Sequence[NewJob]]:
    """The jobs in order, at most `CHUNK` together, and no more text than a message should hold."""
    cut, size, start = list[Sequence[NewJob]](), 0, 0
    for at, job in enumerate(jobs):
        more = len(job.args) + len(job.kwargs or "") + len(job.meta or "")
        more += len(job.package.parameters) if job.package else 0
        if at > start and (at - start == CHUNK or size + more > MOST_TEXT):
            cut.append(jobs[start:at])
            size, start = 0, at
        size += more
    return [*cut, jobs[start:]] if jobs else []


def _encoded(call: Call[Any]) -> tuple[str, str | None]:
    """The arguments as texts."""
    if call.signature is None:
        return encode_plain_call(call.args, call.kwargs)
    return call.signature.encode(call.args, call.kwargs)


def _job(
    task: str, texts: tuple[str, str | None], options: Options, meta: str | None, package: NewPackage | None = None
) -> NewJob:
    args, kwargs = texts
    return NewJob(
        task=task,
        args=args,
        kwargs=kwargs,
        queue=options.queue or DEFAULT_QUEUE,
        priority=DEFAULT_PRIORITY if options.priority is None else priority_number(options.priority),
        scheduled_at=options.scheduled_at,
        delay=options.delay,
        expected_at=options.expected_at,
        expected_in=options.expected_in,
        max_attempts=options.max_attempts,
        meta=meta,
        keys=options.keys,
        package=package,
    )


def _encode_meta(draft: Draft, meta: str | None, acting: dict[str, Any] | None) -> str | None:
    """With what middleware sends along; on whose behalf the job is enqueued is not left out with that."""
    try:
        return encode_value({**draft.meta, **(acting or {})}, path="meta") if draft.meta else meta
    except PayloadError:
        log.exception("what middleware sends along with a job of task %s can't be stored; left out", draft.task)
        return meta
