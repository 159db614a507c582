"""What the acker does with acknowledgements that the database, or the way there, refuses."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from packhorse import JobState, Packhorse
from packhorse.domain.claim import Claim
from packhorse.domain.decide import Ack, decide
from packhorse.domain.job import Lease
from packhorse.domain.outcome import Success
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.worker import NewWorker
from packhorse.runtime.acker import Acker

WORKER = 7


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema, one task, and a registered worker that claims by hand."""
    app = Packhorse(database_url)
    app.engine.migrate()
    app.engine.register_worker(
        NewWorker(id=WORKER, name="by-hand:1", queues=[], tasks=["a_task"], lease=timedelta(seconds=60))
    )
    yield app
    app.engine.deregister_worker(WORKER)
    app.close()


def acks_of(app: Packhorse, count: int) -> list[Ack]:
    """The acknowledgements of as many jobs that succeeded."""

    @app.task(name="a_task")
    def a_task() -> None:
        """Never run here."""

    for _ in range(count):
        a_task.enqueue()
    jobs = app.engine.claim_jobs(Claim(lease=Lease(WORKER, 1), queue="default", limit=count))
    return [decide(job, Success(), RetryPolicy(), 0.5) for job in jobs]


@pytest.mark.accepts("C8")
def test_an_ack_that_cannot_even_be_sent_fails_its_own_job_alone(app: Packhorse) -> None:
    """Whatever raises on the way to the database, the others of the batch are stored, and it says so in the inbox."""
    first, second, third = acks_of(app, 3)
    acker = Acker(app.engine, lambda: None)
    for ack in (first, replace(second, reason=object()), third):
        acker.put(ack)

    acker.run_once()

    assert acker.is_idle()
    assert [app.get_job(ack.job_id).state for ack in (first, second, third)] == [
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.SUCCEEDED,
    ]
    assert app.get_job(second.job_id).error_type == "UnstorableOutcome"


def test_an_ack_to_be_stored_at_once_that_cannot_be_sent_is_left_to_the_next_batch(app: Packhorse) -> None:
    """With `ack="each"` too, its run ends and its job fails with the reason."""
    (ack,) = acks_of(app, 1)
    acker = Acker(app.engine, lambda: None)

    acker.put(replace(ack, reason=object()), each=True)
    acker.run_once()

    assert app.get_job(ack.job_id).state == JobState.FAILED
