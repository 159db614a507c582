"""What a worker makes of what handlers return and raise."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from packhorse import Backoff, Cancel, Context, Fail, JobState, Packhorse, Retry, Skip
from tests.integration.worker_kit import wait_for, working

AT_ONCE = Backoff(first=timedelta(0), jitter=0)


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema and no tasks yet."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.mark.accepts("C8", "C27")
def test_a_returned_value_is_the_result_of_a_succeeded_job(app: Packhorse) -> None:
    """The job succeeds, and its result can be had by its handle."""

    @app.task(name="double")
    def double(n: int) -> int:
        return 2 * n

    with working(app):
        job = double.enqueue(21)
        assert job.result(timeout=10) == 42

    record = app.get_job(job.id)
    assert (record.state, record.attempt, record.failures) == (JobState.SUCCEEDED, 1, 0)
    assert record.started_at is not None
    assert record.finished_at is not None
    assert record.started_at <= record.finished_at


@pytest.mark.accepts("C8")
def test_an_exception_is_retried_and_each_attempt_is_on_record(app: Packhorse) -> None:
    """It fails twice and succeeds then: two failures counted, both in the history with their tracebacks."""

    @app.task(name="shaky", backoff=AT_ONCE)
    def shaky(ctx: Context) -> None:
        if ctx.job.attempt < 3:
            raise RuntimeError(f"not yet: {ctx.job.attempt}")

    with working(app):
        record = wait_for(app, shaky.enqueue().id)

    history = app.list_attempts(record.id)
    assert (record.state, record.attempt, record.failures) == (JobState.SUCCEEDED, 3, 2)
    assert [(run.attempt, run.outcome, run.error_message) for run in history] == [
        (1, "retry", "not yet: 1"),
        (2, "retry", "not yet: 2"),
    ]
    assert all("in shaky" in (run.error_traceback or "") for run in history)


@pytest.mark.accepts("C8")
def test_attempts_are_bounded(app: Packhorse) -> None:
    """After max_attempts counted failures the job is failed for good, and says why."""

    @app.task(name="hopeless", backoff=AT_ONCE, max_attempts=3)
    def hopeless() -> None:
        raise ValueError("never")

    with working(app):
        record = wait_for(app, hopeless.enqueue().id)

    assert (record.state, record.attempt, record.failures) == (JobState.FAILED, 3, 3)
    assert (record.error_type, record.error_message) == ("ValueError", "never")


@pytest.mark.accepts("C8")
@pytest.mark.parametrize("how", ["raised", "returned"])
@pytest.mark.parametrize(
    ("verdict", "state", "counts"),
    [
        (Fail("useless"), JobState.FAILED, (1, 0)),
        (Cancel("not wanted"), JobState.CANCELLED, (0, 0)),
        (Retry("again", after=timedelta(hours=1)), JobState.SCHEDULED, (1, 0)),
        (Skip("busy", after=timedelta(hours=1)), JobState.SCHEDULED, (0, 1)),
    ],
    ids=["fail", "cancel", "retry", "skip"],
)
def test_a_handler_may_raise_or_return_its_verdict(
    app: Packhorse, how: str, verdict: Fail | Cancel | Retry | Skip, state: JobState, counts: tuple[int, int]
) -> None:
    """Fail, Cancel, Retry and Skip mean the same either way; only Retry and Fail count as failures."""

    @app.task(name="judge")
    def judge() -> object:
        if how == "raised":
            raise verdict
        return verdict

    with working(app):
        record = wait_for(app, judge.enqueue().id, state)

    assert (record.failures, record.skips) == counts
    assert record.reason == verdict.reason


@pytest.mark.accepts("C8")
def test_a_policy_by_exception_decides_instead_of_a_retry(app: Packhorse) -> None:
    """The most special type that on_error names wins, subclasses included."""

    @app.task(
        name="picky", on_error={OSError: Skip("later", after=timedelta(hours=1)), FileNotFoundError: Fail("gone")}
    )
    def picky(kind: str) -> None:
        raise {"missing": FileNotFoundError, "refused": ConnectionRefusedError}[kind](kind)

    with working(app):
        missing = wait_for(app, picky.enqueue("missing").id, JobState.FAILED)
        refused = wait_for(app, picky.enqueue("refused").id, JobState.SCHEDULED)

    assert missing.reason == "gone"
    assert (refused.skips, refused.failures) == (1, 0)


@pytest.mark.accepts("C8")
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit], ids=lambda error: error.__name__)
def test_no_exception_of_a_handler_ends_the_worker(app: Packhorse, error: type[BaseException]) -> None:
    """Even one that is meant for the interpreter is the job's failure alone; the next job runs."""

    @app.task(name="leave", max_attempts=1)
    def leave() -> None:
        raise error("bye")

    @app.task(name="stay")
    def stay() -> str:
        return "here"

    with working(app, threads=1):
        left = wait_for(app, leave.enqueue().id)
        assert stay.enqueue().result(timeout=10) == "here"

    assert (left.state, left.error_type) == (JobState.FAILED, error.__name__)


@pytest.mark.accepts("C8", "C12")
def test_an_error_that_cannot_be_stored_as_it_is_is_stored_all_the_same(app: Packhorse) -> None:
    """NUL, lone surrogates, megabytes and a str() that raises: the job's failure is on record, cut and cleaned."""

    class Nasty(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    @app.task(name="garble", max_attempts=1)
    def garble(which: int) -> None:
        raise [ValueError("a\x00b\ud800c"), ValueError("x" * 5_000_000), Nasty()][which]

    with working(app):
        records = [wait_for(app, garble.enqueue(which).id) for which in range(3)]

    assert [record.state for record in records] == [JobState.FAILED] * 3
    assert records[0].error_message == "a\\x00b\\ud800c"
    assert len(records[1].error_message or "") <= 16 * 1024
    assert "str() raised RuntimeError" in (records[2].error_message or "")


@pytest.mark.accepts("C8", "C12")
def test_a_reason_that_cannot_be_stored_as_it_is_holds_up_nobody(app: Packhorse) -> None:
    """An exception, NUL, lone surrogates, megabytes, a thing that is no text: on record as text, and others go on."""

    @app.task(name="object_to", max_attempts=1)
    def object_to(which: int) -> None:
        late = Fail("late")
        late.reason = ValueError("set afterwards")  # type: ignore[assignment]
        raise [Fail(ValueError("as text")), Fail("a\x00b\ud800c"), Cancel("x" * 5_000_000), late][which]

    @app.task(name="fine")
    def fine() -> str:
        return "done"

    with working(app):
        reasons = [wait_for(app, object_to.enqueue(which).id).reason or "" for which in range(4)]
        assert fine.enqueue().result(timeout=10) == "done"

    assert reasons[:2] == ["as text", "a\\x00b\\ud800c"]
    assert len(reasons[2]) <= 16 * 1024
    assert reasons[3] == "set afterwards"
