"""The acknowledgement inside the handler's own transaction. A handler's write is here another job that it enqueues."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from packhorse.domain.decide import Ack
from packhorse.domain.outcome import Fail, Failure, Outcome, Retry, Skip, Success, WorkerLost
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.statement import AsyncTransaction, Transaction
from packhorse.testing.contract.steps import acknowledge, claim_one, decided, enqueue_one, job_of
from packhorse.testing.contract.subject import EngineContract
from packhorse.testing.samples import ERROR, TASK, new_job

EFFECT = "effect"
OUTCOMES: list[Outcome] = [Success("1"), Failure(ERROR), Retry(), Skip(), Fail()]


def effects(engine: Engine) -> int:
    """How many of the handlers' writes were committed."""
    return sum(queue.counts[JobState.AVAILABLE] for queue in engine.list_queues() if queue.name == EFFECT)


def write(engine: Engine, transaction: Transaction) -> None:
    """The handler's write."""
    assert transaction.run(engine.insert_statement([new_job(queue=EFFECT)]))


def acknowledge_in(engine: Engine, transaction: Transaction, ack: Ack) -> bool:
    """Run the acknowledgement in the transaction; whether it was accepted."""
    results = [transaction.run(statement) for statement in engine.ack_statements(ack)]
    return any(results)


async def awrite(engine: Engine, transaction: AsyncTransaction) -> None:
    """The coroutine's write."""
    assert await transaction.run(engine.insert_statement([new_job(queue=EFFECT)]))


async def aacknowledge_in(engine: Engine, transaction: AsyncTransaction, ack: Ack) -> bool:
    """The same for a coroutine."""
    results = [await transaction.run(statement) for statement in engine.ack_statements(ack)]
    return any(results)


class AtomicContract(EngineContract):
    """`begin`, `abegin` and `ack_statements`."""

    @pytest.mark.accepts("C7")
    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    def test_writes_and_acknowledgement_commit_together(
        self, engine: Engine, another_engine: Engine, outcome: Outcome
    ) -> None:
        """Before the commit others see neither, after it both; the ack does what `ack_jobs` does."""
        id, twin = enqueue_one(engine), enqueue_one(engine, queue="twin")
        ack = decided(claim_one(engine), outcome)
        engine.ack_jobs([decided(claim_one(engine, queue="twin"), outcome)])

        transaction = engine.begin()
        write(engine, transaction)
        assert acknowledge_in(engine, transaction, ack)
        assert effects(another_engine) == 0
        assert job_of(another_engine, id).state is JobState.EXECUTING
        transaction.commit()

        assert effects(engine) == 1
        mine, by_ack_jobs = job_of(engine, id), job_of(engine, twin)
        for name in ("state", "attempt", "failures", "skips", "reason", "error_type", "error_traceback", "result"):
            assert getattr(mine, name) == getattr(by_ack_jobs, name)
        assert len(engine.list_attempts(id)) == len(engine.list_attempts(twin))

    @pytest.mark.accepts("C7")
    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    def test_commit_with_commits_both_and_says_so(self, engine: Engine, outcome: Outcome) -> None:
        """Whatever the acknowledgement says."""
        id = enqueue_one(engine)
        ack = decided(claim_one(engine), outcome)
        transaction = engine.begin()
        write(engine, transaction)
        assert transaction.commit_with(engine.ack_statements(ack))
        assert effects(engine) == 1
        assert job_of(engine, id).state is ack.state

    @pytest.mark.accepts("C5", "C7")
    @pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
    def test_commit_with_a_stale_acknowledgement_commits_nothing_and_says_so(
        self, engine: Engine, outcome: Outcome
    ) -> None:
        """The handler's writes are gone, and the connection is good for the next one."""
        enqueue_one(engine)
        job = claim_one(engine)
        acknowledge(engine, job, WorkerLost("w"))
        for _ in range(2):
            transaction = engine.begin()
            write(engine, transaction)
            assert not transaction.commit_with(engine.ack_statements(decided(job, outcome)))
            transaction.rollback()
        assert effects(engine) == 0

    @pytest.mark.accepts("C5", "C7")
    def test_a_coroutine_s_commit_with_says_what_became_of_both(self, engine: Engine) -> None:
        """As in a thread."""
        enqueue_one(engine)
        job = claim_one(engine)
        ack = decided(job, Success())

        async def run() -> bool:
            transaction = await engine.abegin()
            await awrite(engine, transaction)
            return await transaction.commit_with(engine.ack_statements(ack))

        assert [asyncio.run(run()), asyncio.run(run())] == [True, False]
        assert effects(engine) == 1

    @pytest.mark.accepts("C7")
    def test_a_rollback_undoes_both(self, engine: Engine) -> None:
        """The job is still executing under its lease, so that the run can be acknowledged as what it was."""
        id = enqueue_one(engine)
        job = claim_one(engine)
        transaction = engine.begin()
        write(engine, transaction)
        assert acknowledge_in(engine, transaction, decided(job, Success()))
        transaction.rollback()
        assert effects(engine) == 0
        assert job_of(engine, id).state is JobState.EXECUTING
        assert acknowledge(engine, job, Failure(ERROR))

    @pytest.mark.accepts("C5", "C7")
    def test_a_stale_acknowledgement_returns_no_row(self, engine: Engine) -> None:
        """So the caller knows that its writes must be undone."""
        enqueue_one(engine)
        job = claim_one(engine)
        acknowledge(engine, job, WorkerLost("w"))
        transaction = engine.begin()
        write(engine, transaction)
        assert not acknowledge_in(engine, transaction, decided(job, Success()))
        transaction.rollback()
        assert effects(engine) == 0

    @pytest.mark.accepts("C5", "C7")
    @pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
    def test_a_rescuer_waits_for_an_acknowledgement_under_way(
        self, engine: Engine, another_engine: Engine, *, commits: bool
    ) -> None:
        """Then one of the two counts: the handler if it commits, the rescuer if it doesn't."""
        enqueue_one(engine)
        job = claim_one(engine)
        transaction = engine.begin()
        write(engine, transaction)
        assert acknowledge_in(engine, transaction, decided(job, Success()))
        with ThreadPoolExecutor(1) as rescuer:
            rescued = rescuer.submit(another_engine.ack_jobs, [decided(job, WorkerLost("w"))])
            if commits:
                transaction.commit()
            else:
                transaction.rollback()
        assert rescued.result() == (set() if commits else {job.id})
        assert effects(engine) == commits

    @pytest.mark.accepts("C7")
    def test_a_transaction_reads_its_own_writes(self, engine: Engine) -> None:
        """All statements of a transaction run on one connection; a job that it made is there for its rollback, too."""
        transaction = engine.begin()
        [(first,)] = transaction.run(engine.insert_statement([new_job()]))
        [(second,)] = transaction.run(engine.insert_statement([new_job()]))
        assert first < second
        assert transaction.connection is transaction.connection
        transaction.rollback()
        assert engine.find_job(first) is None

    def test_a_transaction_that_wrote_nothing_may_commit(self, engine: Engine) -> None:
        """And the connection serves the next one."""
        for _ in range(20):
            engine.begin().commit()
            engine.begin().rollback()
        enqueue_one(engine)

    def test_rolling_back_twice_is_allowed(self, engine: Engine) -> None:
        """`rollback` never raises, so that it can stand in every error path."""
        transaction = engine.begin()
        transaction.rollback()
        transaction.rollback()
        enqueue_one(engine)

    @pytest.mark.accepts("C7")
    def test_a_coroutines_writes_and_acknowledgement_commit_together(self, engine: Engine) -> None:
        """As in a thread."""
        id = enqueue_one(engine)
        ack = decided(claim_one(engine), Success("1"))

        async def run() -> None:
            transaction = await engine.abegin()
            await awrite(engine, transaction)
            assert await aacknowledge_in(engine, transaction, ack)
            assert (effects(engine), job_of(engine, id).state) == (0, JobState.EXECUTING)
            await transaction.commit()

        asyncio.run(run())
        assert (effects(engine), job_of(engine, id).state) == (1, JobState.SUCCEEDED)

    @pytest.mark.accepts("C7")
    def test_a_coroutines_rollback_undoes_both(self, engine: Engine) -> None:
        """As in a thread; and it never raises."""
        enqueue_one(engine)
        job = claim_one(engine)

        async def run() -> None:
            transaction = await engine.abegin()
            await awrite(engine, transaction)
            assert await aacknowledge_in(engine, transaction, decided(job, Success()))
            await transaction.rollback()
            await transaction.rollback()

        asyncio.run(run())
        assert effects(engine) == 0
        assert acknowledge(engine, job, Success())

    @pytest.mark.accepts("C5", "C7")
    def test_a_coroutines_stale_acknowledgement_returns_no_row(self, engine: Engine) -> None:
        """As in a thread."""
        enqueue_one(engine)
        job = claim_one(engine)
        acknowledge(engine, job, WorkerLost("w"))

        async def run() -> None:
            transaction = await engine.abegin()
            await awrite(engine, transaction)
            assert not await aacknowledge_in(engine, transaction, decided(job, Success()))
            await transaction.rollback()

        asyncio.run(run())
        assert effects(engine) == 0

    @pytest.mark.accepts("C7")
    def test_a_coroutine_that_only_computes_holds_nobody_up(self, engine: Engine) -> None:
        """Its transaction is open from the start, but others write until it does."""

        async def run() -> None:
            transaction = await engine.abegin()
            enqueue_one(engine, queue=EFFECT)
            await awrite(engine, transaction)
            await transaction.commit()

        asyncio.run(run())
        assert effects(engine) == 2

    @pytest.mark.accepts("C7")
    def test_two_transactions_write_side_by_side(self, engine: Engine) -> None:
        """Each commits its own job's run."""
        if not engine.features.concurrent_writers:
            pytest.skip("one writer at a time: the second transaction waits for the first")
        for queue in ("one", "two"):
            enqueue_one(engine, queue=queue)
        acks = [decided(claim_one(engine, queue=queue), Success()) for queue in ("one", "two")]
        one, two = engine.begin(), engine.begin()
        for transaction, ack in zip((one, two), acks, strict=True):
            write(engine, transaction)
            assert acknowledge_in(engine, transaction, ack)
        two.commit()
        one.rollback()
        assert (effects(engine), engine.count_jobs()[JobState.SUCCEEDED]) == (1, 1)
        assert job_of(engine, acks[0].job_id).task == TASK
