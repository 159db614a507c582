"""What an application's code says beside its tasks: of its queues, of the way into them, of modules, of who acts."""

from __future__ import annotations

from typing import Unpack

from packhorse.behalf import Asked, Behalf, RoleHook
from packhorse.domain.acting import RolesOf
from packhorse.domain.queue import QueueOptions
from packhorse.middleware import Middleware
from packhorse.modules import TaskModules
from packhorse.queueing import Queues
from packhorse.routing import Routing
from packhorse.task import TaskRegistry


class Declarations:
    """`app.queue`, `app.route`, `app.include`, `app.acting_from` and `app.roles_from`.

    Attributes:
        queues: the queues as records: to pause them, to change their settings, and to make rules at run time.
        modules: the modules that hold tasks.
        registry: the tasks.
        middleware: code around every enqueue and every run.
    """

    queues: Queues
    modules: TaskModules
    registry: TaskRegistry
    middleware: tuple[Middleware, ...]
    _routing: Routing
    _behalf: Behalf

    def queue(self, name: str, **settings: Unpack[QueueOptions]) -> None:
        """Declare the settings of a queue: `app.queue("mail", slots=4, max_running=10, rate="100/m")`.

        They are written to the database when `packhorse worker` starts, if the record says something else; what an
        operator has set at run time wins over them until it is reset. A queue that is not declared has the defaults.

        Args:
            name: which queue.
            settings: slots: how many of its jobs a worker process runs at once; as many as it has slots.
                priority_floor: only jobs of this priority or more urgent ones start, a number or a name; all.
                order: `deadline` (the default): by priority, then by when a job is wanted; `aging`: by when it is
                wanted, ten minutes sooner or later for each step of its priority.
                max_running: how many of its jobs run at once on all workers together; no limit.
                rate: how many of its jobs start in a time, on all workers together: `"100/m"`, `"5/30s"`, or
                `(100, timedelta(minutes=1))`; no limit.
                group_max_running, group_rate: the same for the jobs of one group.
                fair: whether groups take turns.
                keep_succeeded, keep_cancelled: how long finished jobs are kept; 7 days.
                keep_failed: how long failed ones are kept once they were solved or dismissed; 30 days. Zero keeps none.

        Raises:
            ConfigurationError: a setting is wrong, or was declared in another way before.
        """
        self.queues.declare(name, settings)

    def route(self, pattern: str, *, queue: str) -> None:
        """Let jobs of tasks whose name fits the pattern go into a queue: `app.route("shop.reports.*", queue="slow")`.

        It wins over the task's own queue. Over it wins what an operator has set at run time, and over that a queue
        that is named in the enqueue itself. Of several patterns that fit the longest counts.

        Args:
            pattern: `*` stands for any characters, `?` for one.
            queue: where they go.

        Raises:
            ConfigurationError: the pattern or the queue's name is none, or the pattern leads elsewhere already.
        """
        self._routing.declare(pattern, queue)

    def include(self, *modules: str) -> None:
        """Name modules that hold tasks: `app.include("shop.mail", "shop.reports")`.

        Whoever runs jobs imports them. One that can't be imported is set aside and reported, and tried again every few
        seconds: its tasks' jobs wait, those of the others run.

        Raises:
            ConfigurationError: that is no module's name.
        """
        self.modules.include(*modules)

    def acting_from(self, function: Asked) -> Asked:
        """Say where the application keeps on whose behalf it acts: called without arguments at every enqueue.

        Not inside a job: what that enqueues is on its own behalf. What it raises, the enqueue raises.

        Args:
            function: gives an `Acting`, or None for nobody; blocks of `acting_as` change what it gives.
        """
        self._behalf.asked = function
        return function

    def roles_from(self, function: RolesOf) -> RolesOf:
        """Say which roles are valid, for jobs that were enqueued without one; the first one is taken.

        Called once in a run, when on whose behalf it acts is first asked for; to be declared before jobs run.

        Args:
            function: takes the `Acting` of the job, gives its roles. What it raises, `acting()` raises.
        """
        self.middleware = (RoleHook(function), *self.middleware)
        return function

    def named_queues(self) -> frozenset[str]:
        """The queues that the code names: those that it declares or leads jobs into, and those of its tasks."""
        of_tasks = {task.queue for task in self.registry.list_tasks()}
        return frozenset({*self.queues.declared, *self._routing.declared.values(), *of_tasks})
