"""Rounds of a package: which of its records are called again after a retry, a skip, or the death of a worker."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from packhorse import Context, JobState, Packhorse, Skip, UserError
from packhorse.domain.decide import decide
from packhorse.domain.outcome import WorkerLost
from packhorse.domain.retry import RetryPolicy
from tests.integration.each_kit import Line, accounting, lines, outcomes
from tests.integration.worker_kit import wait_for, working


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application that knows lines and has no handlers yet."""
    with accounting(database_url) as app:
        yield app


def die(app: Packhorse, ctx: Context) -> None:
    """What is known when the worker dies in this run: it goes on here, but nothing of it counts."""
    lost = decide(ctx.job, WorkerLost("somebody"), RetryPolicy(max_crashes=3), 0.5)
    assert app.engine.ack_jobs([lost])


@pytest.mark.accepts("M17", "M31")
def test_records_that_were_skipped_are_called_when_the_worker_died_before_the_round_had_come_on(app: Packhorse) -> None:
    """The run after the death goes on with the round that had begun, in which nothing was attempted yet."""
    calls: list[int] = []

    @app.work_package(each=True)
    def post(ctx: Context, line: Line) -> None:
        calls.append(line.id)
        if len(calls) <= 2:
            raise Skip("not yet", after=timedelta(milliseconds=1))
        if len(calls) == 3:
            die(app, ctx)

    with working(app):
        id = post.package().add(*lines(0, 1)).enqueue().id
        assert wait_for(app, id).state is JobState.SUCCEEDED
    assert outcomes(app, id) == ["done", "done"]
    assert calls == [0, 1, 0, 1, 0, 1]


@pytest.mark.accepts("M16", "M31")
def test_records_that_failed_are_called_when_the_worker_died_at_the_beginning_of_the_retry(app: Packhorse) -> None:
    """They have failed before the retry, and not in it."""
    calls: list[int] = []

    @app.work_package(each=True)
    def post(ctx: Context, line: Line) -> None:
        calls.append(line.id)
        if len(calls) <= 2:
            raise UserError("the period is closed")
        if len(calls) == 3:
            die(app, ctx)

    with working(app):
        id = post.package().add(*lines(0, 1)).enqueue().id
        wait_for(app, id, JobState.FAILED)
        app.retry(id)
        assert wait_for(app, id).state is JobState.SUCCEEDED
    assert outcomes(app, id) == ["done", "done"]
