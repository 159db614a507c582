"""What a batch enqueues is prepared where the batch is created, as an enqueue there would be."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from packhorse import Batch, ConfigurationError, Context, JobState, Packhorse, WorkPackage, acting, acting_as
from packhorse.middleware import Draft, Middleware
from tests.integration.worker_kit import working
from tests.waiting import wait_until

pytestmark = pytest.mark.accepts("M25")


class Stamp(Middleware):
    """Stamps every job, and gives some a key."""

    def enqueuing(self, draft: Draft) -> None:
        """Send a stamp along."""
        draft.meta["stamp"] = f"of {draft.task}"
        if draft.kwargs.get("keyed"):
            draft.options = draft.options.changed(unique_key="k")


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with middleware and rules for its queues."""
    app = Packhorse(database_url, middleware=[Stamp()])
    app.engine.migrate()
    app.queues.route("tell*", "letters")
    yield app
    app.close()


@pytest.fixture
def seen(app: Packhorse) -> list[Any]:
    """For whom `tell` was run, and with which stamp; it is a task of the application."""
    seen = list[Any]()

    @app.task(name="tell")
    def tell(ctx: Context, keyed: bool = False) -> None:
        seen.append((acting().tenant, ctx.meta["stamp"], ctx.job.queue))

    return seen


@pytest.mark.accepts("M11", "T20")
def test_a_callback_is_prepared_where_the_batch_is_created(app: Packhorse, seen: list[Any]) -> None:
    """On whose behalf it runs, what middleware sends along, and the rules for queues, but for those who name one."""
    tell = app.named("tell")

    async def create() -> Batch:
        return await app.abatch("night", on_end=tell.using(queue="own").call())

    with acting_as(tenant="acme"):
        batches = [app.batch("night", on_end=tell.call()), asyncio.run(create())]
    with acting_as(tenant="other"):
        for batch in batches:
            batch.close()
    with working(app):
        wait_until(lambda: len(seen) == len(batches), 15, "the callbacks")
    assert sorted(seen) == [("acme", "of tell", "letters"), ("acme", "of tell", "own")]


def test_the_rules_at_the_creation_hold(app: Packhorse, seen: list[Any]) -> None:
    """Those of today do not move a callback of yesterday."""
    batch = app.batch("night", on_end=app.named("tell").call())
    app.queues.route("tell*", "elsewhere")
    batch.close()
    with working(app):
        wait_until(lambda: len(seen) == 1, 15, "the callback")
    assert seen == [(None, "of tell", "letters")]


def test_a_package_is_a_callback(app: Packhorse) -> None:
    """With its parameters; it runs as any other."""
    told = list[Any]()

    @app.work_package(name="summary")
    def summary(package: WorkPackage) -> None:
        told.append(package.param("month"))

    with app.batch("night", on_success=summary.package().param("month", 7).call()):
        pass
    with working(app):
        wait_until(lambda: app.list_jobs(state=JobState.SUCCEEDED), 15, "the package")
    assert told == [7]


def test_a_key_that_middleware_adds_is_refused(app: Packhorse, seen: list[Any]) -> None:
    """As one that the call has."""
    with pytest.raises(ConfigurationError, match="on_end can't have a unique_key"):
        app.batch("night", on_end=app.named("tell").call(keyed=True))
