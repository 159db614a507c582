"""A queue processor: the function that works on the rows of a table, and its dials."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar, get_args, get_origin

from packhorse.domain.annotations import hints_of, signature_of
from packhorse.errors import ConfigurationError
from packhorse.queuetables.table import QueueTable
from packhorse.task import Task

F = TypeVar("F", bound=Callable[..., Any])
MOST_ROWS = 10_000
MOST_LANES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Dials:
    """How much one run does.

    Attributes:
        batch_size: how many rows a lane reads in a run; for a processor of lists, how many go into one transaction.
        parallelism: how many lanes there are at once.
    """

    batch_size: int = 16
    parallelism: int = 2

    def __post_init__(self) -> None:
        for name, most in (("batch_size", MOST_ROWS), ("parallelism", MOST_LANES)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise ConfigurationError(f"{name} must be a whole number from 1 to {most:,}, not {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueProcessor(Generic[F]):
    """What works on the rows of a table.

    Attributes:
        function: what is called with them.
        table: which table.
        task: the same function with the rules for what follows when it fails; nobody enqueues it.
        is_batch: whether it takes a list of rows, in one transaction.
        dials: how much a run does, unless an operator says something else.
        is_balanced: whether the dials are set from the backlog.
        open_limit: how long a transaction may stay open.
        is_continuous: whether workers run it whenever there are rows.
        runs: the task that makes one run, for schedules: `app.every(minutes=5)(move.runs)`.
    """

    function: F
    table: QueueTable
    task: Task[..., Any]
    is_batch: bool
    dials: Dials
    is_balanced: bool
    open_limit: timedelta
    is_continuous: bool
    runs: Task[[], Any]

    @property
    def name(self) -> str:
        """What it is called in the database."""
        return self.task.name

    @property
    def queue(self) -> str:
        """The queue whose pause and settings hold for it, and by which workers choose."""
        return self.task.queue


def takes_list(function: Callable[..., Any], row: type, *, takes_context: bool) -> bool:
    """Whether a processor takes a list of rows.

    Raises:
        ConfigurationError: it does not take one row, or one list, after the context.
    """
    signature = signature_of(function)
    hints = hints_of(function, signature)
    parameters = list(signature.parameters.values())
    if takes_context:
        parameters = parameters[1:]
    required = [one for one in parameters if one.default is inspect.Parameter.empty]
    if not parameters or len(required) > 1 or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise ConfigurationError(
            f"{function.__qualname__} must take a row, or a list of rows, after the context: "
            f"def {function.__name__}(ctx: Context, row: {row.__name__}) -> None"
        )
    hint = hints.get(parameters[0].name)
    is_list = hint is list or get_origin(hint) in (list, Sequence)
    named = (get_args(hint) or (row,))[0] if is_list else hint
    if isinstance(named, type) and named is not Any and not issubclass(row, named):
        raise ConfigurationError(
            f"{function.__qualname__} takes {named.__qualname__}, but the rows of its table are {row.__qualname__}"
        )
    return is_list
