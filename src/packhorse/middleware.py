"""Middleware: code of the application around every enqueue and every run.

    class Tenant(Middleware):
        def enqueuing(self, draft):
            draft.meta["tenant"] = tenant.get()

        @contextmanager
        def running(self, context):
            if "tenant" not in context.meta:
                raise Fail("enqueued without a tenant")
            token = tenant.set(context.meta["tenant"])
            try:
                yield
            finally:
                tenant.reset(token)

    app = Packhorse(middleware=[Tenant()])

A hook that raises is logged as an error, naming the middleware, and left out: the job is enqueued, run and
acknowledged all the same. But an outcome (Fail, Skip, Retry, Cancel) that `running` raises before the handler is
called stands for the run: the handler is not called. To refuse a job's enqueue, check where it is enqueued.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packhorse.options import NO_OPTIONS, Options

if TYPE_CHECKING:
    from packhorse.context import Context
    from packhorse.domain.decide import Ack

log: logging.Logger = logging.getLogger("packhorse.middleware")


@dataclass(slots=True)
class Draft:
    """A job that is about to be enqueued; a hook may change `options` and `meta`.

    Attributes:
        task: the name of the task.
        args: the positional arguments as the caller gave them; not to be changed.
        kwargs: the keyword arguments as the caller gave them; not to be changed.
        options: how it is to be enqueued; replace it as a whole, as in `draft.options.changed(queue="slow")`.
        meta: what travels with the job, a JSON object; the handler reads it as `context.meta`.
    """

    task: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    options: Options = NO_OPTIONS
    meta: dict[str, Any] = field(default_factory=dict)


class Middleware:
    """The base of all middleware: override the hooks that you need.

    They are called in the order in which the middleware is listed, the first one outermost.
    """

    def enqueuing(self, draft: Draft) -> None:
        """Called before a job is stored, in the producer's thread; what it changes in the draft is stored."""

    def enqueued(self, draft: Draft, job_id: int) -> None:
        """Called when the job has its id; the producer's transaction may still be open, and may yet roll back.

        In the thread that stored it: not in the coroutine's own, for an enqueue that has no connection. Inline it comes
        before the run; a worker elsewhere may have begun already.
        """

    def running(self, context: Context) -> AbstractContextManager[object]:
        """Entered before the handler is called and left after it, in the handler's own thread or coroutine.

        What the handler raised goes through it, and can't be swallowed there.

        Raises:
            Verdict: what the run comes to without the handler's being called.
        """
        return nullcontext()

    def finished(self, context: Context, ack: Ack) -> None:
        """Called after the run, when it is decided what follows.

        Args:
            context: the run's; its `job` is as it was claimed.
            ack: `outcome` (`success`, `retry`, `skip`, `fail`, `cancel`), `state` (what the job becomes), `error`
                (None, or its `type`, `message` and `traceback`), `reason`, `result` (JSON text).
        """


class EnqueueHooks:
    """The middleware that watches enqueues, in order; survives hooks that fail."""

    def __init__(self, middleware: Sequence[Middleware] = ()) -> None:
        self._all = [one for one in middleware if _watches_enqueues(one)]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._all)

    def enqueuing(self, draft: Draft) -> None:
        """Tell all before the job is stored; what a failing one has changed is undone."""
        for one in self._all:
            options, meta = draft.options, dict(draft.meta)
            try:
                one.enqueuing(draft)
            except Exception:
                draft.options, draft.meta = options, meta
                log.exception("middleware %s failed before a job of task %s was stored", _name(one), draft.task)

    def enqueued(self, draft: Draft, job_id: int) -> None:
        """Tell all after the job was stored, the innermost first."""
        for one in reversed(self._all):
            try:
                one.enqueued(draft, job_id)
            except Exception:
                log.exception("middleware %s failed after job %d was stored", _name(one), job_id)


def _watches_enqueues(middleware: Middleware) -> bool:
    kind = type(middleware)
    return kind.enqueuing is not Middleware.enqueuing or kind.enqueued is not Middleware.enqueued


def _name(middleware: Middleware) -> str:
    return type(middleware).__qualname__
