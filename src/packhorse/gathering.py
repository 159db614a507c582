"""What a request enqueues without a connection, kept back until it is known whether the request went well.

Nothing is written meanwhile, so no lock is held for as long as a handler takes. All of it is stored at once, or none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Generic, TypeVar

from packhorse.context import Context, find_current
from packhorse.enqueuer import Enqueuer, Stored
from packhorse.errors import UsageError
from packhorse.handle import JobHandle
from packhorse.preparing import Prepared
from packhorse.task import Call

R_co = TypeVar("R_co", covariant=True)


class GatheredHandle(JobHandle[R_co], Generic[R_co], eq=False):
    """A job to be: it gets its number when what was gathered is stored."""

    _stored_id: int | None = None
    _is_dropped: bool = False

    @property  # type: ignore[misc]  # elsewhere it is a plain attribute
    def id(self) -> int:  # type: ignore[override]  # the same
        """The job's number.

        Raises:
            UsageError: it is not stored yet, or never will be.
        """
        if self._stored_id is None:
            what = "was dropped with the request" if self._is_dropped else "has no id before the request's response"
            raise UsageError(f"this job {what}: to know its id at once enqueue it on a connection, using(conn=…)")
        return self._stored_id

    def become(self, stored: Stored | None) -> None:
        """Be the job that was stored; None when it was dropped."""
        if stored is None:
            self._is_dropped = True
        else:
            self._stored_id, self._key, self._queue, _ = stored

    def __repr__(self) -> str:
        return "<GatheredHandle>" if self._stored_id is None else f"<GatheredHandle {self._stored_id}>"


class Gathering:
    """What was enqueued while it was open; made by `app.gathering()`.

    Args:
        enqueuer: prepares and stores the calls.
        handle: makes the handle of one.
    """

    def __init__(self, enqueuer: Enqueuer, handle: Callable[[Call[Any]], GatheredHandle[Any]]) -> None:
        self._enqueuer = enqueuer
        self._handle = handle
        self._context: Context | None = find_current()
        self._lock = threading.Lock()
        self._is_open = True
        self._calls: list[Call[Any]] = []
        self._prepared: list[Prepared] = []
        self._handles: list[GatheredHandle[Any]] = []

    def end(self) -> bool:
        """Gather no more: what comes now is stored at once. Whether something waits to be stored."""
        with self._lock:
            self._is_open = False
            return bool(self._calls)

    def store(self) -> None:
        """Store all of it in one transaction of its own, and gather no more.

        Raises:
            DatabaseError: the database can't store it; all of it is dropped.
        """
        calls, prepared, handles = self._taken()
        if not calls:
            return
        try:
            stored = self._enqueuer.store_prepared(calls, prepared)
        except BaseException:
            _forget(handles)
            raise
        for handle, one in zip(handles, stored, strict=True):
            handle.become(one)

    def drop(self) -> None:
        """Store none of it, and gather no more."""
        _forget(self._taken()[2])

    def is_for(self, enqueuer: Enqueuer) -> bool:
        """Whether it gathers what this application enqueues here; not what a job does that is run inside it."""
        return self._is_open and self._enqueuer is enqueuer and self._context is find_current()

    def take(self, calls: Sequence[Call[Any]]) -> list[JobHandle[Any]] | None:
        """Check the calls and keep them back; None where it has ended.

        Raises:
            PayloadError: an argument would not survive, or does not fit.
        """
        with self._lock:
            if not self._is_open:
                return None
            prepared = self._enqueuer.prepare_all(calls)
            handles = [self._handle(call) for call in calls]
            self._calls += calls
            self._prepared += prepared
            self._handles += handles
        return [*handles]

    def _taken(self) -> tuple[list[Call[Any]], list[Prepared], list[GatheredHandle[Any]]]:
        """What it has gathered, for the first who asks."""
        with self._lock:
            taken = self._calls, self._prepared, self._handles
            self._is_open, self._calls, self._prepared, self._handles = False, [], [], []
        return taken


def _forget(handles: Iterable[GatheredHandle[Any]]) -> None:
    for handle in handles:
        handle.become(None)


_open: ContextVar[tuple[Gathering, ...]] = ContextVar("packhorse_gathering", default=())
"""Where a task or thread begins with a copy, as those of a request do. One that outlives the request finds it ended."""


@contextmanager
def opened(gathering: Gathering) -> Iterator[Gathering]:
    """Gather in this task or thread, and in those that it starts; what is not stored at the end is dropped."""
    token = gather_here(gathering)
    try:
        yield gathering
    finally:
        _open.reset(token)
        gathering.drop()


def gather_here(gathering: Gathering) -> Token[tuple[Gathering, ...]]:
    """Gather to the end of a `contextvars.Context` that is made for this alone."""
    return _open.set((*_open.get(), gathering))


def find_gathering(enqueuer: Enqueuer, calls: Iterable[object], conn: object | None) -> Gathering | None:
    """What keeps these calls back: they have no connection, and there is no transaction here that they belong to.

    A job of a batch is none of them: the batch is stored at once, and may be closed before the request's end.
    """
    gatherings = _open.get() if conn is None else ()
    if not gatherings or any(isinstance(call, Call) and call.options.batch is not None for call in calls):
        return None
    found = next((one for one in reversed(gatherings) if one.is_for(enqueuer)), None)
    return None if found is None or enqueuer.has_transaction() else found
