"""Middleware around a run: ordered, and a failing one is reported and loses nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from packhorse.context import Context
from packhorse.domain.decide import Ack
from packhorse.domain.outcome import UserError, Verdict

log: logging.Logger = logging.getLogger("packhorse.middleware")


class RunHook(Protocol):
    """The part of a middleware that sees runs."""

    def running(self, context: Context) -> AbstractContextManager[object]:
        """Entered before the handler is called, left after it has ended; an outcome that it raises is the run's."""
        ...

    def finished(self, context: Context, ack: Ack) -> None:
        """Called after it was decided what follows."""
        ...


NOTHING: AbstractContextManager[None] = nullcontext()
"""Around a run where there is no middleware."""
Entered = tuple[RunHook, AbstractContextManager[object]]


class Hooks:
    """All middleware of an application, the first one outermost."""

    def __init__(self, hooks: Sequence[RunHook] = ()) -> None:
        self._hooks = tuple(hooks)

    def around(self, context: Context) -> AbstractContextManager[None]:
        """Enter every hook, in order, for a run; leave them in reverse, showing each what the handler raised.

        Raises:
            Verdict: a hook's own, in place of a run; those before it are left.
        """
        return self._around(context) if self._hooks else NOTHING

    @contextmanager
    def _around(self, context: Context) -> Iterator[None]:
        entered: list[Entered] = []
        raised: BaseException | None = None
        try:
            for hook in self._hooks:
                entered += _entered(hook, context)
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


def _entered(hook: RunHook, context: Context) -> Sequence[Entered]:
    """What is to be left after the run: nothing of a hook that failed."""
    try:
        manager = hook.running(context)
        manager.__enter__()
    except (Verdict, UserError):
        raise
    except Exception:
        log.exception("middleware %s failed before job %d, which runs all the same", _name(hook), context.job.id)
        return ()
    return ((hook, manager),)


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
