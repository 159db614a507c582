"""`app.queues`: what operators do with queues, while workers run and see it without a restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Unpack

from packhorse.domain.queue import (
    NAMES,
    Queue,
    QueueOptions,
    Route,
    Stored,
    encode_settings,
    stored_settings,
)
from packhorse.domain.routing import by_length, check_pattern
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, DatabaseBusy
from packhorse.operations import Selection
from packhorse.options import check_queue
from packhorse.routing import Routing
from packhorse.selected import WAITING, Counted, Done, SelectedJobs

TRIES = 10
"""How often a change is tried while others change the same queue."""

_Change = Callable[[Queue], tuple[Mapping[str, Stored], Mapping[str, Stored]]]
"""From a queue's record, what is to be declared and changed in it."""


class Queues:
    """The queues of an application's database, as records.

    Args:
        engine: opens the engine at the first use, and runs first what is due, where jobs run inline.
        routing: the rules of this process, which are read again when one is made here.
        afterwards: called after jobs may have become available.
    """

    def __init__(self, engine: Callable[[], Engine], routing: Routing, afterwards: Callable[[], None]) -> None:
        self._engine = engine
        self._routing = routing
        self._afterwards = afterwards
        self._declared: dict[str, dict[str, Stored]] = {}

    def list(self) -> Sequence[Queue]:
        """The queues that have a record, by name; the others have the defaults."""
        return self._engine().list_queue_settings()

    def get(self, name: str) -> Queue:
        """A queue's record; the defaults where it has none.

        Raises:
            ConfigurationError: no queue can have that name.
        """
        found = self._engine().list_queue_settings(check_queue(name))
        return found[0] if found else Queue(name=name)

    def pause(self, name: str, *, by: str | None = None, reason: str | None = None) -> bool:
        """Let no job of the queue start, from the moment of the commit, until it is resumed; False if it is paused.

        Running jobs go on. Jobs that workers hold and have not started are given back within a second or so.

        Args:
            name: the queue, which need not have a record yet.
            by: who pauses it, for the record.
            reason: why, for the record.
        """
        return self._engine().pause_queue(check_queue(name), by, reason)

    def resume(self, name: str) -> bool:
        """Let its jobs start again; False when it was not paused."""
        is_resumed = self._engine().resume_queue(check_queue(name))
        self._afterwards()
        return is_resumed

    def set(self, name: str, **settings: Unpack[QueueOptions]) -> Queue:
        """Change settings of a queue, in place of what code says of them; the record then. Workers see it at once.

        `None` means no limit, or the default. The settings are those of `app.queue`.

        Raises:
            ConfigurationError: a setting is wrong.
        """
        changed = stored_settings(settings)
        return self._change(check_queue(name), lambda queue: (queue.declared, {**queue.changed, **changed}))

    def reset(self, name: str, *settings: str) -> Queue:
        """Forget what was set at run time, of these settings or of all: code has the say again; the record then.

        Raises:
            ConfigurationError: there is no such setting.
        """
        for setting in settings:
            if setting not in NAMES:
                raise ConfigurationError(f"a queue has no setting {setting!r}; there are {', '.join(NAMES)}")
        forgotten = settings or NAMES
        return self._change(
            check_queue(name),
            lambda queue: (
                queue.declared,
                {setting: value for setting, value in queue.changed.items() if setting not in forgotten},
            ),
        )

    def remove(self, name: str) -> bool:
        """Forget a queue's record with its settings and its pause; False when there is none. Its jobs stay.

        Where code still declares the queue the next worker that starts writes the record again.
        """
        return self._engine().remove_queue(check_queue(name))

    def waiting(self, name: str) -> Counted:
        """How many jobs of the queue wait, by task: what a purge would cancel."""
        return self._waiting(name).count("cancel")

    def purge(self, name: str, *, by: str | None = None, why: str | None = None) -> Done:
        """Cancel all jobs of the queue that wait, also those that are scheduled; running ones go on.

        They stay among the finished jobs for as long as the queue keeps cancelled ones, and can be retried until then.
        """
        return self._waiting(name).cancel(by=by, why=why)

    def routes(self) -> Sequence[Route]:
        """The rules made at run time, in the order in which they are tried."""
        rules = {rule.pattern: rule for rule in self._engine().list_routes()}
        return [rules[pattern] for pattern in by_length(rules)]

    def route(self, pattern: str, queue: str, *, by: str | None = None) -> None:
        """Let the jobs of tasks whose name fits the pattern go into this queue, in place of what code says.

        It is about jobs enqueued from now on; other processes know the rule within a few seconds. Of several rules that
        fit, the one with the longest pattern counts.

        Raises:
            ConfigurationError: the pattern or the queue's name is none.
        """
        self._engine().put_route(check_pattern(pattern), check_queue(queue), by)
        self._routing.forget()

    def unroute(self, pattern: str) -> bool:
        """Forget a rule made at run time; False when there is none of that pattern."""
        is_removed = self._engine().remove_route(pattern)
        self._routing.forget()
        return is_removed

    def declare(self, name: str, settings: QueueOptions) -> None:
        """Note what code says of a queue; `write_declared` writes it.

        Raises:
            ConfigurationError: a setting is wrong, or said in another way already.
        """
        known = self._declared.setdefault(check_queue(name), {})
        for setting, value in stored_settings(settings).items():
            if known.setdefault(setting, value) != value:
                raise ConfigurationError(f"queue {name!r} has another {setting} already")

    @property
    def declared(self) -> Sequence[str]:
        """The queues that the code declares."""
        return [*self._declared]

    def write_declared(self) -> Sequence[str]:
        """Write what code says of the queues where the records say something else; the names of those."""
        records = {one.name: one for one in self._engine().list_queue_settings()} if self._declared else {}
        differing = [
            name
            for name, declared in self._declared.items()
            if encode_settings(records.get(name, Queue(name=name)).declared) != encode_settings(declared)
        ]
        for name in differing:
            self._change(name, lambda queue: (self._declared[queue.name], queue.changed))
        return differing

    def _waiting(self, name: str) -> SelectedJobs:
        return SelectedJobs(self._engine, Selection(states=WAITING, queue=check_queue(name)), self._afterwards)

    def _change(self, name: str, change: _Change) -> Queue:
        for _ in range(TRIES):
            before = self.get(name)
            if self._engine().put_queue_settings(before, *change(before)):
                return self.get(name)
        raise DatabaseBusy(f"others keep changing queue {name!r}: try again")
