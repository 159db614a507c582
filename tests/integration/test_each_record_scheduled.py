"""Records that an older package is about wait for that one, where the task wants it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from packhorse import ConfigurationError, Context, JobState, Packhorse, Skip
from packhorse.workpackages.task import PackageTask
from tests.integration.each_kit import Line, accounting, lines, told
from tests.integration.worker_kit import wait_for, working

pytestmark = pytest.mark.accepts("M6")

DONE = ("done", None)
WAITS = ("skipped", "an older package is about it, and is not done with it")


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application that knows lines."""
    with accounting(database_url) as app:
        yield app


class Book:
    """What was called, and which lines can't be posted yet."""

    def __init__(self) -> None:
        self.called: list[tuple[int, int]] = []
        """Of each call the package's number, and the line's."""
        self.closed: set[int] = set()

    def post(self, ctx: Context, line: Line) -> None:
        """Post a line, unless it is closed."""
        self.called.append((ctx.job.id, line.id))
        if line.id in self.closed:
            raise Skip("closed", after=timedelta(milliseconds=100))


def functions(app: Packhorse, book: Book) -> PackageTask[Any]:
    """A task whose handler is a function."""

    @app.work_package(name="post", each=True, chunk=2, skip_scheduled=True)
    def post(ctx: Context, line: Line) -> None:
        book.post(ctx, line)

    return post


def coroutines(app: Packhorse, book: Book) -> PackageTask[Any]:
    """A task whose handler is a coroutine function."""

    @app.work_package(name="post", each=True, chunk=2, skip_scheduled=True)
    async def post(ctx: Context, line: Line) -> None:
        book.post(ctx, line)

    return post


@pytest.mark.parametrize("kind", [functions, coroutines])
def test_a_record_waits_for_an_older_package(
    app: Packhorse, kind: Callable[[Packhorse, Book], PackageTask[Any]]
) -> None:
    """It is skipped with that reason, the others are done, and it comes when the older package is done with it."""
    book = Book()
    task = kind(app, book)
    book.closed = {2}
    older = task.package().add(*lines(1, 2)).enqueue().id
    newer = task.package().add(*lines(0, 1, 2, 3)).enqueue().id
    app.run_pending()
    assert told(app, older) == [DONE, ("skipped", "closed")]
    assert told(app, newer) == [DONE, DONE, WAITS, DONE]
    assert app.get_job(newer).reason == "3 done, 0 failed, 1 skipped"

    book.closed.clear()
    with working(app):
        assert {wait_for(app, id).state for id in (older, newer)} == {JobState.SUCCEEDED}
    *before, last = [package for package, line in book.called if line == 2]
    assert set(before) == {older}
    assert last == newer
    assert told(app, newer) == [DONE] * 4


def test_a_package_that_has_failed_keeps_nobody_waiting(app: Packhorse) -> None:
    """Nor one of another task."""
    book = Book()
    task = functions(app, book)
    other = app.work_package(name="other", each=True)(lambda line: None)
    other.package(delay=timedelta(hours=1)).add(*lines(1)).enqueue()
    failed = task.package().add(*lines(1)).enqueue().id
    app.cancel(failed)
    id = task.package().add(*lines(1)).enqueue().id
    app.run_pending()
    assert told(app, id) == [DONE]


@pytest.mark.parametrize("options", [{"skip_scheduled": True}, {"each": True, "skip_scheduled": 1}])
def test_the_option_belongs_to_tasks_that_are_called_for_each_record(app: Packhorse, options: dict[str, Any]) -> None:
    """The others say it where they load their records."""
    with pytest.raises(ConfigurationError, match="skip_scheduled"):
        app.work_package(**options)(lambda line: None)
