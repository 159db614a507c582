"""The database's clock in a test's hands."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from packhorse.domain.state import JobState
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.testing.clock import MovingClock, move_clock
from packhorse.testing.contract.steps import database_now, enqueue_one, job_of
from tests.opening import open_engine

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[SqliteEngine | PostgresEngine]:
    """An engine on a database of its own."""
    engine = open_engine(database_url)
    engine.migrate()
    yield engine
    engine.close()


def is_off_by(engine: SqliteEngine | PostgresEngine, offset: timedelta) -> bool:
    """Whether the statements' clock runs that far from ours."""
    return abs(database_now(engine) - datetime.now(UTC) - offset) < MINUTE


def test_every_statement_follows_the_clock(engine: SqliteEngine | PostgresEngine) -> None:
    """Forwards and backwards, from where it is; and back to the system's."""
    clock = MovingClock(engine)
    id = enqueue_one(engine, delay=2 * HOUR)
    clock.advance(HOUR)
    assert is_off_by(engine, HOUR)
    assert engine.stage_jobs(1) == 0
    clock.advance(HOUR)
    assert engine.stage_jobs(1) == 1
    assert job_of(engine, id).state is JobState.AVAILABLE
    clock.advance(-3 * HOUR)
    assert is_off_by(engine, -HOUR)
    clock.reset()
    assert is_off_by(engine, 0 * HOUR)


def test_a_clock_can_be_moved_from_another_process_by_the_databases_address(
    engine: SqliteEngine | PostgresEngine, database_url: str
) -> None:
    """It is the database's, not the engine object's."""
    move_clock(database_url, 5 * HOUR)
    assert is_off_by(engine, 5 * HOUR)
    move_clock(engine, 0 * HOUR)
    assert is_off_by(engine, 0 * HOUR)


def test_what_has_no_clock_is_refused() -> None:
    """The message names it."""
    with pytest.raises(TypeError, match="has no clock that can be moved"):
        move_clock(object(), HOUR)
