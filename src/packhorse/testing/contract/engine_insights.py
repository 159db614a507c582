"""Reading: for workers before they claim, and for people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Fail, Failure, Success, WorkerLost
from packhorse.domain.state import JobState
from packhorse.engine import Engine, Glance, JobFilter
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    enqueue,
    enqueue_one,
    job_of,
    register,
    run_one,
)
from packhorse.testing.contract.subject import EngineContract, ProducerConnection
from packhorse.testing.samples import ERROR, TASK, new_job

HOUR = timedelta(hours=1)
NOTHING = Glance(
    ready_queues=(),
    suspect_queues=(),
    parked_tasks=(),
    due_in=None,
    revision=0,
    has_turns=False,
    has_lost_workers=False,
    is_registered=False,
)


def one_in_each_state(engine: Engine) -> dict[JobState, int]:
    """A job in each state; their ids."""
    ids = {}
    for state, outcome in ((JobState.SUCCEEDED, Success("1")), (JobState.FAILED, Failure(ERROR, Fail()))):
        ids[state] = enqueue_one(engine)
        run_one(engine, outcome)
    ids[JobState.CANCELLED] = enqueue_one(engine)
    engine.cancel_jobs([ids[JobState.CANCELLED]])
    ids[JobState.BLOCKED] = enqueue_one(engine)
    engine.park_jobs("default", TASK, 1)
    ids[JobState.SCHEDULED] = enqueue_one(engine, delay=HOUR)
    ids[JobState.EXECUTING] = enqueue_one(engine)
    claim_one(engine)
    ids[JobState.AVAILABLE] = enqueue_one(engine)
    return ids


def found(engine: Engine, **options: object) -> list[int]:
    """The ids that a filter lets through."""
    return [record.id for record in engine.list_jobs(JobFilter(**options))]  # type: ignore[arg-type]


class GlanceContract(EngineContract):
    """`glance`: what a worker needs to know before it claims or sleeps."""

    def test_ids_without_a_job_are_told(self, engine: Engine) -> None:
        """Neither of jobs that live nor of those that have ended."""
        ids = list(one_in_each_state(engine).values())
        missing = [max(ids) + 1, 999_999]
        assert engine.list_missing_jobs([*missing[::-1], *ids]) == missing
        assert engine.list_missing_jobs(ids) == []

    def test_an_empty_queue_has_nothing_to_say(self, engine: Engine) -> None:
        """To a worker that is not registered; but at which revision the settings and the schema are."""
        glance = normal(engine.glance(1))
        assert glance == replace(NOTHING, revision=glance.revision)

    def test_ready_queues_are_those_with_an_available_job(self, engine: Engine) -> None:
        """Each once, however many jobs it has; what is scheduled, executing or finished does not count."""
        enqueue(engine, 3, queue="mail")
        enqueue(engine, 2, queue="Ümläute, \"'")
        enqueue(engine, 1, queue="later", delay=HOUR)
        enqueue(engine, 1, queue="taken")
        claim(engine, queue="taken")
        assert sorted(engine.glance(1).ready_queues) == ["mail", "Ümläute, \"'"]

    @pytest.mark.accepts("C6")
    def test_suspects_are_announced_apart(self, engine: Engine) -> None:
        """A queue that has only suspects is not ready."""
        enqueue(engine)
        enqueue(engine, queue="mail")
        run_one(engine, WorkerLost("w"))
        glance = engine.glance(1)
        assert (list(glance.ready_queues), list(glance.suspect_queues)) == (["mail"], ["default"])

    @pytest.mark.accepts("C5")
    def test_a_worker_learns_that_it_was_given_up(self, engine: Engine) -> None:
        """`is_registered` is about the one who asks."""
        worker, other = register(engine), register(engine)
        engine.expire_worker(worker.id)
        engine.deregister_worker(worker.id)
        assert not engine.glance(worker.id).is_registered
        assert engine.glance(other.id).is_registered


class InsightsContract(EngineContract):
    """What people look at."""

    def test_a_job_is_found_in_every_state(self, engine: Engine) -> None:
        """Live or finished, by its id; None for an id that no job has."""
        ids = one_in_each_state(engine)
        assert {state: job_of(engine, id).state for state, id in ids.items()} == {state: state for state in JobState}
        assert engine.find_job(10**9) is None

    def test_counts_have_every_state(self, engine: Engine) -> None:
        """Zero where there is none."""
        assert engine.count_jobs() == dict.fromkeys(JobState, 0)
        one_in_each_state(engine)
        assert engine.count_jobs() == dict.fromkeys(JobState, 1)

    def test_jobs_are_listed_newest_first(self, engine: Engine) -> None:
        """Live and finished ones in one order, and as `find_job` gives them."""
        ids = sorted(one_in_each_state(engine).values(), reverse=True)
        records = engine.list_jobs(JobFilter())
        assert [record.id for record in records] == ids
        assert records == [job_of(engine, id) for id in ids]

    def test_the_list_has_pages(self, engine: Engine) -> None:
        """Each begins below the last id of the one before."""
        ids = one_in_each_state(engine)
        first = found(engine, limit=3)
        second = found(engine, limit=3, before_id=first[-1])
        third = found(engine, limit=3, before_id=second[-1])
        assert [*first, *second, *third] == sorted(ids.values(), reverse=True)
        assert found(engine, before_id=third[-1]) == []

    def test_the_list_can_be_filtered(self, engine: Engine) -> None:
        """By state, queue, task and all of them together."""
        ids = one_in_each_state(engine)
        mail = enqueue_one(engine, queue="mail", task="send")
        for state in set(JobState) - {JobState.AVAILABLE}:
            assert found(engine, state=state) == [ids[state]]
        assert found(engine, state=JobState.AVAILABLE) == [mail, ids[JobState.AVAILABLE]]
        assert found(engine, queue="mail") == found(engine, task="send") == [mail]
        assert found(engine, state=JobState.AVAILABLE, queue="mail", task="send") == [mail]
        assert found(engine, state=JobState.FAILED, queue="mail") == []

    def test_the_list_can_be_filtered_by_a_key(self, engine: Engine) -> None:
        """A unique key, a serial key or a group; live and finished jobs."""
        unique = enqueue_one(engine, keys=Keys(unique_key="k"))
        ended = enqueue_one(engine, keys=Keys(serial_key="k"))
        engine.cancel_jobs([ended])
        group = enqueue_one(engine, queue="mail", keys=Keys(unique_key="other", group_key="k"))
        enqueue_one(engine, keys=Keys(serial_key="other"))
        assert found(engine, key="k") == [group, ended, unique]
        assert found(engine, key="k", queue="mail") == [group]
        assert found(engine, key="k", state=JobState.CANCELLED) == [ended]
        assert found(engine, key="K") == []

    def test_queues_are_listed_with_their_counts(self, engine: Engine) -> None:
        """By name, also those whose jobs are all over; with the moment that the longest-waiting job is wanted for."""
        ids = one_in_each_state(engine)
        [done] = [enqueue_one(engine, queue="archive")]
        engine.cancel_jobs([done])
        archive, default = engine.list_queues()
        assert (archive.name, default.name) == ("archive", "default")
        assert archive.counts == {**dict.fromkeys(JobState, 0), JobState.CANCELLED: 1}
        assert archive.oldest_available_at is None
        assert default.counts == dict.fromkeys(JobState, 1)
        assert default.oldest_available_at == job_of(engine, ids[JobState.AVAILABLE]).order_at

    def test_a_job_without_a_history_has_an_empty_one(self, engine: Engine) -> None:
        """So has one that does not exist."""
        assert engine.list_attempts(enqueue_one(engine)) == engine.list_attempts(10**9) == []

    def test_an_executing_job_names_its_worker(self, engine: Engine) -> None:
        """And a job that ran names the last one, while its row is there and afterwards."""
        worker = register(engine, name="shop-3:4711")
        id = enqueue_one(engine)
        job = claim_one(engine, worker=worker.id)
        assert job_of(engine, id).worker == "shop-3:4711"
        acknowledge(engine, job, Success())
        engine.deregister_worker(worker.id)
        assert job_of(engine, id).worker == "shop-3:4711"

    def test_reading_waits_for_no_writer(
        self, engine: Engine, another_engine: Engine, producer: ProducerConnection
    ) -> None:
        """Another connection's open transaction keeps nobody from looking, and is not seen."""
        one_in_each_state(engine)
        producer.run(engine.insert_statement([new_job()]))
        assert another_engine.count_jobs() == dict.fromkeys(JobState, 1)
        assert len(another_engine.list_jobs(JobFilter())) == len(JobState)
        assert another_engine.list_queues()
        assert another_engine.list_workers() == []
        assert another_engine.glance(1).ready_queues
        producer.rollback()


def normal(glance: Glance) -> Glance:
    """The same with tuples, so that it can be compared."""
    return replace(
        glance,
        ready_queues=tuple(glance.ready_queues),
        suspect_queues=tuple(glance.suspect_queues),
        parked_tasks=tuple(glance.parked_tasks),
    )
