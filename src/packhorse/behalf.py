"""On whose behalf something is done here: said around an enqueue, it travels with the job to its handler.

    with acting_as(tenant="acme", user=7):
        send_invoice.enqueue(42)

    @app.task
    def send_invoice(invoice_id):
        acting().user  # 7

A handler has what its job was enqueued with and nothing of what surrounds it, also inline, where that is another's.
What it enqueues has the same. Nothing is set and nothing is cleaned up around a run: it is asked of the running job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from packhorse.context import Context, find_current
from packhorse.domain.acting import NOBODY, Acting, Id, RolesOf, meta_of
from packhorse.errors import UsageError
from packhorse.middleware import Middleware

Asked = Callable[[], Acting | None]
"""Gives on whose behalf the application acts, for one that keeps it elsewhere; None is nobody."""


class _Block(Struct, frozen=True):
    """What the open blocks of `acting_as` say together."""

    context: Context | None
    """The job inside which they were entered: they say nothing about others."""
    base: Acting | None
    changes: Mapping[str, Id]
    extra: Mapping[str, Any]
    asked: Asked | None = None
    """What is asked where there is no base; None from it is answered further out."""

    def over(self, acting: Acting) -> Acting:
        """What it changes of what is below."""
        return replace(acting, **self.changes, extra={**acting.extra, **self.extra})


_block: ContextVar[_Block | None] = ContextVar("packhorse_acting", default=None)


def acting() -> Acting:
    """On whose behalf this is done: that of the running job, as changed by the blocks of `acting_as` around here.

    Outside a job it is what those blocks say; what `app.acting_from` gives is asked for at an enqueue only.

    Raises:
        PayloadError: what the running job was enqueued with can't be read.
    """
    return _resolved(None)


@contextmanager
def acting_as(
    base: Acting | None = None,
    /,
    *,
    tenant: Id | UnsetType = UNSET,
    organisation: Id | UnsetType = UNSET,
    user: Id | UnsetType = UNSET,
    role: Id | UnsetType = UNSET,
    process: Id | UnsetType = UNSET,
    creator: Id | UnsetType = UNSET,
    extra: Mapping[str, Any] | UnsetType = UNSET,
) -> Iterator[Acting]:
    """Act on somebody's behalf inside the block, in this thread or coroutine; gives what `acting()` then gives.

    What is not given stays as it is around the block, also what is only known at an enqueue.

    Args:
        base: what to begin with, in place of what is around; `Acting()` is nobody.
        tenant: whose data it is about; None is none.
        organisation: the part of the tenant.
        user: who does it.
        role: in which role; another user's has to be given, too.
        process: the process of the application that it belongs to.
        creator: who counts as the user of a job that is enqueued without one.
        extra: JSON values to add, by name.

    Raises:
        UsageError: one is neither a text nor a whole number nor None; or `extra` is no mapping.
    """
    named = {
        "tenant": tenant,
        "organisation": organisation,
        "user": user,
        "role": role,
        "process": process,
        "creator": creator,
    }
    changes = {name: value for name, value in named.items() if not isinstance(value, UnsetType)}
    added = {} if isinstance(extra, UnsetType) else extra
    Acting(**changes, extra=added)  # refuses what is none
    token = _block.set(_inside(base, changes, added))
    try:
        yield acting()
    finally:
        _block.reset(token)


@contextmanager
def acting_asked(asked: Asked) -> Iterator[None]:
    """Act inside the block on whose behalf this function says, which is asked anew by every enqueue and `acting()`.

    For what is known later than the block begins: a request's user. Where it gives None, all is as without it.
    """
    token = ask_here(asked)
    try:
        yield
    finally:
        _block.reset(token)


def ask_here(asked: Asked) -> Token[_Block | None]:
    """The same to the end of a `contextvars.Context` that is made for this alone."""
    return _block.set(replace(_inside(None, {}, {}), asked=asked))


class Behalf:
    """Where an application's enqueues learn on whose behalf they are made."""

    def __init__(self) -> None:
        self.asked: Asked | None = None

    def meta(self) -> dict[str, Any] | None:
        """What the jobs that are enqueued here take along in their `meta`; None, quickly, where that is nothing.

        Raises:
            PayloadError: it would not survive, or that of the running job can't be read.
        """
        context = find_current()
        if _block.get() is None and (self.asked is None if context is None else context.job.meta is None):
            return None
        return meta_of(_resolved(self.asked))


class RoleHook(Middleware):
    """Tells each run where its user's roles are found, if it asks.

    Args:
        roles_of: gives the roles that are valid for a user.
    """

    def __init__(self, roles_of: RolesOf) -> None:
        self._roles_of = roles_of

    def running(self, context: Context) -> AbstractContextManager[object]:
        """Nothing is asked yet."""
        context.roles_of = self._roles_of
        return nullcontext()


def _inside(base: Acting | None, changes: Mapping[str, Id], extra: Mapping[str, Any]) -> _Block:
    context, around = find_current(), _block.get()
    if base is not None or around is None or around.context is not context:
        return _Block(context, base, changes, dict(extra))
    return replace(around, changes={**around.changes, **changes}, extra={**around.extra, **extra})


def _resolved(asked: Asked | None) -> Acting:
    """A running job is not asked about: around it, inline, is somebody else."""
    context, block = find_current(), _block.get()
    if block is not None and block.context is not context:
        block = None
    if block is not None and block.base is not None:
        below = block.base
    elif context is not None:
        below = context.acting
    else:
        below = _answer(None if block is None else block.asked) or _answer(asked) or NOBODY
    return below if block is None else block.over(below)


def _answer(asked: Asked | None) -> Acting | None:
    given = None if asked is None else asked()
    if not isinstance(given, Acting | None):
        raise UsageError(f"what tells on whose behalf the application acts must give an Acting or None, not {given!r}")
    return given
