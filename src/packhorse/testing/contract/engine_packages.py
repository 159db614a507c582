"""Work packages: what is stored beside a job, and goes with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Fail, Outcome, Skip, Success
from packhorse.domain.package import Element, NewPackage, Reference
from packhorse.domain.state import JobState
from packhorse.engine import Engine, JobFilter
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import acknowledge, claim, claim_one, enqueue_one, rescue, store_on
from packhorse.testing.contract.subject import EngineContract, ProducerConnection
from packhorse.testing.samples import TASK, new_job

ORDERS = tuple(Reference("order", str(number)) for number in (3, 1, 2))


def package(engine: Engine, *records: Reference, task: str = TASK, **changes: Any) -> int:
    """Store a package of these records by itself."""
    return enqueue_one(engine, task=task, package=NewPackage(elements=records, **changes))


def keys(engine: Engine, id: int) -> list[str]:
    """The keys of its elements, in order."""
    return [element.record.key for element in engine.list_elements(id)]


def jobs_of(engine: Engine, record: Reference, **page: Any) -> list[int]:
    """The jobs that are or were about a record."""
    return [job.id for job in engine.list_jobs(JobFilter(record=record, **page))]


def run_first(engine: Engine, outcome: Outcome) -> int:
    """Claim the next job and acknowledge it; its id."""
    [job] = claim(engine, limit=1)
    assert acknowledge(engine, job, outcome)
    return job.id


class PackageContract(EngineContract):
    """`storing` of packages, and `Packages`."""

    @pytest.mark.accepts("M5")
    def test_a_package_comes_back_as_it_was_stored(self, engine: Engine) -> None:
        """Its elements in the order in which they were given, none attempted; a job that is none has nothing."""
        id, plain = package(engine, *ORDERS, parameters='{"a":1}', correlation="c-1"), enqueue_one(engine)
        found = engine.find_package(id)
        assert found is not None
        assert (found.job_id, found.parameters_text, found.correlation, found.counts) == (
            id,
            '{"a":1}',
            "c-1",
            {None: 3},
        )
        assert engine.list_elements(id) == [Element(place, record) for place, record in enumerate(ORDERS)]
        assert (engine.find_package(plain), engine.list_elements(plain), engine.find_package(99)) == (None, [], None)

    @pytest.mark.accepts("M22")
    def test_outcomes_are_told_by_correlation_id(self, engine: Engine) -> None:
        """Every skip, and each end once, in the order in which they were; of other ids and of what runs on nothing."""
        ids = [package(engine, correlation="c-1") for _ in range(4)]
        package(engine, correlation="c-2")
        assert (engine.list_outcomes("c-1"), engine.count_ended("c-1")) == ([], 0)
        assert run_first(engine, Success("1")) == ids[0]
        assert run_first(engine, Fail("no rate")) == ids[1]
        assert run_first(engine, Skip("wait", after=timedelta(hours=1))) == ids[2]
        engine.cancel_jobs([ids[2]])

        told = [(one.job_id, one.how, one.attempt, one.reason) for one in engine.list_outcomes("c-1")]
        assert told[:2] == [(ids[0], "done", 1, None), (ids[1], "error", 1, "no rate")]
        assert {one[:3] for one in told[2:]} == {(ids[2], "skipped", 1), (ids[2], "error", 1)}
        assert (engine.count_ended("c-1"), engine.count_ended("c-2"), engine.count_ended("c-3")) == (3, 0, 0)
        assert {(one.task, one.at is not None) for one in engine.list_outcomes("c-1")} == {(TASK, True)}

    @pytest.mark.accepts("M22")
    def test_jobs_are_found_by_correlation_id(self, engine: Engine) -> None:
        """Live and finished ones, the newest first."""
        ids = [package(engine, correlation="c-1") for _ in range(2)]
        package(engine, correlation="c-2")
        run_first(engine, Success("1"))
        assert [job.id for job in engine.list_jobs(JobFilter(correlation="c-1"))] == ids[::-1]
        assert [job.id for job in engine.list_jobs(JobFilter(correlation="c-1", state=JobState.SUCCEEDED))] == ids[:1]

    @pytest.mark.accepts("M22")
    def test_a_package_whose_job_is_not_kept_counts_as_done(self, engine: Engine) -> None:
        """It says so, and neither when nor by which task."""
        put(engine, "default", keep_succeeded=timedelta(0))
        id = package(engine, correlation="c-1")
        run_first(engine, Success("1"))
        [told] = engine.list_outcomes("c-1")
        assert (told.job_id, told.how, told.task, told.at, engine.count_ended("c-1")) == (id, "done", None, None, 1)
        assert told.reason == "its queue keeps no succeeded jobs"

    def test_a_package_may_have_no_elements(self, engine: Engine) -> None:
        """It has parameters all the same."""
        found = engine.find_package(package(engine, parameters="{}"))
        assert found is not None
        assert found.counts == {}

    def test_ten_thousand_elements_are_read_in_pages(self, engine: Engine) -> None:
        """In order, each once, behind the last that was seen."""
        id = package(engine, *(Reference("order", str(number)) for number in range(10_001)))
        seen: list[int] = []
        while page := engine.list_elements(id, after=seen[-1] if seen else -1, limit=4000):
            seen += [element.position for element in page]
        assert seen == list(range(10_001))

    @pytest.mark.parametrize("key", ["42", "a'b", '"', "50%", "né", ":id", "x" * 500, "1,2"])
    def test_any_text_is_a_key(self, engine: Engine, key: str) -> None:
        """It is found again by exactly that text."""
        id = package(engine, Reference("order line", key))
        assert keys(engine, id) == [key]
        assert jobs_of(engine, Reference("order line", key)) == [id]
        assert jobs_of(engine, Reference("order line", key + "x")) == []

    @pytest.mark.accepts("M1", "M2")
    def test_it_is_stored_with_the_callers_transaction(self, engine: Engine, producer: ProducerConnection) -> None:
        """Or not at all: after a rollback no row of it remains."""
        jobs = [new_job(package=NewPackage(elements=ORDERS)), new_job()]
        lost = store_on(producer, engine, jobs)
        producer.rollback()
        assert engine.find_package(lost[0]) is None
        assert jobs_of(engine, ORDERS[0]) == []
        assert engine.list_elements(lost[0]) == []
        kept = store_on(producer, engine, jobs)
        producer.commit()
        assert keys(engine, kept[0]) == ["3", "1", "2"]
        assert engine.find_package(kept[1]) is None

    def test_one_that_is_found_in_place_of_a_new_one_keeps_what_it_has(self, engine: Engine) -> None:
        """A unique key that keeps the pending job adds nothing to it."""
        unique = Keys(unique_key="k", on_duplicate="keep")
        first = enqueue_one(engine, keys=unique, package=NewPackage(elements=ORDERS[:1], parameters='{"n":1}'))
        assert enqueue_one(engine, keys=unique, package=NewPackage(elements=ORDERS)) == first
        found = engine.find_package(first)
        assert found is not None
        assert (found.parameters_text, keys(engine, first)) == ('{"n":1}', ["3"])

    def test_a_records_jobs_are_listed_newest_first(self, engine: Engine) -> None:
        """Whether they are waiting, running or finished; in pages."""
        ids = [package(engine, *ORDERS[:count]) for count in (1, 2, 3)]
        run_first(engine, Success())
        assert jobs_of(engine, ORDERS[0]) == ids[::-1]
        assert jobs_of(engine, ORDERS[0], limit=2) == ids[:0:-1]
        assert jobs_of(engine, ORDERS[0], before_id=ids[1]) == ids[:1]
        assert jobs_of(engine, ORDERS[2]) == ids[2:]

    @pytest.mark.accepts("M6")
    def test_a_record_is_scheduled_already_while_an_older_package_is_open(self, engine: Engine) -> None:
        """Not when that one has succeeded or failed, is of another task, or is younger."""
        older = package(engine, ORDERS[0], Reference("order", "9"))
        other = package(engine, ORDERS[1], task="shop.jobs.other")
        id = package(engine, *ORDERS)
        assert engine.list_scheduled(id, [0, 1, 2]) == {0}
        assert engine.list_scheduled(id, [1, 2]) == engine.list_scheduled(older, [0, 1]) == set()
        assert engine.list_scheduled(other, [0]) == set()
        run_first(engine, Success())
        assert engine.list_scheduled(id, [0, 1, 2]) == set()
        failing = package(engine, ORDERS[0])
        last = package(engine, ORDERS[0])
        assert engine.list_scheduled(last, [0]) == {0}
        engine.cancel_jobs([id])
        engine.cancel_jobs([other])
        assert run_first(engine, Fail("broken")) == failing
        assert engine.list_scheduled(last, [0]) == set()

    def test_outcomes_are_recorded_in_the_handlers_transaction(self, engine: Engine) -> None:
        """With the reason, and counted; undone with it."""
        id = package(engine, *ORDERS)
        for ends in ("rollback", "commit"):
            transaction = engine.begin()
            transaction.run(engine.record_statement(id, {0: ("done", None), 2: ("failed", "no address")}))
            getattr(transaction, ends)()
            found = engine.find_package(id)
            assert found is not None
            assert found.counts == ({None: 3} if ends == "rollback" else {None: 1, "done": 1, "failed": 1})
        assert engine.list_elements(id, outcomes=("failed", "skipped", None))[1] == Element(
            2, ORDERS[2], "failed", "no address"
        )
        assert engine.list_elements(id, outcomes=["done"]) == [Element(0, ORDERS[0], "done")]
        assert engine.list_elements(id, outcomes=["skipped"]) == []
        assert engine.list_elements(id, outcomes=[None]) == [Element(1, ORDERS[1])]

    def test_a_new_round_leaves_those_that_are_done(self, engine: Engine) -> None:
        """The others count as not attempted, without a reason; those of other packages stay."""
        ids = [package(engine, *ORDERS) for _ in range(2)]
        transaction = engine.begin()
        for id in ids:
            transaction.run(
                engine.record_statement(id, {0: ("done", None), 1: ("skipped", "later"), 2: ("failed", "no address")})
            )
        transaction.run(engine.reopen_statement(ids[0]))
        transaction.commit()
        done, *others = engine.list_elements(ids[0])
        assert (done.outcome, [(one.outcome, one.reason) for one in others]) == ("done", [(None, None)] * 2)
        assert [one.outcome for one in engine.list_elements(ids[1])] == ["done", "skipped", "failed"]

    @pytest.mark.accepts("M31")
    def test_deaths_before_a_job_has_come_on_count_no_more(self, engine: Engine) -> None:
        """Under its lease alone: another worker's deaths stay."""
        package(engine, *ORDERS)
        before = claim_one(engine)
        rescue(engine, before.lease.worker)
        [job] = claim(engine, suspects=True)
        for claimed, crashes in ((before, 1), (job, 0)):
            transaction = engine.begin()
            transaction.run(engine.progress_statement(claimed))
            transaction.commit()
            found = engine.find_job(job.id)
            assert found is not None
            assert found.crashes == crashes

    @pytest.mark.accepts("M7")
    def test_parameters_are_put_for_the_next_attempt(self, engine: Engine) -> None:
        """By whoever holds the job; after its lease has gone nothing is changed."""
        id = package(engine, parameters='{"n":1}')
        job = claim_one(engine)
        assert engine.put_parameters(job, '{"n":2}')
        rescue(engine, job.lease.worker)
        assert not engine.put_parameters(job, '{"n":3}')
        found = engine.find_package(id)
        assert found is not None
        assert found.parameters_text == '{"n":2}'

    @pytest.mark.accepts("M28")
    def test_all_of_it_goes_with_the_job(self, engine: Engine) -> None:
        """When a person deletes that; what belongs to others stays."""
        ids = [package(engine, *ORDERS), package(engine, *ORDERS)]
        assert run_first(engine, Fail("broken")) == ids[0]
        assert keys(engine, ids[0]) == ["3", "1", "2"]
        assert engine.delete_jobs(ids[:1]) == {ids[0]}
        assert (engine.find_package(ids[0]), engine.list_elements(ids[0])) == (None, [])
        assert keys(engine, ids[1]) == ["3", "1", "2"]

    def test_what_is_left_of_jobs_that_are_not_kept_is_swept_up(self, engine: Engine) -> None:
        """What belongs to a job that is there stays."""
        put(engine, "default", keep_succeeded=timedelta(0))
        ids = [package(engine, *ORDERS) for _ in range(3)]
        run_first(engine, Success())
        assert engine.list_package_ids(0, 2) == ids[:2]
        assert engine.list_package_ids(ids[0], 9) == ids[1:]
        assert engine.delete_stray_packages(ids) == 1
        assert engine.list_package_ids(0, 9) == ids[1:]
        assert [keys(engine, id) for id in ids] == [[], ["3", "1", "2"], ["3", "1", "2"]]
