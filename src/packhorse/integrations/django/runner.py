"""How jobs are run under Django: atomic handlers in `transaction.atomic`, and no stale connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from django.db import connections

from packhorse.context import Context
from packhorse.domain.decide import Ack
from packhorse.integrations.django.database import alias_in
from packhorse.integrations.django.transaction import AtomicTransaction, no_async_transaction
from packhorse.runtime.hooks import Hooks, RunHook
from packhorse.runtime.run import Runner
from packhorse.task import TaskRegistry


class FreshConnections:
    """Closes connections that are broken or too old around every run, as Django does around every request."""

    @contextmanager
    def running(self, context: Context) -> Iterator[None]:
        """Before and after the handler."""
        _close_old_connections()
        try:
            yield
        finally:
            _close_old_connections()

    def finished(self, context: Context, ack: Ack) -> None:
        """Nothing follows."""


class DjangoTasks:
    """Tells the signals of Django's task API which of its tasks have ended.

    That they begin is told where their function is called, which may be in a child process.
    """

    def __init__(self, registry: TaskRegistry) -> None:
        self._registry = registry

    def running(self, context: Context) -> AbstractContextManager[object]:
        """Nothing is to be done around the run."""
        return nullcontext()

    def finished(self, context: Context, ack: Ack) -> None:
        """Send `task_finished`, for a Django task that is over."""
        task = self._registry.find(context.job.task)
        if (declared := getattr(task and task.function, "django_task", None)) is not None:
            from packhorse.integrations.django.running import tell_finished

            tell_finished(declared, context, ack)


def adjusted(runner: Runner, address: str, middleware: Sequence[RunHook]) -> Runner:
    """The runner for an application at `django://alias` with this middleware."""
    alias = alias_in(address)
    return replace(
        runner,
        hooks=Hooks((FreshConnections(), DjangoTasks(runner.registry), *middleware)),
        begin=lambda: AtomicTransaction(alias),
        abegin=no_async_transaction,
        eager=True,
        rest=_rest,
    )


def _rest(is_for_good: bool) -> None:
    """Keep no connection in a thread for longer than Django would."""
    if is_for_good:
        connections.close_all()
    else:
        _close_old_connections()


def _close_old_connections() -> None:
    """As Django's own, which would also close one whose `atomic` block has yet to commit."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
