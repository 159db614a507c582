"""The priority that packages inherit: what is enqueued as packages while one runs is as urgent as that one is.

Whoever runs the handler of a package does so in `passing_on()`; whoever enqueues one asks `inherited_priority()`.
It holds in that run alone, in its own thread or coroutine and what is awaited there; nothing is left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from packhorse.context import Context, current, find_current

_parent: ContextVar[Context | None] = ContextVar("packhorse_parent", default=None)


@contextmanager
def passing_on() -> Iterator[None]:
    """Around the handler of a package, in its job: what it enqueues as packages gets its priority.

    Raises:
        UsageError: no job is running here.
    """
    token = _parent.set(current())
    try:
        yield
    finally:
        _parent.reset(token)


@contextmanager
def own_priority() -> Iterator[None]:
    """Let the packages that are enqueued inside have the priority that they ask for, not that of the one that runs."""
    token = _parent.set(None)
    try:
        yield
    finally:
        _parent.reset(token)


def inherited_priority() -> int | None:
    """The priority of the package that is running here, which those that it enqueues get whatever they ask for.

    None outside a package's run, and inside `own_priority()`.
    """
    parent = _parent.get()
    return parent.job.priority if parent is not None and parent is find_current() else None
