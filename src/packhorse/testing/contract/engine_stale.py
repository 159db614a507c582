"""What does not get on by itself is found, and given up on request."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Success
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.operations import Selection
from packhorse.testing.contract.engine_batches import batch_of, open_batch, put_in, tasks_waiting
from packhorse.testing.contract.steps import acknowledge, claim, enqueue_one, job_of, run_one, settle
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import TASK, new_job

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def stale(engine: Engine, longer_than: timedelta = DAY) -> list[tuple[str, str, int, int]]:
    """What is stale: the tasks, what they wait for, how many there are, and one of them."""
    return [(one.task, one.waits_for, one.count, one.lowest_id) for one in engine.list_stale(longer_than)]


@pytest.mark.accepts("M28")
class StaleContract(EngineContract):
    """`list_stale`, `Selection.stale_for` and `give_up_batches`."""

    def test_what_never_became_ready_is_found(self, engine: Engine, clock: Clock) -> None:
        """Whatever blocks it; what is available, scheduled or running is none of it, nor what came a moment ago."""
        held = [enqueue_one(engine, task="shop.held") for _ in range(2)]
        engine.hold_jobs(held)
        enqueue_one(engine, task="shop.unknown", queue="mail")
        engine.park_jobs("mail", "shop.unknown", 1)
        first, late = (enqueue_one(engine, task="shop.first") for _ in range(2))
        follower = enqueue_one(engine, task="shop.follower", keys=Keys(after=(first,)))
        settle(engine)
        enqueue_one(engine, task="shop.later", delay=30 * DAY)
        clock.advance(DAY + HOUR)
        engine.hold_jobs([enqueue_one(engine, task="shop.fresh"), late])
        assert sorted(stale(engine)) == [
            ("shop.first", "hold", 1, late),
            ("shop.follower", "jobs", 1, follower),
            ("shop.held", "hold", 2, held[0]),
            ("shop.unknown", "task", 1, held[1] + 1),
        ]
        assert stale(engine, 2 * DAY) == []
        oldest, *_ = engine.list_stale(DAY)
        assert (oldest.task, oldest.queue, oldest.since) == ("shop.held", "default", job_of(engine, held[0]).order_at)

    def test_a_job_that_is_held_before_its_time_is_not_stale(self, engine: Engine, clock: Clock) -> None:
        """Not before it has been wanted for so long."""
        id = enqueue_one(engine, delay=30 * DAY)
        engine.hold_jobs([id])
        clock.advance(30 * DAY + HOUR)
        assert stale(engine) == []
        clock.advance(DAY)
        assert stale(engine) == [(TASK, "hold", 1, id)]

    def test_stale_jobs_are_counted_and_cancelled(self, engine: Engine, clock: Clock) -> None:
        """They stay as records, with the reason; others are left as they are."""
        engine.hold_jobs([held := enqueue_one(engine)])
        enqueue_one(engine)
        run_one(engine, Success("1"))
        clock.advance(2 * DAY)
        engine.hold_jobs([fresh := enqueue_one(engine)])
        waiting = enqueue_one(engine)
        selection = Selection(stale_for=DAY)
        assert [(group.state, group.count) for group in engine.count_selected(selection)] == [(JobState.BLOCKED, 1)]
        assert engine.list_selected(selection, 0, 10) == [held]
        engine.cancel_jobs([held], "kim", "nobody wants it")
        assert job_of(engine, held).reason == "cancelled by kim: nobody wants it"
        assert engine.list_selected(selection, 0, 10) == []
        assert [job_of(engine, id).state for id in (fresh, waiting)] == [JobState.BLOCKED, JobState.AVAILABLE]

    def test_the_jobs_of_a_batch_are_selected(self, engine: Engine) -> None:
        """Live and finished ones; those of others are not."""
        one, other = open_batch(engine), open_batch(engine)
        jobs = [*put_in(engine, one, 2), *put_in(engine, one, 1, delay=DAY)]
        put_in(engine, other, 2)
        enqueue_one(engine)
        engine.cancel_jobs(jobs[:1])
        assert engine.list_selected(Selection(batch=one), 0, 10) == jobs
        assert sum(group.count for group in engine.count_selected(Selection(batch=one))) == 3

    def test_a_batch_that_is_given_up_ends_with_the_jobs_that_it_has(self, engine: Engine) -> None:
        """Whatever was expected; it is no success, who waits for one is told nothing, and who waits for its end is."""
        calls = {name: new_job(task=name) for name in ("on_success", "on_end")}
        id, closed = open_batch(engine, expected=10, **calls), open_batch(engine)
        engine.close_batch(closed)
        put_in(engine, id, 2)
        settle(engine)
        running, waiting = claim(engine)
        assert acknowledge(engine, waiting, Success("1"))
        assert engine.give_up_batches([id, closed, closed + 1], "kim", "its program has died") == {id}
        assert batch_of(engine, id).is_open
        assert acknowledge(engine, running, Success("1"))
        batch = batch_of(engine, id)
        assert (batch.state, batch.reason) == ("cancelled", "cancelled by kim: its program has died")
        assert (batch.succeeded, batch.total, batch.expected, batch.time_left) == (2, 2, 10, timedelta(0))
        assert tasks_waiting(engine) == ["on_end"]
        assert engine.give_up_batches([id]) == set()
