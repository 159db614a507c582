"""What Packhorse can do for a Django task beyond Django's own options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, TypedDict, TypeVar, Unpack, get_type_hints

from packhorse.domain.outcome import Verdict
from packhorse.domain.retry import Backoff
from packhorse.errors import ConfigurationError
from packhorse.options import Isolation

Function = TypeVar("Function", bound=Callable[..., Any])
MARK = "packhorse_options"


class BackendOptions(TypedDict, total=False):
    """OPTIONS of the backend, for all its tasks; each means what it means for `app.task`."""

    max_attempts: int
    backoff: Backoff
    on_error: Mapping[type[BaseException], Verdict | type[Verdict]]
    max_skips: int
    max_crashes: int
    timeout: timedelta
    atomic: bool
    isolation: Isolation
    ack: Literal["batched", "each"]
    keep_result: bool
    responsible: str
    allow_retry: bool


class OptionsOfTask(BackendOptions, total=False):
    """The same, and what only one task can have."""

    aliases: Sequence[str]


NAMES = frozenset(get_type_hints(BackendOptions))
NAMES_OF_TASK = frozenset(get_type_hints(OptionsOfTask))


def packhorse_options(**options: Unpack[OptionsOfTask]) -> Callable[[Function], Function]:
    """Give one Django task options of Packhorse, which go before those of the backend's OPTIONS.

        @task(queue_name="mail")
        @packhorse_options(max_attempts=8, timeout=timedelta(minutes=2))
        def send_invoice(number: int) -> None: ...

    It goes below `@task`, and other backends take no notice of it.

    Args:
        options: as of `app.task`: max_attempts, backoff, on_error, max_skips, max_crashes, timeout, atomic,
            isolation, ack, keep_result, responsible, allow_retry, aliases. Queue and priority are those of `@task`.

    Raises:
        ConfigurationError: there is no such option, or it stands above `@task`.
    """
    check_names(options, NAMES_OF_TASK)

    def mark(function: Function) -> Function:
        if not hasattr(function, "__code__"):
            raise ConfigurationError("@packhorse_options belongs below @task, next to the function")
        setattr(function, MARK, dict(options))
        return function

    return mark


def options_on(function: Callable[..., Any]) -> Mapping[str, Any]:
    """What `packhorse_options` has said of a function."""
    return getattr(function, MARK, {})


def check_names(options: Any, names: frozenset[str]) -> None:
    """Refuse what is no option.

    Raises:
        ConfigurationError: naming it, and those that there are.
    """
    if not isinstance(options, Mapping):
        raise ConfigurationError(f"the options must be a dictionary, not {options!r}")
    for name in options:
        if name not in names:
            raise ConfigurationError(f"there is no option {name!r} for Django's tasks; there are {_list(names)}")


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
