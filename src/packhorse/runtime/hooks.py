"""Middleware around a run: ordered, and a failing one is reported and loses nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from packhorse.context import Context
from packhorse.domain.decide import Ack

log: logging.Logger = logging.getLogger("packhorse.middleware")


class RunHook(Protocol):
    """The part of a middleware that sees runs."""

    def running(self, context: Context) -> AbstractContextManager[object]:
        """Entered before the handler is called, left after it has ended."""
        ...

    def finished(self, context: Context, ack: Ack) -> None:
        """Called after it was decided what follows."""
        ...


class Hooks:
    """All middleware of an application, the first one outermost."""

    def __init__(self, hooks: Sequence[RunHook] = ()) -> None:
        self._hooks = tuple(hooks)

    @contextmanager
    def around(self, context: Context) -> Iterator[None]:
        """Enter every hook, in order, for a run; leave them in reverse, showing each what the handler raised."""
        entered = [(hook, manager) for hook in self._hooks if (manager := _enter(hook, context))]
        raised: BaseException | None = None
        try:
            yield
        except BaseException as error:
            raised = error
            raise
        finally:
            for hook, manager in reversed(entered):
                _leave(hook, manager, context, raised)

    def finished(self, context: Context, ack: Ack) -> None:
        """Tell every hook what follows."""
        for hook in self._hooks:
            try:
                hook.finished(context, ack)
            except Exception:
                log.exception("middleware %s failed after job %d", _name(hook), context.job.id)


def _enter(hook: RunHook, context: Context) -> AbstractContextManager[object] | None:
    try:
        manager = hook.running(context)
        manager.__enter__()
    except Exception:
        log.exception("middleware %s failed before job %d, which runs all the same", _name(hook), context.job.id)
        return None
    return manager


def _leave(
    hook: RunHook, manager: AbstractContextManager[object], context: Context, raised: BaseException | None
) -> None:
    try:
        manager.__exit__(type(raised) if raised else None, raised, raised.__traceback__ if raised else None)
    except Exception as error:
        if error is not raised:
            log.exception("middleware %s failed after job %d", _name(hook), context.job.id)


def _name(thing: object) -> str:
    return type(thing).__qualname__
