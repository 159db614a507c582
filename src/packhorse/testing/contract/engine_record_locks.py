"""Locks on business records, which packages hold."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Fail, Outcome, Skip, Success
from packhorse.domain.package import Locking, LockRecord, NewPackage, Reference
from packhorse.engine import Engine
from packhorse.errors import RecordLocked
from packhorse.statement import Row, Statement
from packhorse.testing.contract.engine_packages import jobs_of, keys
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    decided,
    enqueue_one,
    job_of,
    run_one,
    store_on,
)
from packhorse.testing.contract.subject import EngineContract, ProducerConnection, Subject
from packhorse.testing.samples import new_job

A, B, C, D = (Reference("order", letter) for letter in "abcd")
ENDS: list[Outcome] = [Success(), Fail("broken"), Skip()]
SHARED = [Reference("order", str(number)) for number in range(20)]


def locked(*records: Reference, keys: Keys | None = None, parameters: str = "{}", **how: Any) -> dict[str, Any]:
    """What makes a job a package that locks these records."""
    package = NewPackage(elements=records, parameters=parameters, locking=Locking(**how))
    return {"package": package, "keys": keys}


def held(engine: Engine, *records: Reference) -> dict[str, int | str | None]:
    """By whom these records are locked; without the free ones."""
    return {lock.record.key: lock.job_id or lock.owner for lock in engine.find_locks(records)}


def run_on(
    run: Callable[[Statement], list[Row]], engine: Engine, owner: str, *records: Reference, **how: Any
) -> list[Reference]:
    """Lock records for an owner in an open transaction; which."""
    steps = engine.locking(records, owner, **how)
    try:
        rows = run(next(steps))
        while True:
            rows = run(steps.send(rows))
    except StopIteration as end:
        found: list[Reference] = end.value
        return found


def lock(engine: Engine, owner: str, *records: Reference, **how: Any) -> list[Reference]:
    """Lock records for an owner in a transaction of its own; which."""
    transaction = engine.begin()
    try:
        found = run_on(transaction.run, engine, owner, *records, **how)
    except BaseException:
        transaction.rollback()
        raise
    transaction.commit()
    return found


def compete(open_engine: Callable[[], Engine], seed: int) -> tuple[int, int, list[int]]:
    """Enqueue packages that lock some of the shared records, and run some; how many were stored and refused.

    The third are those that had lost a lock while they were live.
    """
    engine, chance = open_engine(), random.Random(seed)  # noqa: S311 - a mixture, no secret
    stored, refused, robbed = 0, 0, list[int]()
    try:
        for _ in range(40):
            records = chance.sample(SHARED, chance.randint(1, 4))
            try:
                enqueue_one(engine, **locked(*records, on_locked=chance.choice(["refuse", "refuse", "ignore"])))
                stored += 1
            except RecordLocked:
                refused += 1
            for job in claim(engine, worker=seed, limit=1) if chance.random() < 0.7 else ():
                package = engine.find_package(job.id)
                if package is None or package.locks != package.locks_held:
                    robbed.append(job.id)
                acknowledge(engine, job, chance.choice(ENDS))
    finally:
        engine.close()
    return stored, refused, robbed


class RecordLockContract(EngineContract):
    """`storing` of packages that lock their records, and `RecordLocks`."""

    @pytest.mark.accepts("M19")
    def test_a_record_that_is_locked_is_refused_and_nothing_is_stored(self, engine: Engine) -> None:
        """The error names the record and the job; no job, no package, no other lock remains of it."""
        first = enqueue_one(engine, **locked(A, B))
        with pytest.raises(RecordLocked, match="order:b is locked by job") as refusal:
            engine.insert_jobs([new_job(), new_job(**locked(C, B))])
        assert (refusal.value.record, refusal.value.job_id, refusal.value.owner) == ("order:b", first, None)
        assert held(engine, A, B, C) == {"a": first, "b": first}
        assert jobs_of(engine, C) == []
        assert engine.list_package_ids(0, 9) == [first]
        assert sum(engine.count_jobs().values()) == 1

    @pytest.mark.accepts("M19")
    def test_a_refusal_leaves_nothing_in_a_producers_transaction(
        self, engine: Engine, producer: ProducerConnection
    ) -> None:
        """Which may be committed all the same."""
        first = enqueue_one(engine, **locked(B))
        with pytest.raises(RecordLocked):
            store_on(producer, engine, [new_job(), new_job(**locked(A, B, C))])
        producer.commit()
        assert held(engine, A, B, C) == {"b": first}
        assert engine.list_package_ids(0, 9) == [first]
        assert sum(engine.count_jobs().values()) == 1

    @pytest.mark.accepts("M19")
    def test_locked_records_may_be_left_out_of_the_lock(self, engine: Engine) -> None:
        """The package is about them all the same."""
        first = enqueue_one(engine, **locked(A))
        second = enqueue_one(engine, **locked(A, B, on_locked="ignore"))
        assert held(engine, A, B) == {"a": first, "b": second}
        assert keys(engine, second) == ["a", "b"]
        package = engine.find_package(second)
        assert package is not None
        assert (package.locks, package.locks_held) == (1, 1)

    @pytest.mark.parametrize("outcome", [Success(), Fail("broken")])
    @pytest.mark.accepts("M19")
    def test_the_end_of_the_job_releases(self, engine: Engine, outcome: Outcome) -> None:
        """Success and failure alike; the next one takes over what is left of it."""
        enqueue_one(engine, **locked(A, B))
        run_one(engine, outcome)
        assert held(engine, A, B) == {}
        second = enqueue_one(engine, **locked(B))
        assert held(engine, A, B) == {"b": second}

    @pytest.mark.accepts("M19")
    def test_a_cancellation_releases(self, engine: Engine) -> None:
        """Without anybody doing anything more."""
        engine.cancel_jobs([enqueue_one(engine, **locked(A))])
        assert held(engine, A) == {}

    @pytest.mark.accepts("M19")
    def test_a_skip_keeps(self, engine: Engine) -> None:
        """The job is live."""
        id = enqueue_one(engine, **locked(A))
        run_one(engine, Skip("not yet"))
        assert held(engine, A) == {"a": id}
        with pytest.raises(RecordLocked):
            enqueue_one(engine, **locked(A))

    @pytest.mark.accepts("M19")
    def test_success_releases_in_the_handlers_transaction(self, engine: Engine) -> None:
        """Who enqueues after its commit finds the records free; after its rollback they are locked still."""
        id = enqueue_one(engine, **locked(A))
        job = claim_one(engine)
        engine.begin().rollback()
        assert held(engine, A) == {"a": id}
        assert engine.begin().commit_with(engine.ack_statements(decided(job, Success())))
        assert held(engine, A) == {}

    @pytest.mark.accepts("M19")
    def test_a_producers_rollback_leaves_no_lock(self, engine: Engine, producer: ProducerConnection) -> None:
        """Nor does that of a savepoint."""
        store_on(producer, engine, [new_job(**locked(A))])
        producer.begin_savepoint()
        store_on(producer, engine, [new_job(**locked(B))])
        producer.undo_savepoint()
        producer.commit()
        store_on(producer, engine, [new_job(**locked(C))])
        producer.rollback()
        assert list(held(engine, A, B, C)) == ["a"]

    @pytest.mark.accepts("M19")
    def test_an_owner_hands_over_to_a_package(self, engine: Engine) -> None:
        """Only what the package is about, and only to one that names the owner."""
        assert lock(engine, "import", A, B) == [A, B]
        assert lock(engine, "import", A) == []
        assert engine.find_locks([B]) == [LockRecord(B, None, "import")]
        with pytest.raises(RecordLocked, match="order:a is locked by 'import'") as refusal:
            enqueue_one(engine, **locked(A, C))
        assert (refusal.value.job_id, refusal.value.owner) == (None, "import")
        id = enqueue_one(engine, **locked(A, C, over_owner="import"))
        assert held(engine, A, B, C) == {"a": id, "b": "import", "c": id}
        transaction = engine.begin()
        assert len(transaction.run(engine.release_statement("import"))) == 1
        transaction.commit()
        assert held(engine, A, B, C) == {"a": id, "c": id}

    @pytest.mark.accepts("M19")
    def test_a_handover_is_undone_with_the_transaction(self, engine: Engine, producer: ProducerConnection) -> None:
        """The owner has them again."""
        lock(engine, "import", A)
        store_on(producer, engine, [new_job(**locked(A, over_owner="import"))])
        producer.rollback()
        assert held(engine, A) == {"a": "import"}

    def test_a_running_job_hands_over_to_a_further_one(self, engine: Engine) -> None:
        """Which it enqueues itself, before it has ended."""
        first = enqueue_one(engine, **locked(A))
        with pytest.raises(RecordLocked):
            enqueue_one(engine, **locked(A))
        second = enqueue_one(engine, **locked(A, over_job=first))
        assert held(engine, A) == {"a": second}

    def test_an_owner_is_refused_what_others_have(self, engine: Engine) -> None:
        """Or is told what it got."""
        id = enqueue_one(engine, **locked(B))
        with pytest.raises(RecordLocked):
            lock(engine, "import", A, B)
        assert held(engine, A, B) == {"b": id}
        assert lock(engine, "import", A, B, on_locked="ignore") == [A]

    @pytest.mark.accepts("M19")
    def test_temporary_locks_end_with_the_next_start_of_a_worker(self, engine: Engine) -> None:
        """Those of other owners and those of jobs stay."""
        id = enqueue_one(engine, **locked(A))
        lock(engine, "gone", B, is_temporary=True)
        lock(engine, "stays", C)
        assert engine.release_temporary_locks() == 1
        assert held(engine, A, B, C) == {"a": id, "c": "stays"}

    @pytest.mark.accepts("M19")
    def test_temporary_locks_that_are_being_handed_over_stay(
        self, engine: Engine, producer: ProducerConnection
    ) -> None:
        """A starting worker waits for no producer's transaction, and takes nothing from it."""
        if not engine.features.concurrent_writers:
            pytest.skip("its writers wait for one another")
        lock(engine, "import", A, B, is_temporary=True)
        [id] = store_on(producer, engine, [new_job(**locked(A, over_owner="import"))])
        assert engine.release_temporary_locks() == 1
        producer.commit()
        assert held(engine, A, B) == {"a": id}

    def test_two_packages_of_one_call_may_not_lock_one_record(self, engine: Engine) -> None:
        """The first has it, if the second may do without."""
        with pytest.raises(RecordLocked):
            engine.insert_jobs([new_job(**locked(A)), new_job(**locked(A))])
        assert held(engine, A) == {}
        first, _ = engine.insert_jobs([new_job(**locked(A)), new_job(**locked(A, on_locked="ignore"))])
        assert held(engine, A) == {"a": first}

    def test_a_retried_job_has_its_locks_again_unless_another_one_took_them(self, engine: Engine) -> None:
        """It is known how many it lacks."""
        first = enqueue_one(engine, **locked(A, B))
        run_one(engine, Fail("broken"))
        second = enqueue_one(engine, **locked(B))
        engine.retry_jobs([first])
        assert held(engine, A, B) == {"a": first, "b": second}
        package = engine.find_package(first)
        assert package is not None
        assert (package.locks, package.locks_held) == (2, 1)

    def test_what_is_left_of_deleted_jobs_is_swept_up(self, engine: Engine) -> None:
        """With the rest of their packages."""
        first, second = enqueue_one(engine, **locked(A)), enqueue_one(engine, **locked(B))
        engine.cancel_jobs([first])
        assert engine.delete_jobs([first]) == {first}
        assert engine.delete_stray_packages([first, second]) == 0
        assert held(engine, A, B) == {"b": second}

    @pytest.mark.accepts("M19")
    def test_eight_processes_never_lock_a_record_twice(self, engine: Engine, subject: Subject) -> None:
        """Whoever is live has what it has locked, all the time; nobody waits in a circle."""
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(8, mp_context=spawn) as processes:
            counts = list(processes.map(compete, [subject.open] * 8, range(1, 9)))
        assert sum(stored + refused for stored, refused, _ in counts) == 320
        assert min(sum(stored for stored, _, _ in counts), sum(refused for _, refused, _ in counts)) > 0
        assert [robbed for *_, robbed in counts] == [[]] * 8
        for lock in engine.find_locks(SHARED):
            assert lock.job_id is not None
            assert not job_of(engine, lock.job_id).state.is_final
