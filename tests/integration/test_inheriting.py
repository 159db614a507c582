"""Priorities that packages inherit: from the one that runs, in its run alone, in every mode."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from packhorse import Packhorse, UsageError
from packhorse.inheriting import inherited_priority, own_priority, passing_on
from tests.integration.worker_kit import working

LOW = 7


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application whose tasks return which priority packages would inherit here."""
    app = Packhorse(database_url)
    app.engine.migrate()

    @app.task(name="package")
    def package() -> Any:
        with passing_on():
            inside = inherited_priority()
            with own_priority():
                own = inherited_priority()
            return [inside, own, inherited_priority()]

    @app.task(name="apackage")
    async def apackage() -> Any:
        with passing_on():
            return [
                inherited_priority(),
                await asyncio.create_task(_awaited()),
                await asyncio.to_thread(inherited_priority),
            ]

    @app.task(name="careless")
    def careless() -> Any:
        passing_on().__enter__()
        return inherited_priority()

    @app.task(name="plain")
    def plain() -> Any:
        return inherited_priority()

    yield app
    app.close()


async def _awaited() -> int | None:
    with own_priority():
        pass
    return inherited_priority()


def test_packages_inherit_the_priority_of_the_one_that_runs(app: Packhorse) -> None:
    """Here and in what is awaited here; unless the code opts out, for as long as it does."""
    package, apackage = (app.named(name).using(priority="low").enqueue() for name in ("package", "apackage"))
    with working(app):
        assert package.result(timeout=10) == [LOW, None, LOW]
        assert apackage.result(timeout=10) == [LOW, LOW, LOW]


@pytest.mark.parametrize("before", ["package", "careless"])
def test_a_plain_job_passes_nothing_on(app: Packhorse, before: str) -> None:
    """Also in a thread in which a package ran before, however that one has left it."""
    first, plain = (app.named(name).using(priority="low").enqueue() for name in (before, "plain"))
    with working(app, threads=1):
        first.result(timeout=10)

        assert plain.result(timeout=10) is None


def test_outside_a_job_nothing_is_inherited(app: Packhorse) -> None:
    """Inline the producer is as it was, and its own blocks do not reach into the jobs."""
    package = app.named("package").using(priority="low").enqueue()
    with own_priority():
        app.run_pending()
        assert inherited_priority() is None

    assert package.result(timeout=1) == [LOW, None, LOW]
    assert inherited_priority() is None
    with pytest.raises(UsageError, match="only inside a running job"), passing_on():
        pass
