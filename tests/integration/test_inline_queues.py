"""Inline mode and the testing kit obey the queues' records as a worker does."""

from datetime import timedelta
from typing import Any

import pytest

from packhorse import JobState, Packhorse
from packhorse.testing import Kit

HOUR = timedelta(hours=1)
Step = Any


@pytest.fixture
def packhorse_app() -> Packhorse:
    """An application without tasks yet."""
    return Packhorse()


@pytest.fixture
def app(packhorse_kit: Kit) -> Packhorse:
    """The same, with a database."""
    return packhorse_kit.app


@pytest.fixture
def ran() -> list[int]:
    """Which steps ran, in order."""
    return []


@pytest.fixture
def step(app: Packhorse, ran: list[int]) -> Step:
    """A task that notes its number."""

    @app.task(name="step")
    def step(n: int) -> None:
        ran.append(n)

    return step


@pytest.mark.accepts("C24", "C16")
def test_no_more_start_than_the_rate_allows(app: Packhorse, packhorse_kit: Kit, step: Step, ran: list[int]) -> None:
    """Two, in one call or in several; the rest when their time has come, and a drain ends meanwhile."""
    app.queues.set("default", rate="2/h")
    app.enqueue_many([step.call(n) for n in range(3)])
    assert (app.run_pending(), app.run_pending()) == (2, 0)
    packhorse_kit.drain()
    assert ran == [0, 1]
    packhorse_kit.clock.advance(2 * HOUR)
    packhorse_kit.drain()
    assert ran == [0, 1, 2]


@pytest.mark.accepts("C24", "C17")
def test_a_pause_a_floor_and_a_limit_of_other_queues_hold(
    app: Packhorse, packhorse_kit: Kit, step: Step, ran: list[int]
) -> None:
    """What is kept back stays, and keeps nothing else from running."""
    app.queues.pause("paused", by="ada")
    app.queues.set("urgent", priority_floor=2)
    app.queues.set("used-up", rate="1/h")
    for n, queue in enumerate(["paused", "urgent", "used-up", "used-up", "zebra"]):
        step.using(queue=queue).enqueue(n)
    packhorse_kit.drain()
    assert ran == [2, 4]
    assert [job.state for job in app.list_jobs(queue="urgent")] == [JobState.AVAILABLE]


@pytest.mark.accepts("C24", "C15")
def test_in_an_aging_queue_what_waits_long_overtakes(
    app: Packhorse, packhorse_kit: Kit, step: Step, ran: list[int]
) -> None:
    """By the order of its record."""
    app.queues.set("default", order="aging")
    step.using(priority=9).enqueue(1)
    packhorse_kit.clock.advance(24 * HOUR)
    step.using(priority=1).enqueue(2)
    assert app.run_pending() == 2
    assert ran == [1, 2]


@pytest.mark.accepts("C24", "C15")
def test_a_chain_that_breaks_is_settled_in_one_call(app: Packhorse, step: Step, ran: list[int]) -> None:
    """Whoever is cancelled because of one that was, lets those go on that waited for its end."""
    first = step.enqueue(1)
    second = step.using(after=[first]).enqueue(2)
    third = step.using(after=[second]).enqueue(3)
    step.using(after=[third], after_needs="end").enqueue(4)
    app.cancel(first.id)
    assert app.run_pending() == 1
    assert ran == [4]
    assert {job.id for job in app.list_jobs(state=JobState.CANCELLED)} == {first.id, second.id, third.id}
