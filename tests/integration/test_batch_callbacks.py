"""What a batch enqueues is prepared where the batch is created, as an enqueue there would be."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from packhorse import (
    Batch,
    ConfigurationError,
    Context,
    JobState,
    Occasion,
    Packhorse,
    UserError,
    WorkPackage,
    acting,
    acting_as,
)
from packhorse.middleware import Draft, Middleware
from tests.integration.worker_kit import Gate, working
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


def test_handlers_are_told_of_each_job_in_order(app: Packhorse) -> None:
    """Which one it was, its place, and what became of it; then they look it up, or its batch."""
    notices = list[tuple[str, int | None, str | None, str | None]]()
    gate = Gate()

    @app.task(name="step", max_attempts=1)
    def step(n: int) -> None:
        if n == 0:
            gate.wait()
        if n == 2:
            raise UserError("two is wrong")

    @app.task(name="notice")
    def notice(ctx: Context, to: str) -> None:
        assert ctx.occasion is not None
        assert ctx.occasion.member is not None
        member = ctx.occasion.member
        error = app.get_job(member.job_id).error_message
        notices.append((to, member.number, member.counted_as, error))

    with app.batch("night", on_each=notice.call("kim")) as batch:
        app.enqueue_many(step.using(batch=batch).call(n) for n in range(4))
    with working(app):
        gate.reached()
        wait_until(lambda: batch.record().processed == 3, 15, "the others")
        assert notices == []
        gate.open()
        wait_until(lambda: len(notices) == 4, 15, "the notices")
    assert [number for _, number, _, _ in notices] == [1, 2, 3, 4]
    assert notices[2] == ("kim", 3, "failed", "two is wrong")
    assert notices[3] == ("kim", 4, "succeeded", None)


def test_who_is_no_callback_has_no_occasion(app: Packhorse) -> None:
    """And one of the whole batch is told which one it is."""
    seen = list[Occasion | None]()

    @app.task(name="look")
    def look(ctx: Context) -> None:
        seen.append(ctx.occasion)

    with app.batch("night", on_success=look.call()) as batch:
        look.using(batch=batch).enqueue()
    with working(app):
        wait_until(lambda: len(seen) == 2, 15, "the callback")
    assert seen == [None, Occasion(batch_id=batch.id)]


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
