"""Packages that are merged into those that wait under the same key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Skip, Success
from packhorse.domain.package import NewPackage, Reference
from packhorse.engine import Engine
from packhorse.errors import DuplicateJob, PayloadError, RecordLocked
from packhorse.testing.contract.engine_packages import keys
from packhorse.testing.contract.engine_record_locks import A, B, C, D, held, locked
from packhorse.testing.contract.steps import acknowledge, claim, claim_one, enqueue_one, run_one, store_on
from packhorse.testing.contract.subject import EngineContract, ProducerConnection
from packhorse.testing.samples import new_job

MERGING = Keys(unique_key="k", on_duplicate="merge")


def merge_some(engine: Engine, numbers: Sequence[int]) -> int:
    """Enqueue a package for each number under one key; how many."""
    for number in numbers:
        enqueue_one(engine, keys=MERGING, package=NewPackage(elements=(Reference("order", str(number)),)))
    return len(numbers)


def run_packages(engine: Engine, worker: int, count: int) -> list[str]:
    """Claim and finish until so many records were seen; their keys, as they were at each claim."""
    seen: list[str] = []
    while len(seen) < count:
        for job in claim(engine, worker=worker, limit=1):
            seen += keys(engine, job.id)
            assert acknowledge(engine, job, Success())
    return seen


class MergeContract(EngineContract):
    """A unique key with `on_duplicate="merge"`."""

    @pytest.mark.accepts("M33")
    def test_records_are_added_to_the_package_that_waits(self, engine: Engine) -> None:
        """Behind those that it has, each once; parameters that it lacks, too."""
        first = enqueue_one(engine, keys=MERGING, package=NewPackage(elements=(A, B), parameters='{"n":1}'))
        again = enqueue_one(engine, keys=MERGING, package=NewPackage(elements=(C, A), parameters='{"n":1,"m":"x"}'))
        assert again == first
        assert keys(engine, first) == ["a", "b", "c"]
        package = engine.find_package(first)
        assert package is not None
        assert json.loads(package.parameters_text) == {"n": 1, "m": "x"}
        assert package.counts == {None: 3}

    @pytest.mark.accepts("M33")
    def test_while_one_runs_exactly_one_more_is_kept(self, engine: Engine) -> None:
        """All that comes meanwhile is in that one."""
        first = enqueue_one(engine, keys=MERGING, package=NewPackage(elements=(A,)))
        claim_one(engine)
        later = {enqueue_one(engine, keys=MERGING, package=NewPackage(elements=(one,))) for one in (A, B, C)}
        assert len(later) == 1
        assert first not in later
        assert keys(engine, later.pop()) == ["a", "b", "c"]

    def test_packages_of_one_call_are_merged(self, engine: Engine) -> None:
        """Under one key into one."""
        jobs = [new_job(keys=MERGING, package=NewPackage(elements=(one,))) for one in (B, A, B, D)]
        assert len(set(engine.insert_jobs(jobs))) == 1
        assert keys(engine, engine.list_package_ids(0, 1)[0]) == ["b", "a", "d"]

    def test_another_value_for_a_parameter_is_refused(self, engine: Engine, producer: ProducerConnection) -> None:
        """And nothing is added."""
        first = enqueue_one(engine, keys=MERGING, package=NewPackage(elements=(A,), parameters='{"n":1}'))
        with pytest.raises(PayloadError, match="two values"):
            store_on(producer, engine, [new_job(keys=MERGING, package=NewPackage(elements=(B,), parameters='{"n":2}'))])
        producer.commit()
        assert keys(engine, first) == ["a"]

    def test_nothing_is_merged_into_one_that_runs_under_a_key_until_its_end(self, engine: Engine) -> None:
        """It is refused: it would be lost."""
        until_end = Keys(unique_key="k", unique_until="end", on_duplicate="merge")
        enqueue_one(engine, keys=until_end, package=NewPackage(elements=(A,)))
        claim_one(engine)
        with pytest.raises(DuplicateJob, match="is running, so nothing can be merged into it"):
            enqueue_one(engine, keys=until_end, package=NewPackage(elements=(B,)))

    def test_a_record_that_was_done_is_to_be_done_again(self, engine: Engine) -> None:
        """By a package that has run in part, and waits for its next attempt."""
        until_end = Keys(unique_key="k", unique_until="end", on_duplicate="merge")
        id = enqueue_one(engine, keys=until_end, package=NewPackage(elements=(A, B)))
        transaction = engine.begin()
        transaction.run(engine.record_statement(id, {0: ("done", None), 1: ("done", None)}))
        transaction.commit()
        run_one(engine, Skip())
        assert enqueue_one(engine, keys=until_end, package=NewPackage(elements=(A,))) == id
        assert [element.record for element in engine.list_elements(id, outcomes=[None])] == [A]

    def test_what_is_merged_is_locked_by_the_package_that_waits(self, engine: Engine) -> None:
        """Which keeps the locks that it has."""
        first = enqueue_one(engine, **locked(A, keys=MERGING))
        assert enqueue_one(engine, **locked(A, B, keys=MERGING)) == first
        assert held(engine, A, B) == {"a": first, "b": first}
        package = engine.find_package(first)
        assert package is not None
        assert (package.locks, package.locks_held) == (2, 2)
        other = enqueue_one(engine, **locked(C))
        with pytest.raises(RecordLocked):
            enqueue_one(engine, **locked(D, C, keys=MERGING))
        assert keys(engine, first) == ["a", "b"]
        assert held(engine, C, D) == {"c": other}

    @pytest.mark.accepts("M33")
    def test_nothing_is_lost_between_a_producer_and_a_claim(self, engine: Engine, another_engine: Engine) -> None:
        """Whatever is enqueued under one key while packages are claimed and run, each record is seen by one of them."""
        numbers = [range(start, 120, 4) for start in range(4)]
        with ThreadPoolExecutor(5) as threads:
            seen = threads.submit(run_packages, another_engine, 7, 120)
            assert sum(threads.map(lambda some: merge_some(engine, some), numbers)) == 120
            found = seen.result(timeout=60)
        assert sorted(found, key=int) == [str(number) for number in sorted(chain(*numbers))]
