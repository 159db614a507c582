"""Who writes what other queues call it is told what to write here."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from packhorse import ConfigurationError, Packhorse, WorkPackage
from packhorse.task import Task
from packhorse.workpackages.task import PackageTask

app = Packhorse("sqlite:///never-opened.db")


@app.task(name="shop.pay")
def pay(order: int) -> None:
    """A task."""


@app.work_package(name="shop.bill")
def bill(package: WorkPackage) -> None:
    """The task of a package."""


@pytest.mark.parametrize("word", ["delay", "send", "defer"])
def test_a_task_says_how_it_is_enqueued(word: str) -> None:
    """Also when it has options already."""
    for task in (pay, pay.using(priority="high")):
        with pytest.raises(AttributeError, match=rf"^there is no pay\.{word}: write pay\.enqueue\(…\)$"):
            getattr(task, word)


@pytest.mark.parametrize("word", ["apply_async", "send_with_options", "configure", "schedule"])
def test_a_task_says_how_it_is_given_options(word: str) -> None:
    """A delay, a queue, and so on."""
    with pytest.raises(
        AttributeError, match=rf"^there is no pay\.{word}: write pay\.using\(delay=…, queue=…\)\.enqueue"
    ):
        getattr(pay, word)


@pytest.mark.parametrize("word", ["enqueue", "delay", "send", "defer"])
def test_the_task_of_a_package_says_how_one_is_made(word: str) -> None:
    """Its handler takes a package, which is about records."""
    with pytest.raises(
        AttributeError, match=rf"there is no bill\.{word}: write bill\.package\(\)\.add\(order\)\.enqueue"
    ):
        getattr(bill, word)(42)


@pytest.mark.parametrize("task", [pay, bill])
def test_other_names_are_missing_as_anywhere(task: Task[..., Any] | PackageTask[Any]) -> None:
    """So that code which looks for an attribute finds that there is none, and a copy can be made."""
    with pytest.raises(AttributeError, match="object has no attribute 'enqeue'"):
        task.enqeue  # type: ignore[union-attr] # noqa: B018 # pyright: ignore[reportAttributeAccessIssue]
    assert not hasattr(task, "delay")
    assert copy.copy(task).name == task.name


@pytest.mark.parametrize(
    "write",
    [
        lambda: bill.package(day="monday"),
        lambda: bill.series(day="monday"),
        lambda: bill.series().package(day="monday"),
        lambda: bill.package().using(day="monday"),
    ],
)
def test_a_package_names_an_option_that_it_does_not_have(write: Callable[[], object]) -> None:
    """And says where parameters belong, which is most likely what it was."""
    with pytest.raises(ConfigurationError, match=r"a package has no option 'day'; it has conn, queue.*\.params\("):
        write()


def test_a_collector_names_an_option_that_it_does_not_have() -> None:
    """When it is made."""
    with pytest.raises(ConfigurationError, match="a collector has no option 'day'; it has queue"):
        app.collector(bill, day="monday")
