"""The leader's worker deletes finished jobs whose time is over, by itself."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from packhorse import JobState, Packhorse
from packhorse.domain.outcome import Fail, Failure, Success
from packhorse.engine import Engine
from packhorse.retention import Expired, Pruned, PrunedBatches
from packhorse.runtime.pruner import ASK_AGAIN, CHUNK, SHORTEST_REST, Pruner
from packhorse.testing.clock import HasClock, MovingClock
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import acknowledge, claim, enqueue, enqueue_one, run_one
from packhorse.testing.samples import ERROR
from tests.integration.worker_kit import working
from tests.waiting import wait_until

WEEK = timedelta(days=7, seconds=1)
pytestmark = pytest.mark.accepts("C21")


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application without tasks."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.fixture
def engine(app: Packhorse) -> Engine:
    """The application's engine."""
    return app.engine


@pytest.fixture
def clock(app: Packhorse) -> MovingClock:
    """The database's clock."""
    assert isinstance(app.engine, HasClock)
    return MovingClock(app.engine)


def finish(engine: Engine, count: int, queue: str = "default") -> None:
    """Let jobs succeed."""
    enqueue(engine, count, queue=queue)
    for job in claim(engine, queue=queue, limit=count):
        assert acknowledge(engine, job, Success())


def passes(pruner: Pruner, most: int = 50) -> list[float | None]:
    """Let it make passes until it rests; the pauses that it asked for."""
    pauses = [pruner.run_once()]
    while pauses[-1] is not None and len(pauses) < most:
        pauses.append(pruner.run_once())
    return pauses


def test_a_worker_prunes_what_is_over(app: Packhorse, engine: Engine, clock: MovingClock) -> None:
    """Nobody has to ask for it; what failed stays."""
    finish(engine, 5)
    enqueue_one(engine, queue="mail")
    run_one(engine, Failure(ERROR, Fail()), queue="mail")
    clock.advance(WEEK)
    with working(app):
        wait_until(lambda: app.count_jobs()[JobState.SUCCEEDED] == 0, 20, "the pruner")
    assert app.count_jobs()[JobState.FAILED] == 1


def test_it_goes_chunk_by_chunk_and_rests_between_them(engine: Engine, clock: MovingClock) -> None:
    """One transaction never deletes more than a chunk; queues take turns; then it waits for its next time."""
    finish(engine, 2 * CHUNK + 1, queue="a")
    finish(engine, 1, queue="b")
    clock.advance(WEEK)
    watched = Watched(engine)
    *rests, last = passes(Pruner(watched, lambda: True))
    assert watched.chunks == [("a", CHUNK), ("b", 1), ("a", CHUNK), ("a", 1)]
    assert len(rests) == 4
    assert all(rests)
    assert last is None
    assert engine.count_jobs()[JobState.SUCCEEDED] == 0


def test_starts_that_no_rate_counts_any_more_go_too(engine: Engine) -> None:
    """They go chunk by chunk, and without any finished job."""
    put(engine, "default", rate=(10 * CHUNK, timedelta(hours=1)))
    enqueue(engine, CHUNK + 1)
    for _ in range(CHUNK + 1):
        assert len(claim(engine, limit=1, limited=True)) == 1
    put(engine, "default", rate=None)
    assert passes(Pruner(engine, lambda: True)) == [SHORTEST_REST, None]
    assert engine.forget_starts(1) == 0


def test_who_does_not_lead_prunes_nothing(engine: Engine, clock: MovingClock) -> None:
    """And one that leads no longer stops in the middle."""
    finish(engine, 3)
    clock.advance(WEEK)
    leads = False
    pruner = Pruner(engine, lambda: leads)
    assert pruner.run_once() == ASK_AGAIN
    leads = True
    pruner.run_once()
    leads = False
    assert pruner.run_once() == ASK_AGAIN
    assert engine.count_jobs()[JobState.SUCCEEDED] == 3


def test_a_dismissed_job_is_kept_for_another_month(app: Packhorse, engine: Engine, clock: MovingClock) -> None:
    """From its dismissal on, however long ago it failed."""
    id = enqueue_one(engine)
    run_one(engine, Failure(ERROR, Fail()))
    clock.advance(timedelta(days=100))
    assert engine.dismiss_jobs([id], "ada", "paid by now") == {id}
    clock.advance(timedelta(days=29))
    assert engine.list_expired() == []
    clock.advance(timedelta(days=1, seconds=1))
    passes(Pruner(engine, lambda: True))
    assert app.count_jobs()[JobState.FAILED] == 0


class Watched:
    """An engine that notes the chunks that are pruned."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.chunks: list[tuple[str, int]] = []

    def list_expired(self) -> list[Expired]:
        """What may be pruned."""
        return self._engine.list_expired()

    def count_expired(self, expired: Expired) -> int:
        """Count it."""
        return self._engine.count_expired(expired)

    def forget_starts(self, limit: int) -> int:
        """Forget starts."""
        return self._engine.forget_starts(limit)

    def prune_batches(self, limit: int, after: int = 0) -> PrunedBatches:
        """Forget batches."""
        return self._engine.prune_batches(limit, after)

    def prune_jobs(self, expired: Expired, limit: int) -> Pruned:
        """Do it, and note it."""
        pruned = self._engine.prune_jobs(expired, limit)
        self.chunks.append((expired.queue, len(pruned.ids)))
        return pruned
