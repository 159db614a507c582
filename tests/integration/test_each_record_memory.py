"""How much memory and how much reading a package of many records takes."""

import tracemalloc
from collections.abc import Iterator

import pytest

from packhorse import Context, JobState, Packhorse
from tests.integration.each_kit import Line, accounting, lines

FEW, MANY = 10_000, 50_000
AT_MOST = 25
"""Bytes for each further record: what is read of one takes ten times as many."""


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with no handlers yet."""
    with accounting(database_url) as app:
        yield app


@pytest.mark.slow
def test_a_package_of_many_records_runs_in_the_memory_of_one_of_few(app: Packhorse) -> None:
    """Its records are read, loaded and told of by the page and by the chunk, never all at once."""

    @app.work_package(each=True)
    def post(ctx: Context, line: Line) -> None:
        """Nothing."""

    def peak(count: int) -> int:
        id = post.package().add(*lines(*range(count))).enqueue().id
        tracemalloc.start()
        try:
            app.run_pending()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert app.get_job(id).state is JobState.SUCCEEDED
        return most

    peak(100)
    few = peak(FEW)
    assert peak(MANY) - few < AT_MOST * (MANY - FEW)


def test_what_became_of_records_is_recorded_without_reading_all_others(app: Packhorse) -> None:
    """Each is found by its whole key; else a package would take as long as the square of its records."""
    if app.engine.dialect != "sqlite":
        pytest.skip("PostgreSQL's plans depend on what a table holds")
    statement = app.engine.record_statement(1, {0: ("done", None)})
    transaction = app.engine.begin()
    plan = transaction.execute(f"explain query plan {statement.text}", statement.params).fetchall()
    transaction.rollback()
    assert any("job_id=? AND position=?" in line for *_, line in plan), plan
