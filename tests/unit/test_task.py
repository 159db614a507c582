"""A task: its name, its options, its registry, and calling it."""

from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from packhorse import (
    Backoff,
    ConfigurationError,
    Context,
    DuplicateTask,
    Fail,
    Packhorse,
    Skip,
    UnknownTask,
    UsageError,
)
from packhorse.context import Entered
from packhorse.domain.retry import RetryPolicy
from tests.unit.claimed import claimed_job


@pytest.fixture
def app() -> Packhorse:
    """An application whose database is never opened."""
    return Packhorse("sqlite:///never-opened.db")


def test_the_name_defaults_to_the_module_and_the_qualified_name(app: Packhorse) -> None:
    """So that two modules may have functions of one name."""

    @app.task
    def send() -> None:
        """Send it."""

    assert send.name == f"{__name__}.test_the_name_defaults_to_the_module_and_the_qualified_name.<locals>.send"
    assert (send.__doc__, send.__module__) == ("Send it.", __name__)


def test_a_function_of_main_needs_a_name(app: Packhorse) -> None:
    """In a worker, __main__ is another module."""

    def send() -> None: ...

    send.__module__ = "__main__"
    with pytest.raises(ConfigurationError, match=r"__main__.*@app.task\(name="):
        app.task(send)
    assert app.task(name="shop.send")(send).name == "shop.send"


@pytest.mark.parametrize("name", ["", " ", "a b", "tab\t", "nul\x00", "x" * 201, 7])
def test_a_wrong_name_is_refused(app: Packhorse, name: Any) -> None:
    """Names are text without spaces."""
    with pytest.raises(ConfigurationError, match="no name for a task"):
        app.task(name=name)(lambda: None)


def test_a_duplicate_is_refused(app: Packhorse) -> None:
    """Under its name and its aliases; the message names both places, and nothing is registered."""
    app.task(name="one", aliases=["old"])(lambda: None)

    def another() -> None: ...

    for name, aliases in (("one", ()), ("old", ()), ("two", ("old",))):
        with pytest.raises(DuplicateTask, match=r"another.*@app.task\(name="):
            app.task(name=name, aliases=aliases)(another)
    assert app.registry.names() == ["old", "one"]


def test_a_task_is_found_by_its_aliases(app: Packhorse) -> None:
    """Jobs stored under a former name are run."""
    task = app.task(name="new", aliases=("old", "older"))(lambda: None)

    assert app.registry.find("older") is task
    assert app.registry.get("new") is task
    assert app.registry.list_tasks() == [task]
    assert app.registry.find("other") is None


def test_an_unknown_task_comes_with_the_closest_name(app: Packhorse) -> None:
    """As a mistyped name does everywhere."""
    app.task(name="shop.send_invoice")(lambda: None)

    with pytest.raises(UnknownTask, match=r"did you mean 'shop\.send_invoice'"):
        app.registry.get("shop.send_invoce")


def test_the_options_are_what_the_worker_sees(app: Packhorse) -> None:
    """Each under its own name, with the defaults of the documentation."""
    plain = app.task(name="plain")(lambda: None)
    full = app.task(
        name="full",
        queue="billing",
        priority="urgent",
        max_attempts=2,
        backoff=Backoff(first=timedelta(seconds=1)),
        on_error={ValueError: Fail, KeyError: Skip("later")},
        max_skips=3,
        max_crashes=7,
        timeout=timedelta(minutes=1),
        atomic=True,
        isolation="process",
        ack="each",
        keep_result=False,
    )(lambda: None)

    assert (plain.queue, plain.priority, plain.policy, plain.timeout) == ("default", 5, RetryPolicy(), None)
    assert (plain.atomic, plain.isolation, plain.ack_each, plain.keep_result) == (False, "inline", False, True)
    assert (full.queue, full.priority, full.timeout) == ("billing", 1, timedelta(minutes=1))
    assert (full.atomic, full.isolation, full.ack_each, full.keep_result) == (True, "process", True, False)
    assert (full.policy.max_attempts, full.policy.max_skips, full.policy.max_crashes) == (2, 3, 7)
    assert isinstance(full.policy.verdict_on(ValueError()), Fail)
    assert isinstance(full.policy.on_error, MappingProxyType)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("queue", "two words"),
        ("queue", ""),
        ("queue", "x" * 64),
        ("queue", "-first"),
        ("queue", 7),
        ("priority", "hihg"),
        ("priority", 40_000),
        ("priority", True),
        ("max_attempts", 0),
        ("max_attempts", "3"),
        ("max_attempts", 10_001),
        ("max_skips", -1),
        ("max_crashes", 0),
        ("timeout", 30),
        ("timeout", timedelta(0)),
        ("timeout", timedelta(seconds=-1)),
        ("atomic", "yes"),
        ("isolation", "thread"),
        ("ack", "never"),
        ("keep_result", 1),
        ("on_error", {"ValueError": Fail}),
        ("on_error", {ValueError: "fail"}),
        ("aliases", "old"),
    ],
)
def test_a_wrong_option_is_refused_by_name(app: Packhorse, option: str, value: Any) -> None:
    """When the task is declared, not when the first job fails."""
    with pytest.raises(ConfigurationError, match=f"(?i){option}|name for a queue"):
        app.task(**{"name": "wrong", option: value})(lambda: None)
    assert app.registry.names() == []


def test_calling_a_task_calls_the_function(app: Packhorse) -> None:
    """Here and now, without a job."""

    @app.task(name="add")
    def add(a: int, b: int) -> int:
        return a + b

    assert add(1, b=2) == 3


def test_calling_a_task_with_a_context_needs_a_job(app: Packhorse) -> None:
    """Inside one it gets that job's context; elsewhere the message says what to do."""

    @app.task(name="who")
    def who(ctx: Context, greeting: str) -> str:
        return f"{greeting} {ctx.job.id}"

    with pytest.raises(UsageError, match=r"who\.function\(context"):
        who("hello")
    with Entered(Context(claimed_job(id=42))):
        assert who("hello") == "hello 42"
