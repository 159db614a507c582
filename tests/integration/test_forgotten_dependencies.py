"""What a job waited for is kept no longer than the job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from packhorse.domain.job import Keys
from packhorse.engine import Engine
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import enqueue_one
from tests.opening import open_engine

TABLES = {"sqlite": "packhorse_dependency", "postgresql": "packhorse.dependency"}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database of its own."""
    engine = open_engine(database_url)
    engine.migrate()
    yield engine
    engine.close()


def waiting(engine: Engine) -> list[int]:
    """The jobs of which it is known what they wait for."""
    transaction = engine.begin()
    try:
        rows = transaction.execute(f"SELECT job_id FROM {TABLES[engine.dialect]} ORDER BY job_id")  # noqa: S608
    finally:
        transaction.rollback()
    return [row[0] for row in rows]


def test_it_goes_with_a_cancelled_job_that_is_deleted_or_pruned(engine: Engine) -> None:
    """Until then it is kept, since the job may be brought back."""
    put(engine, "short", keep_cancelled=timedelta(0))
    target = enqueue_one(engine)
    deleted, pruned = (enqueue_one(engine, queue=name, keys=Keys(after=(target,))) for name in ("default", "short"))
    engine.cancel_jobs([deleted, pruned])
    assert waiting(engine) == [deleted, pruned]

    for expired in engine.list_expired():
        engine.prune_jobs(expired, 100)
    assert waiting(engine) == [deleted]

    engine.delete_jobs([deleted])
    assert waiting(engine) == []
