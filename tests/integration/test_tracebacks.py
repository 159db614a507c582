"""A traceback begins with the handler: the frames of ours that led to it tell its author nothing."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from packhorse import Context, Packhorse, WorkPackage
from packhorse.domain.job import NewJob
from tests.integration.package_kit import Order, Orders, knowing
from tests.integration.worker_kit import wait_for, working


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application that knows orders."""
    with knowing(Orders(), database_url) as app:
        yield app


def plain(app: Packhorse) -> int:
    """The job of a function."""

    @app.task(name="fail", max_attempts=1)
    def fail() -> None:
        divide()

    return fail.enqueue().id


def coroutine(app: Packhorse) -> int:
    """The job of a coroutine function, with a time limit."""

    @app.task(name="fail", max_attempts=1, timeout=timedelta(minutes=1), atomic=True)
    async def fail(ctx: Context) -> None:
        divide()

    return fail.enqueue().id


def package(app: Packhorse) -> int:
    """A package."""

    @app.work_package(name="fail")
    def fail(package: WorkPackage) -> None:
        divide()

    return fail.package().enqueue().id


def coroutines_package(app: Packhorse) -> int:
    """A package whose handler is a coroutine function."""

    @app.work_package(name="fail")
    async def fail(package: WorkPackage) -> None:
        divide()

    return fail.package().enqueue().id


def divide() -> None:
    """Fail."""
    raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize("enqueue", [plain, coroutine, package, coroutines_package])
def test_that_of_a_job_begins_with_the_handler(app: Packhorse, enqueue: Callable[[Packhorse], int]) -> None:
    """And goes on to where the error was raised."""
    id = enqueue(app)
    with working(app):
        told = wait_for(app, id).error_traceback or ""

    assert frames(told) == [(__file__, "fail"), (__file__, "divide")]


@pytest.mark.parametrize("is_async", [False, True])
def test_that_of_a_record_begins_with_the_handler(database_url: str, is_async: bool) -> None:
    """In the log of the package."""
    orders = Orders()
    with knowing(orders, database_url) as app:

        def fail(order: Order) -> None:
            divide()

        async def afail(order: Order) -> None:
            divide()

        task = app.work_package(name="fail", each=True)(afail if is_async else fail)
        id = task.package().add(*orders.add(1)).enqueue().id
        app.run_pending()
        [line] = app.list_log(id)

    assert frames(line.message) == [(__file__, task.handler.__name__), (__file__, "divide")]


def test_what_is_raised_behind_or_in_front_of_the_handler_is_told_in_full(app: Packhorse) -> None:
    """What we raise when the handler calls us, and what keeps it from being called, which nothing else says."""

    @app.task(name="fail", max_attempts=1)
    def fail(ctx: Context, done: int) -> None:
        ctx.progress(done)

    ids = [fail.enqueue(-1).id, *app.engine.insert_jobs([NewJob(task="fail", args="[1, 2]")])]
    with working(app):
        behind, before = [frames(wait_for(app, id).error_traceback or "") for id in ids]

    assert [name for _, name in behind] == ["fail", "progress", "check_progress"]
    assert before[0][0].endswith("packhorse/runtime/run.py")


def frames(told: str) -> list[tuple[str, str]]:
    """The files and functions of a traceback."""
    lines = [line.split('"') for line in told.splitlines() if line.startswith('  File "')]
    return [(path, rest.rpartition(" in ")[2]) for _, path, rest in lines]
