"""What one worker does with schedules: it declares those of its code, and as the leader fires them to the moment."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from packhorse import Context, Every, Packhorse
from packhorse.testing.clock import move_clock
from tests.integration.worker_kit import working
from tests.waiting import wait_until

HOUR = timedelta(hours=1)


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application on an empty database."""
    with closing(Packhorse(database_url, worker="processes")) as app:
        app.engine.migrate()
        yield app


@pytest.mark.accepts("C18")
@pytest.mark.alone
def test_a_worker_fires_to_the_moment(app: Packhorse) -> None:
    """It sleeps until the tick; in the median of some seconds the job starts within a twentieth of a second."""

    @app.every(timedelta(seconds=1), name="second", overlap="allow")
    def second(ctx: Context) -> None:
        """Nothing."""

    app.schedules.sync()
    with working(app):
        wait_until(lambda: len(app.schedules.runs("second")) >= 4, 20, "four ticks")
    late = sorted(run.fired_at - run.tick for run in app.schedules.runs("second") if run.tick is not None)
    assert late[len(late) // 2] < timedelta(milliseconds=50)
    assert all(delay >= timedelta(0) for delay in late)


def test_what_was_declared_before_is_judged_by_the_policy_after_a_stop(app: Packhorse) -> None:
    """A worker that was away for five hours runs one job for all."""
    ran: list[str] = []

    @app.every(HOUR, name="hourly")
    def hourly(ctx: Context) -> None:
        ran.append(ctx.meta["schedule"]["tick"])

    with working(app):
        wait_until(lambda: app.schedules.find("hourly"), 10, "the declaration")
    move_clock(app.engine, 5 * HOUR)
    with working(app):
        wait_until(lambda: ran, 10, "the run")
    assert len(ran) == 1
    assert app.schedules.get("hourly").undeclared_at is None


def test_a_change_by_somebody_else_is_seen_soon(app: Packhorse) -> None:
    """A schedule that is made while the worker sleeps does not wait for the tick of another one."""
    ran: list[int] = []
    app.task(name="note")(ran.append)
    app.every(timedelta(days=1), name="daily")(lambda: None)
    with working(app):
        wait_until(lambda: app.schedules.find("daily"), 10, "the declaration")
        app.schedules.put("second", Every(1, "seconds"), app.named("note").call(1))
        wait_until(lambda: ran, 10, "its first run")
        app.schedules.pause("second")


def test_a_tick_waits_for_a_run_that_a_worker_does(app: Packhorse) -> None:
    """With `overlap="queue"` it starts within a second or so of that run's end."""
    ran: list[str | None] = []

    @app.every(HOUR, name="hourly", overlap="queue")
    def hourly(ctx: Context) -> None:
        ran.append(ctx.meta["schedule"]["tick"])

    app.schedules.sync()
    first = app.schedules.run("hourly")
    move_clock(app.engine, HOUR)
    app.schedules.sync()
    with working(app):
        wait_until(lambda: len(ran) == 2, 15, "both runs")
    assert ran[0] is None
    assert app.get_job(first.id).state.is_final
