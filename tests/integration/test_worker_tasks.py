"""Tasks that a worker does not know, and payloads that nobody can read."""

from collections.abc import Iterator

import pytest

from packhorse import JobState, Packhorse
from tests.crash.conftest import connected
from tests.integration.worker_kit import wait_for, working
from tests.waiting import wait_until


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema and one task, `known`."""
    app = Packhorse(database_url)
    app.engine.migrate()

    @app.task(name="known")
    def known() -> str:
        return "done"

    yield app
    app.close()


@pytest.fixture
def other(database_url: str) -> Iterator[Packhorse]:
    """Another application on the same database, which knows `elsewhere`."""
    app = Packhorse(database_url)

    @app.task(name="elsewhere")
    def elsewhere() -> str:
        return "done elsewhere"

    yield app
    app.close()


@pytest.mark.accepts("C13")
def test_a_job_of_a_task_that_nobody_knows_is_parked_with_that_reason(app: Packhorse) -> None:
    """It is blocked, says why, and used no attempt; the jobs behind it run."""
    parked = app.enqueue("elsewhere")
    with working(app):
        behind = app.enqueue("known")
        assert behind.result(timeout=10) == "done"
        record = wait_for(app, parked.id, JobState.BLOCKED)

    assert record.attempt == 0
    assert "no live worker knows elsewhere" in (record.reason or "")


@pytest.mark.accepts("C13")
def test_the_first_worker_that_registers_the_task_runs_its_parked_jobs(app: Packhorse, other: Packhorse) -> None:
    """Parked while nobody knows it, available and done as soon as somebody does."""
    jobs = [app.enqueue("elsewhere") for _ in range(20)]
    with working(app):
        for job in jobs:
            wait_for(app, job.id, JobState.BLOCKED)
        with working(other):
            assert {wait_for(app, job.id).state for job in jobs} == {JobState.SUCCEEDED}


@pytest.mark.accepts("C13")
def test_a_worker_leaves_alone_what_another_live_one_knows(app: Packhorse, other: Packhorse) -> None:
    """Two workers with different tasks on one queue: every job is done by the one that knows it, none is parked."""
    with working(app), working(other):
        jobs = [app.enqueue(name) for _ in range(100) for name in ("known", "elsewhere")]
        records = [wait_for(app, job.id) for job in jobs]

    assert {record.state for record in records} == {JobState.SUCCEEDED}
    assert {record.attempt for record in records} == {1}


@pytest.mark.accepts("C13")
def test_a_crowd_of_unknown_jobs_at_the_head_does_not_hold_up_the_others(app: Packhorse) -> None:
    """5,000 urgent jobs that nobody knows are parked in bulk; a job behind them runs."""
    unknown = app.named("elsewhere").using(priority="urgent")
    app.enqueue_many([unknown.call(n) for n in range(5_000)])
    with working(app):
        assert app.enqueue("known").result(timeout=30) == "done"
        wait_until(lambda: app.count_jobs()[JobState.BLOCKED] == 5_000, 30, "all of them to be parked")


@pytest.mark.accepts("C13")
def test_a_task_name_is_never_imported(app: Packhorse) -> None:
    """A stored name that is somebody's function is a key that nobody knows, nothing more."""
    jobs = [app.enqueue(name) for name in ("os.system", "builtins.eval", "../etc/passwd")]
    with working(app):
        for job in jobs:
            wait_for(app, job.id, JobState.BLOCKED)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize("args", ["not json", "{}", "[1e400]", '["\\u0000"]', "[" * 100 + "]" * 100, "[1, 2, 3]"])
def test_a_bad_row_inserted_by_hand_fails_that_job_alone(app: Packhorse, database_url: str, args: str) -> None:
    """Its arguments can't be read or don't fit: it fails at once and says so, its neighbour runs."""
    bad, good = app.enqueue("known"), app.enqueue("known")
    table = "packhorse_job" if app.engine.dialect == "sqlite" else "packhorse.job"
    mark = "?" if app.engine.dialect == "sqlite" else "%s"
    with connected(database_url) as db:
        db.execute(f"update {table} set args = {mark} where id = {mark}", (args, bad.id))  # noqa: S608
    with working(app):
        record = wait_for(app, bad.id)
        assert good.result(timeout=10) == "done"

    assert record.state == JobState.FAILED
    assert record.error_type in ("PayloadError", "SignatureError")
    assert app.list_jobs(state=JobState.FAILED) == [record]
