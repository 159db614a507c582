"""Packages that one transaction gathers."""

from __future__ import annotations

import pytest

from packhorse.domain.job import NewJob
from packhorse.domain.package import NewPackage, Reference
from packhorse.engine import Engine
from packhorse.errors import PayloadError
from packhorse.testing.contract.engine_packages import keys
from packhorse.testing.contract.steps import enqueue_one, store_on
from packhorse.testing.contract.subject import EngineContract, ProducerConnection
from packhorse.testing.samples import new_job


def gathered(*names: str, collector: str = "c", parameters: str = "{}") -> NewJob:
    """A package of these orders for a collector."""
    elements = tuple(Reference("order", name) for name in names)
    return new_job(package=NewPackage(elements=elements, collector=collector, parameters=parameters))


class CollectingContract(EngineContract):
    """`storing` of packages with a collector."""

    @pytest.mark.accepts("M4")
    def test_a_transaction_finds_the_package_that_it_has_begun(
        self, engine: Engine, producer: ProducerConnection
    ) -> None:
        """That of its collector; another transaction's is none, before its commit and after it."""
        [first] = store_on(producer, engine, [gathered("1")])
        assert store_on(producer, engine, [gathered("2", "1")]) == [first]
        [other] = store_on(producer, engine, [gathered("3", collector="d")])
        assert other != first
        producer.commit()
        [second] = store_on(producer, engine, [gathered("4")])
        producer.commit()
        assert [keys(engine, id) for id in (first, other, second)] == [["1", "2"], ["3"], ["4"]]

    @pytest.mark.accepts("M4")
    def test_a_package_of_an_undone_savepoint_is_not_found(self, engine: Engine, producer: ProducerConnection) -> None:
        """What was added inside one to a package that was begun before it is gone alone."""
        [first] = store_on(producer, engine, [gathered("1")])
        producer.begin_savepoint()
        store_on(producer, engine, [gathered("2")])
        store_on(producer, engine, [gathered("3", collector="d")])
        producer.undo_savepoint()
        [again] = store_on(producer, engine, [gathered("4", collector="d")])
        assert store_on(producer, engine, [gathered("5")]) == [first]
        producer.commit()
        assert engine.list_package_ids(0, 9) == [first, again]
        assert [keys(engine, id) for id in (first, again)] == [["1", "5"], ["4"]]

    def test_jobs_of_one_call_are_gathered(self, engine: Engine) -> None:
        """In order, among others that are not; each call by itself has a package of its own."""
        ids = engine.insert_jobs([gathered("1"), new_job(), gathered("2"), gathered("3", collector="d")])
        assert len(set(ids)) == 3
        assert ids[0] == ids[2]
        assert keys(engine, ids[0]) == ["1", "2"]
        assert enqueue_one(engine, package=gathered("9").package) not in ids

    def test_another_value_of_a_parameter_leaves_the_package_as_it_was(
        self, engine: Engine, producer: ProducerConnection
    ) -> None:
        """The transaction goes on."""
        [first] = store_on(producer, engine, [gathered("1", parameters='{"n":1}')])
        with pytest.raises(PayloadError):
            store_on(producer, engine, [gathered("2", parameters='{"n":2}')])
        store_on(producer, engine, [gathered("3", parameters='{"n":1}')])
        producer.commit()
        assert keys(engine, first) == ["1", "3"]

    def test_transactions_of_two_producers_gather_apart(
        self, engine: Engine, another_engine: Engine, producer: ProducerConnection
    ) -> None:
        """Whatever was committed in between."""
        before = enqueue_one(another_engine, package=gathered("0").package)
        [mine] = store_on(producer, engine, [gathered("1")])
        if engine.features.concurrent_writers:
            between = enqueue_one(another_engine, package=gathered("2").package)
            assert between not in (before, mine)
        assert store_on(producer, engine, [gathered("3")]) == [mine]
        producer.commit()
        assert keys(engine, mine) == ["1", "3"]
