"""Jobs with a serial key run one at a time, in the order in which they became visible."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Cancel, Fail, Outcome, Retry, Skip, Success, Unknown, Unstarted
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    decided,
    drained,
    enqueue,
    enqueue_one,
    ids_of,
    job_of,
    line,
    ready,
    rescue,
    run_one,
    settle,
)
from packhorse.testing.contract.subject import Clock, EngineContract, ProducerConnection
from packhorse.testing.samples import TASK, new_job

HOUR = timedelta(hours=1)
SERIAL = Keys(serial_key="customer:7")
FINAL: list[Outcome] = [Success(), Success('"kept"'), Fail(), Cancel()]


class SerialContract(EngineContract):
    """Jobs with a serial key."""

    @pytest.mark.accepts("C15")
    def test_only_the_first_of_a_key_can_be_claimed(self, engine: Engine) -> None:
        """The others wait, whatever queue and task they are of; other keys don't matter."""
        first, second = line(engine, 2, SERIAL)
        [elsewhere] = line(engine, 1, SERIAL, task="shop.other", queue="mail")
        [other] = line(engine, 1, Keys(serial_key="customer:8"))
        assert ids_of(claim(engine)) == [first, other]
        assert claim(engine, queue="mail") == []
        assert [job_of(engine, id).waits_for for id in (second, elsewhere)] == ["serial", "serial"]

    @pytest.mark.accepts("C15")
    def test_before_it_is_settled_nobody_can_claim(self, engine: Engine) -> None:
        """The producer stores it blocked; a glance tells workers that there is something to settle."""
        id = enqueue_one(engine, keys=SERIAL)
        assert job_of(engine, id).state is JobState.BLOCKED
        assert claim(engine) == []
        assert engine.glance(1).has_turns
        settle(engine)
        assert not engine.glance(1).has_turns
        assert ids_of(claim(engine)) == [id]

    @pytest.mark.accepts("C15")
    @pytest.mark.parametrize("end", FINAL, ids=["plain", "result", "fail", "cancel"])
    def test_the_end_of_one_lets_the_next_go_on_at_once(self, engine: Engine, end: Outcome) -> None:
        """With the very acknowledgement, whatever it says; nobody need settle anything."""
        ids = line(engine, 3, SERIAL)
        for id in ids:
            assert run_one(engine, end).id == id
        assert claim(engine) == []

    @pytest.mark.accepts("C15")
    def test_urgency_does_not_change_the_order(self, engine: Engine) -> None:
        """Nor does what is wanted sooner: it is one line."""
        first = enqueue_one(engine, keys=SERIAL, priority=9)
        urgent = enqueue_one(engine, keys=SERIAL, priority=1, expected_in=timedelta(0))
        settle(engine)
        assert drained(engine) == [first, urgent]

    @pytest.mark.accepts("C15")
    def test_the_order_is_that_in_which_they_became_visible(self, engine: Engine, producer: ProducerConnection) -> None:
        """One that was stored before, and is committed after another one was seen, comes behind it."""
        early = sorted(row[0] for row in producer.run(engine.insert_statement([new_job(keys=SERIAL)])))
        if engine.features.concurrent_writers:
            seen = line(engine, 2, SERIAL)
            producer.commit()
        else:
            producer.commit()
            seen = []
            early += line(engine, 2, SERIAL)
        settle(engine)
        assert drained(engine) == [*seen, *early]

    @pytest.mark.accepts("C15")
    @pytest.mark.parametrize("end", [Retry(after=HOUR), Skip(after=HOUR)], ids=["retry", "skip"])
    def test_the_key_is_kept_until_the_next_attempt(self, engine: Engine, clock: Clock, end: Outcome) -> None:
        """Those behind wait, though nothing runs."""
        first, second = line(engine, 2, SERIAL)
        run_one(engine, end)
        assert ready(engine) == []
        clock.advance(2 * HOUR)
        engine.stage_jobs(10)
        assert ready(engine) == [first]
        run_one(engine, Success())
        assert ready(engine) == [second]

    @pytest.mark.accepts("C15")
    def test_it_is_kept_when_the_job_is_given_back_or_its_worker_dies(self, engine: Engine) -> None:
        """The job itself comes first again; after its last crash the next one does."""
        first, second = line(engine, 2, SERIAL)
        run_one(engine, Unstarted())
        assert ready(engine) == [first]
        claim_one(engine, worker=7)
        assert rescue(engine, 7) == {first}
        assert ready(engine) == []
        last = claim_one(engine, suspects=True, worker=7)
        assert last.id == first
        acknowledge(engine, last, Fail())
        assert ready(engine) == [second]

    @pytest.mark.accepts("C5", "C15")
    def test_a_late_end_lets_nobody_go_on(self, engine: Engine) -> None:
        """The acknowledgement of a lease that is lost changes nothing: the job has its key still."""
        first, second = line(engine, 2, SERIAL)
        late = claim_one(engine, worker=7)
        rescue(engine, 7)
        assert not acknowledge(engine, late, Success())
        settle(engine)
        assert job_of(engine, second).state is JobState.BLOCKED
        assert ids_of(claim(engine, suspects=True)) == [first]

    @pytest.mark.accepts("C15", "C17")
    def test_a_cancelled_job_lets_the_next_go_on(self, engine: Engine) -> None:
        """Before its start, while it runs, and between two attempts."""
        first, second, third, fourth = line(engine, 4, SERIAL)
        engine.cancel_jobs([first])
        assert ready(engine) == [second]
        running = claim_one(engine)
        engine.cancel_jobs([second])
        assert ready(engine) == []
        [told] = engine.list_cancelled_runs(running.lease.worker)
        acknowledge(engine, told, Cancel())
        assert ready(engine) == [third]
        run_one(engine, Retry(after=HOUR))
        engine.cancel_jobs([third])
        assert ready(engine) == [fourth]

    @pytest.mark.accepts("C15", "C17")
    def test_a_waiting_one_can_be_cancelled(self, engine: Engine) -> None:
        """The line closes up; one that nobody has settled yet may be cancelled, too."""
        first, second, third = line(engine, 3, SERIAL)
        fresh = enqueue_one(engine, keys=SERIAL)
        engine.cancel_jobs([second, fresh])
        settle(engine)
        assert drained(engine) == [first, third]

    @pytest.mark.accepts("C17")
    def test_a_held_one_is_passed_over_and_comes_to_the_end(self, engine: Engine) -> None:
        """One that has the key keeps it while it is held."""
        first, second, third = line(engine, 3, SERIAL)
        engine.hold_jobs([second])
        run_one(engine, Success())
        assert ready(engine) == [third]
        engine.hold_jobs([third])
        [fourth] = line(engine, 1, SERIAL)
        engine.release_jobs([second])
        assert ready(engine) == []
        engine.release_jobs([third])
        settle(engine)
        assert drained(engine) == [third, fourth, second]
        assert job_of(engine, first).state is JobState.SUCCEEDED

    @pytest.mark.accepts("C15")
    def test_a_delayed_one_comes_to_the_line_when_it_is_due(self, engine: Engine, clock: Clock) -> None:
        """It holds up nobody before."""
        delayed = enqueue_one(engine, keys=SERIAL, delay=HOUR)
        first, second = line(engine, 2, SERIAL)
        assert ready(engine) == [first]
        clock.advance(2 * HOUR)
        engine.stage_jobs(10)
        settle(engine)
        assert drained(engine) == [first, second, delayed]

    @pytest.mark.accepts("C15", "C17")
    def test_a_delayed_one_that_is_held_and_released_waits_for_its_time(self, engine: Engine) -> None:
        """It does not come to the line before."""
        delayed = enqueue_one(engine, keys=SERIAL, delay=HOUR)
        engine.hold_jobs([delayed])
        engine.release_jobs([delayed])
        settle(engine)
        assert job_of(engine, delayed).state is JobState.SCHEDULED
        [other] = line(engine, 1, SERIAL)
        assert ready(engine) == [other]

    @pytest.mark.accepts("C10", "C15")
    def test_a_parked_one_keeps_the_key(self, engine: Engine) -> None:
        """The order is kept when a worker comes that knows its task."""
        first, second = line(engine, 2, SERIAL)
        engine.park_jobs("default", TASK, 10)
        assert ready(engine) == []
        engine.unpark_jobs([TASK], 10)
        assert ready(engine) == [first]
        acknowledge(engine, claim_one(engine), Unknown(TASK))
        assert ready(engine) == []
        engine.unpark_jobs([TASK], 10)
        settle(engine)
        assert drained(engine) == [first, second]

    @pytest.mark.accepts("C15")
    def test_one_that_is_brought_back_comes_to_the_end_of_the_line(self, engine: Engine) -> None:
        """It had its turn."""
        first, second, third = line(engine, 3, SERIAL)
        run_one(engine, Fail())
        engine.retry_jobs([first])
        settle(engine)
        assert drained(engine) == [second, third, first]

    @pytest.mark.accepts("C1", "C15")
    def test_what_is_rolled_back_was_never_in_the_line(self, engine: Engine, producer: ProducerConnection) -> None:
        """Neither are those of an undone savepoint."""
        producer.run(engine.insert_statement([new_job(keys=SERIAL)]))
        producer.rollback()
        [kept] = (row[0] for row in producer.run(engine.insert_statement([new_job(keys=SERIAL)])))
        producer.begin_savepoint()
        producer.run(engine.insert_statement([new_job(keys=SERIAL)]))
        producer.undo_savepoint()
        producer.commit()
        settle(engine)
        assert drained(engine) == [kept]

    @pytest.mark.accepts("C15")
    def test_settling_twice_is_settling_once(self, engine: Engine) -> None:
        """Also when others come in between, and however few are looked at in one pass."""
        first = line(engine, 3, SERIAL)
        for _ in range(3):
            engine.release_followers(1)
            engine.admit_jobs(1)
        more = enqueue(engine, 5, keys=SERIAL)
        while engine.glance(1).has_turns:
            engine.admit_jobs(2)
        assert drained(engine) == first + more

    def test_keys_that_nobody_has_are_forgotten(self, engine: Engine) -> None:
        """However many they were; none that has a job, and the next job of a key that was is as the first."""
        done = enqueue(engine, 1, keys=Keys(serial_key="z", group_key="g"))
        for n in range(7):
            done += enqueue(engine, 1, keys=Keys(serial_key=f"k{n}"))
        settle(engine)
        assert sum(engine.forget_turns(3) for _ in range(4)) == 0
        for job in claim(engine):
            acknowledge(engine, job, Success())
        first, second = line(engine, 2, SERIAL)
        assert sum(engine.forget_turns(3) for _ in range(5)) == len(done) + 1
        again = enqueue(engine, 1, keys=Keys(serial_key="z", group_key="g"))
        settle(engine)
        assert sorted(drained(engine)) == [first, second, *again]

    @pytest.mark.accepts("C7", "C15")
    @pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
    def test_the_next_goes_on_with_the_handlers_own_transaction(self, engine: Engine, commits: bool) -> None:
        """An atomic job's key is free if, and only if, its transaction commits."""
        first, second = line(engine, 2, SERIAL)
        acknowledgement = engine.ack_statements(decided(claim_one(engine), Success()))
        transaction = engine.begin()
        if commits:
            assert transaction.commit_with(acknowledgement)
        else:
            for statement in acknowledgement:
                transaction.run(statement)
            transaction.rollback()
        settle(engine)
        assert job_of(engine, second).state is (JobState.AVAILABLE if commits else JobState.BLOCKED)
        assert job_of(engine, first).state is (JobState.SUCCEEDED if commits else JobState.EXECUTING)
