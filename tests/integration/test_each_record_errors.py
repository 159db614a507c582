"""What the error of a record means, by the task's `on_error`: of that record alone, or of the run."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from packhorse import Cancel, Context, Fail, JobState, Packhorse, Retry, ServiceUnavailable, Skip, UserError
from packhorse.domain.outcome import Verdict
from tests.integration.each_kit import INSERT, Line, accounting, by_driver, effects, lines, told

pytestmark = pytest.mark.accepts("M18")
DONE = ("done", None)


class Closed(Exception):
    """What the application knows by its type."""


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application that knows lines and has no handlers yet."""
    with accounting(database_url) as app:
        yield app


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Skip("the period is closed", after=timedelta(hours=1)), ("skipped", "the period is closed")),
        (Skip(after=timedelta(hours=1)), ("skipped", "Closed: no")),
        (Fail("the period is closed"), ("failed", "the period is closed")),
    ],
    ids=["skip", "skip without a reason", "fail"],
)
def test_a_skip_or_a_failure_is_that_of_the_record_alone(
    app: Packhorse, database_url: str, verdict: Verdict, outcome: tuple[str, str]
) -> None:
    """Its writes are undone and those of the others stand; the package waits as long as the skip says."""

    @app.work_package(each=True, on_error={Closed: verdict})
    def post(ctx: Context, line: Line) -> None:
        by_driver(ctx, line.id)
        if line.id == 1:
            raise Closed("no")

    id = post.package().add(*lines(0, 1, 2)).enqueue().id
    app.run_pending()
    assert told(app, id) == [DONE, outcome, DONE]
    assert effects(database_url) == [0, 2]
    job = app.get_job(id)
    assert job.state is (JobState.SCHEDULED if isinstance(verdict, Skip) else JobState.FAILED)
    if isinstance(verdict, Skip):
        assert job.scheduled_at is not None
        assert job.started_at is not None
        assert job.scheduled_at - job.started_at > timedelta(minutes=59)


@pytest.mark.parametrize(
    ("verdict", "state"),
    [(Retry(after=timedelta(hours=1)), JobState.SCHEDULED), (Cancel("not wanted"), JobState.CANCELLED)],
    ids=["retry", "cancel"],
)
def test_a_retry_or_a_cancellation_ends_the_run(
    app: Packhorse, database_url: str, verdict: Verdict, state: JobState
) -> None:
    """The records before it stand, it is undone itself, and the job tells of its error."""

    @app.work_package(each=True, on_error={Closed: verdict}, max_attempts=2)
    async def post(ctx: Context, line: Line) -> None:
        await ctx.tx.execute(INSERT.format(line.id, "driver"))
        if line.id == 1:
            raise Closed("no")

    id = post.package().add(*lines(0, 1, 2)).enqueue().id
    app.run_pending()
    assert told(app, id) == [DONE, (None, None), (None, None)]
    assert effects(database_url) == [0]
    job = app.get_job(id)
    assert (job.state, job.error_type, job.error_message) == (state, "Closed", "no")


def test_it_goes_before_what_a_service_advises_and_not_before_a_user_error(app: Packhorse) -> None:
    """As for any other task: it speaks of the exception that was raised."""

    @app.work_package(each=True, on_error={Exception: Fail("a person must look")})
    def post(line: Line) -> None:
        if line.id == 0:
            raise ServiceUnavailable("the bank", retry_after=timedelta(hours=1))
        if line.id == 1:
            raise UserError("no address")
        raise Skip("not yet")

    id = post.package().add(*lines(0, 1, 2)).enqueue().id
    app.run_pending()
    assert told(app, id) == [("failed", "a person must look"), ("failed", "no address"), ("skipped", "not yet")]
