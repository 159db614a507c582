"""Workers: who is registered, who lives, who is lost, and what becomes of the jobs of the lost."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from packhorse.domain.outcome import Success
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    decided,
    enqueue,
    enqueue_one,
    ids_of,
    job_of,
    lost_workers,
    register,
    rescue,
)
from packhorse.testing.contract.subject import Clock, EngineContract, ProducerConnection
from packhorse.testing.samples import LEASE, TASK, new_job

SECOND = timedelta(seconds=1)


class LivenessContract(EngineContract):
    """Registration, heartbeats, and who is lost."""

    def test_a_registered_worker_is_listed(self, engine: Engine, another_engine: Engine, clock: Clock) -> None:
        """With its name, queues, start, expiry and the number of its jobs; the oldest first."""
        first = register(engine, name="shop-3:4711", queues=["billing", "mäil"])
        clock.advance(SECOND)
        second = register(engine)
        enqueue(engine, 3)
        claim(engine, worker=first.id, limit=2)
        one, two = another_engine.list_workers()
        assert (one.id, one.name, list(one.queues), one.executing) == (first.id, first.name, ["billing", "mäil"], 2)
        assert (two.id, list(two.queues), two.executing) == (second.id, [], 0)
        assert abs(one.expires_at - one.started_at - LEASE) < SECOND
        assert engine.glance(first.id).is_registered

    @pytest.mark.accepts("C13")
    def test_the_known_tasks_are_those_of_live_workers(self, engine: Engine, clock: Clock) -> None:
        """Of all of them together, each once; a worker that left, is lost or dead knows nothing."""
        leaving = register(engine, tasks=["a", "b"])
        dying = register(engine, tasks=["b", "c"])
        late = register(engine, tasks=["d"])
        assert engine.list_known_tasks() == {"a", "b", "c", "d"}
        engine.deregister_worker(leaving.id)
        assert engine.list_known_tasks() == {"b", "c", "d"}
        engine.expire_worker(dying.id)
        assert engine.list_known_tasks() == {"d"}
        clock.advance(LEASE + SECOND)
        assert engine.list_known_tasks() == frozenset()
        engine.beat([late.id], LEASE)
        assert engine.list_known_tasks() == {"d"}

    @pytest.mark.accepts("C6")
    def test_a_worker_without_a_heartbeat_is_lost_after_its_lease(self, engine: Engine, clock: Clock) -> None:
        """Not before; and `glance` says so to everybody."""
        worker = register(engine)
        clock.advance(LEASE - 5 * SECOND)
        assert not lost_workers(engine)
        assert not engine.glance(1).has_lost_workers
        clock.advance(6 * SECOND)
        assert list(lost_workers(engine)) == [worker.id]
        assert engine.glance(1).has_lost_workers

    @pytest.mark.accepts("C6")
    def test_a_heartbeat_keeps_a_worker_alive(self, engine: Engine, clock: Clock) -> None:
        """For another lease from the beat on, also when it was late; the unknown ones are not among the answers."""
        worker, other = register(engine), register(engine)
        for _ in range(3):
            clock.advance(LEASE - SECOND)
            assert engine.beat([worker.id, 12345], LEASE) == {worker.id}
        assert list(lost_workers(engine)) == [other.id]
        assert engine.beat([worker.id, other.id], LEASE) == {worker.id, other.id}
        assert not lost_workers(engine)
        assert engine.beat([], LEASE) == set()

    def test_a_lease_may_differ_from_worker_to_worker(self, engine: Engine, clock: Clock) -> None:
        """Each has the one that it was registered with, and from its next beat on that beat's."""
        short, long = register(engine, lease=LEASE), register(engine, lease=10 * LEASE)
        clock.advance(2 * LEASE)
        assert list(lost_workers(engine)) == [short.id]
        engine.beat([long.id], LEASE)
        clock.advance(2 * LEASE)
        assert set(lost_workers(engine)) == {short.id, long.id}

    @pytest.mark.accepts("C6")
    def test_a_heartbeat_waits_for_no_writer(self, engine: Engine, producer: ProducerConnection) -> None:
        """Even while another connection has had the database's write lock for a long time."""
        worker = register(engine)
        producer.run(engine.insert_statement([new_job()]))
        began = time.monotonic()
        assert engine.beat([worker.id], LEASE) == {worker.id}
        assert time.monotonic() - began < 1
        producer.rollback()

    @pytest.mark.accepts("C6")
    def test_a_worker_whose_end_was_seen_is_lost_at_once(self, engine: Engine, another_engine: Engine) -> None:
        """Whoever declares it, and whichever engine object it was registered with; a beat that comes late is void."""
        worker = register(engine)
        another_engine.expire_worker(worker.id)
        assert list(lost_workers(engine)) == list(lost_workers(another_engine)) == [worker.id]
        another_engine.expire_worker(12345)

    def test_a_worker_that_leaves_is_forgotten(self, engine: Engine) -> None:
        """It is not lost, its row is gone, and its beats are no longer answered."""
        worker = register(engine)
        engine.deregister_worker(worker.id)
        assert engine.list_workers() == engine.list_lost_workers() == []
        assert engine.beat([worker.id], LEASE) == set()
        assert not engine.glance(worker.id).is_registered
        engine.deregister_worker(worker.id)

    @pytest.mark.accepts("C6")
    def test_a_worker_that_leaves_jobs_behind_is_lost(self, engine: Engine) -> None:
        """They are rescued without waiting for the lease; afterwards it is forgotten like any other."""
        worker = register(engine)
        enqueue(engine)
        claim_one(engine, worker=worker.id)
        engine.deregister_worker(worker.id)
        assert [(lost.id, lost.name) for lost in engine.list_lost_workers()] == [(worker.id, worker.name)]
        assert len(rescue(engine, worker.id)) == 1
        engine.deregister_worker(worker.id)
        assert engine.list_lost_workers() == []

    @pytest.mark.accepts("C6")
    def test_a_holder_of_jobs_without_a_row_is_lost(self, engine: Engine) -> None:
        """It was given up and claimed once more, say. Its jobs are not: it is listed as `unknown`."""
        id = enqueue_one(engine)
        claim_one(engine, worker=4711)
        lost = lost_workers(engine)[4711]
        assert (lost.name, lost.executing) == ("unknown", 1)
        assert rescue(engine, 4711) == {id}
        assert engine.list_lost_workers() == []

    @pytest.mark.accepts("C6")
    def test_a_lost_workers_jobs_are_rescued_and_nobody_elses(self, engine: Engine) -> None:
        """Each is available again with a crash on its account; the living worker's jobs are not touched."""
        dead, alive = register(engine, name="shop-3:4711"), register(engine)
        enqueue(engine, 5)
        theirs = ids_of(claim(engine, worker=dead.id, limit=3))
        [mine, mine_too] = claim(engine, worker=alive.id)
        engine.expire_worker(dead.id)
        assert lost_workers(engine)[dead.id].executing == 3
        assert rescue(engine, dead.id) == set(theirs)
        for id in theirs:
            record = job_of(engine, id)
            assert (record.state, record.crashes, record.failures) == (JobState.AVAILABLE, 1, 0)
            assert [(run.outcome, run.worker) for run in engine.list_attempts(id)] == [("crash", "shop-3:4711")]
        assert engine.glance(alive.id).suspect_queues
        assert engine.ack_jobs([decided(job, Success()) for job in (mine, mine_too)]) == {mine.id, mine_too.id}

    @pytest.mark.accepts("C6")
    def test_a_job_of_two_rescuers_is_charged_once(self, engine: Engine, another_engine: Engine) -> None:
        """The second rescuer's acknowledgements are stale."""
        worker = register(engine)
        ids = enqueue(engine, 3)
        claim(engine, worker=worker.id)
        engine.expire_worker(worker.id)
        assert (rescue(engine, worker.id), rescue(another_engine, worker.id)) == (set(ids), set())
        assert {job_of(engine, id).crashes for id in ids} == {1}

    def test_leased_jobs_are_listed_under_their_leases(self, engine: Engine) -> None:
        """Those of one worker, in order of id, up to the limit, as they were claimed."""
        enqueue(engine, 6)
        first, second = claim(engine, worker=1, limit=2), claim(engine, worker=1, limit=2)
        claim(engine, worker=2)
        assert engine.list_leased_jobs(1, 10) == [*first, *second]
        assert engine.list_leased_jobs(1, 3) == [*first, second[0]]
        assert engine.list_leased_jobs(3, 10) == []

    def test_a_worker_may_seek_hints_and_stop_seeking(self, engine: Engine) -> None:
        """As often as it likes; enqueueing works meanwhile, and an unknown worker does no harm."""
        worker = register(engine, tasks=[TASK])
        for wanted in (True, True, False, True):
            engine.seek_hints(worker.id, wanted)
            enqueue(engine)
        engine.seek_hints(12345, wanted=True)
        engine.deregister_worker(worker.id)
        assert len(claim(engine)) == 4

    def test_a_beat_does_not_bring_a_forgotten_worker_back(self, engine: Engine) -> None:
        """It was given up, its jobs are rescued; the answer tells it to start anew."""
        worker = register(engine)
        enqueue(engine)
        job = claim_one(engine, worker=worker.id)
        engine.expire_worker(worker.id)
        rescue(engine, worker.id)
        engine.deregister_worker(worker.id)
        assert engine.beat([worker.id], LEASE) == set()
        assert not acknowledge(engine, job, Success())
