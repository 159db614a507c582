"""Jobs are acknowledged: what each outcome leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.outcome import (
    Cancel,
    ErrorInfo,
    Fail,
    Failure,
    Outcome,
    Retry,
    Skip,
    Success,
    Unknown,
    Unstarted,
    WorkerLost,
)
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    database_now,
    decided,
    enqueue,
    enqueue_one,
    job_of,
    register,
    run_one,
)
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import ERROR, TASK, new_job

HOUR = timedelta(hours=1)
ENDS: dict[JobState, Outcome] = {
    JobState.SUCCEEDED: Success(),
    JobState.FAILED: Fail("broken"),
    JobState.CANCELLED: Cancel("not wanted"),
}
RECORDED: dict[str, Outcome] = {
    "retry": Failure(ERROR),
    "skip": Skip("busy"),
    "fail": Fail("broken"),
    "cancel": Cancel("not wanted"),
    "crash": WorkerLost("shop-3:4711"),
}
UNRECORDED: dict[str, Outcome] = {"success": Success(), "unstarted": Unstarted(), "unknown": Unknown(TASK)}


class AckContract(EngineContract):
    """`ack_jobs`."""

    @pytest.mark.accepts("C8")
    def test_a_success_moves_the_job_to_the_finished_ones(self, engine: Engine) -> None:
        """With its result, its end, the worker's name, and all that it was enqueued with."""
        worker = register(engine, name="shop-3:4711")
        id = enqueue_one(engine, args='["ü"]', kwargs="{}", meta='{"a":1}', priority=3, expected_in=HOUR)
        before = job_of(engine, id)
        run_one(engine, Success('{"total": 12.50}'), worker=worker.id)
        after = job_of(engine, id)
        assert (after.state, after.result, after.worker) == (JobState.SUCCEEDED, '{"total": 12.50}', "shop-3:4711")
        assert (after.attempt, after.failures, after.skips, after.crashes) == (1, 0, 0, 0)
        assert after.started_at is not None
        assert after.finished_at is not None
        assert before.enqueued_at <= after.started_at <= after.finished_at
        for name in ("id", "task", "queue", "priority", "args", "kwargs", "meta", "enqueued_at", "order_at"):
            assert getattr(after, name) == getattr(before, name)

    @pytest.mark.accepts("C8")
    @pytest.mark.parametrize("state", ENDS)
    def test_a_finished_job_is_over(self, engine: Engine, state: JobState) -> None:
        """It is counted in its state alone, and no claim, stage or rescue finds it."""
        id = enqueue_one(engine)
        job = run_one(engine, ENDS[state])
        assert job_of(engine, id).state is state
        assert {name: count for name, count in engine.count_jobs().items() if count} == {state: 1}
        assert engine.stage_jobs(10) == 0
        assert claim(engine) == claim(engine, suspects=True) == []
        assert engine.list_leased_jobs(job.lease.worker, 10) == []

    @pytest.mark.accepts("C3", "C8")
    def test_a_retry_is_due_after_its_delay_and_ordered_by_that(self, engine: Engine) -> None:
        """From the database's now; the time by which it was once expected no longer counts."""
        id = enqueue_one(engine, expected_in=-HOUR)
        job = claim_one(engine)
        before = database_now(engine)
        assert acknowledge(engine, job, Retry("later", after=HOUR))
        after = database_now(engine)
        record = job_of(engine, id)
        assert (record.state, record.reason, record.failures) == (JobState.SCHEDULED, "later", 1)
        assert record.scheduled_at == record.order_at
        assert before + HOUR <= record.order_at <= after + HOUR

    @pytest.mark.accepts("C8")
    def test_a_retry_without_delay_is_due_at_once(self, engine: Engine) -> None:
        """The next staging takes it."""
        id = enqueue_one(engine)
        run_one(engine, Retry(after=timedelta(0)))
        assert job_of(engine, id).state is JobState.SCHEDULED
        assert engine.stage_jobs(10) == 1
        assert claim_one(engine).attempt == 2

    @pytest.mark.parametrize("outcome", [Unstarted(), Unknown(TASK), WorkerLost("w")], ids=lambda o: type(o).__name__)
    def test_what_comes_back_at_once_keeps_its_place(self, engine: Engine, outcome: Outcome) -> None:
        """Handed back, parked or rescued: `order_at` is as before, and nobody holds it."""
        id = enqueue_one(engine, expected_in=HOUR)
        before = job_of(engine, id)
        run_one(engine, outcome)
        after = job_of(engine, id)
        assert after.order_at == before.order_at
        assert after.worker is None
        assert engine.list_leased_jobs(1, 10) == []

    def test_a_job_that_was_handed_back_burned_no_attempt(self, engine: Engine) -> None:
        """Its next run is the first one again."""
        enqueue(engine)
        run_one(engine, Unstarted())
        assert claim_one(engine).attempt == 1

    @pytest.mark.accepts("C13")
    def test_an_unknown_task_is_parked_with_the_reason(self, engine: Engine) -> None:
        """Blocked, no attempt burned, and the reason names the task."""
        id = enqueue_one(engine)
        run_one(engine, Unknown(TASK))
        record = job_of(engine, id)
        assert (record.state, record.attempt) == (JobState.BLOCKED, 0)
        assert record.reason is not None
        assert TASK in record.reason
        assert claim(engine) == []

    @pytest.mark.accepts("C8")
    def test_an_error_is_on_record(self, engine: Engine) -> None:
        """Type, message and trace, on a job that comes back as on one that has failed."""
        error = ErrorInfo("shop.Grüße", "ü\n🐎 '; --", "Traceback\n" + "  line\n" * 20_000)
        for outcome in (Failure(error), Failure(error, Fail())):
            id = enqueue_one(engine)
            run_one(engine, outcome)
            record = job_of(engine, id)
            kept = (record.error_type, record.error_message, record.error_traceback)
            assert kept == (error.type, error.message, error.traceback)

    @pytest.mark.accepts("C8")
    def test_the_latest_error_stays_until_the_job_ends_by_something_else(self, engine: Engine) -> None:
        """A withdrawal has none of its own to put there; a success and another failure leave none of an earlier run."""
        for end, kept in ((Cancel(), ERROR.type), (Fail("broken"), None), (Success(), None)):
            id = enqueue_one(engine)
            run_one(engine, Failure(ERROR, Retry(after=timedelta(0))))
            engine.stage_jobs(1)
            assert job_of(engine, id).error_type == ERROR.type
            run_one(engine, end)
            assert job_of(engine, id).error_type == kept

    @pytest.mark.accepts("C8")
    @pytest.mark.parametrize("name", RECORDED)
    def test_a_run_that_did_not_succeed_is_in_the_history(self, engine: Engine, name: str) -> None:
        """With its number, worker, times, outcome, reason and error."""
        worker = register(engine, name="shop-3:4711")
        id = enqueue_one(engine)
        job = claim_one(engine, worker=worker.id)
        ack = decided(job, RECORDED[name])
        assert engine.ack_jobs([ack]) == {id}
        [attempt] = engine.list_attempts(id)
        assert (attempt.job_id, attempt.attempt, attempt.worker) == (id, 1, "shop-3:4711")
        assert (attempt.outcome, attempt.reason) == (name, ack.reason)
        error = ack.error or ErrorInfo("", "", "")
        assert (attempt.error_type or "", attempt.error_message or "") == (error.type, error.message)
        assert attempt.started_at is not None
        assert attempt.started_at <= attempt.ended_at

    @pytest.mark.parametrize("name", UNRECORDED)
    def test_other_runs_leave_no_history(self, engine: Engine, name: str) -> None:
        """What succeeded is told by the job itself; what never began was no run."""
        id = enqueue_one(engine)
        run_one(engine, UNRECORDED[name])
        assert engine.list_attempts(id) == []

    @pytest.mark.accepts("C8")
    def test_the_history_is_in_order_and_stays_when_the_job_is_finished(self, engine: Engine, clock: Clock) -> None:
        """Three runs: an error, a skip, a success. Two are in the history; the counters are on the job."""
        id = enqueue_one(engine)
        for outcome in (Failure(ERROR), Skip("busy"), Success()):
            engine.stage_jobs(1)
            run_one(engine, outcome)
            clock.advance(HOUR)
        attempts = [(attempt.attempt, attempt.outcome, attempt.error_type) for attempt in engine.list_attempts(id)]
        assert attempts == [(1, "retry", ERROR.type), (2, "skip", None)]
        record = job_of(engine, id)
        assert (record.attempt, record.failures, record.skips) == (3, 1, 1)

    @pytest.mark.accepts("C5")
    def test_one_call_may_mix_all_outcomes(self, engine: Engine) -> None:
        """Each ack counts by itself: the stale one among them is refused, the others are recorded."""
        outcomes = [*RECORDED.values(), *UNRECORDED.values(), Success()]
        ids = engine.insert_jobs([new_job() for _ in outcomes])
        jobs = claim(engine)
        acknowledge(engine, jobs[-1], Cancel())
        acks = [decided(job, outcome) for job, outcome in zip(jobs, outcomes, strict=True)]
        assert engine.ack_jobs(acks) == set(ids[:-1])
        states = [job_of(engine, id).state.value for id in ids]
        assert states == [
            *("scheduled", "scheduled", "failed", "cancelled", "available"),
            *("succeeded", "available", "blocked", "cancelled"),
        ]

    @pytest.mark.accepts("C5")
    @pytest.mark.parametrize(
        "second", [Success(), Success("2"), Retry(), Fail()], ids=lambda outcome: type(outcome).__name__
    )
    @pytest.mark.parametrize(
        "first", [Success(), Success("1"), Retry(), Fail()], ids=lambda outcome: type(outcome).__name__
    )
    def test_of_two_acks_for_one_run_in_a_call_one_counts(
        self, engine: Engine, first: Outcome, second: Outcome
    ) -> None:
        """A time limit and a late return, say: the first of the two is recorded, and the other jobs' acks with it."""
        both, other = enqueue(engine, 2)
        job, neighbour = claim(engine)
        acks = [decided(job, first), decided(neighbour, Success()), decided(job, second)]
        assert engine.ack_jobs(acks) == {both, other}
        assert job_of(engine, both).state is decided(job, first).state
        assert len(engine.list_attempts(both)) == (0 if isinstance(first, Success) else 1)

    @pytest.mark.parametrize("words", ["nul \0 inside", "half \ud800 a pair", "\ufffe\U0010ffff"], ids=ascii)
    def test_an_ack_never_fails_because_of_its_words(self, engine: Engine, words: str) -> None:
        """What no database stores is mended; the rest of the text is kept, and so are the other acks of the call."""
        ids = enqueue(engine, 3)
        outcomes: list[Outcome] = [Failure(ErrorInfo(words, words, words), Fail(words)), Skip(words), Success()]
        acks = [decided(job, outcome) for job, outcome in zip(claim(engine), outcomes, strict=True)]
        assert engine.ack_jobs(acks) == set(ids)
        record = job_of(engine, ids[0])
        for text in (record.reason, record.error_type, record.error_message, record.error_traceback):
            assert text is not None
            assert text[:3] == words[:3]

    def test_no_acks_are_no_work(self, engine: Engine) -> None:
        """An empty batch is allowed."""
        assert engine.ack_jobs([]) == set()

    def test_five_thousand_acks_fit_into_one_call(self, engine: Engine) -> None:
        """Half of them fail with a trace, so that every table takes part."""
        enqueue(engine, 5000)
        jobs = claim(engine, limit=5000)
        acks = [decided(job, Success("1") if job.id % 2 else Failure(ERROR, Fail())) for job in jobs]
        assert len(engine.ack_jobs(acks)) == 5000
        counts = engine.count_jobs()
        assert (counts[JobState.SUCCEEDED], counts[JobState.FAILED], counts[JobState.EXECUTING]) == (2500, 2500, 0)

    @pytest.mark.accepts("C5", "C8")
    @pytest.mark.parametrize("lost", [None, 0, 3, 7])
    @pytest.mark.parametrize("running", [(), (2,), (0, 7), (1, 2, 3, 4, 5, 6)])
    def test_some_of_a_claim_succeed_while_others_run_on(
        self, engine: Engine, running: tuple[int, ...], lost: int | None
    ) -> None:
        """Whichever they are, in a row or with gaps, and whoever holds what lies between: no other row is touched."""
        ids = enqueue(engine, 8)
        held = {job.id: job for job in claim(engine, limit=8)}
        gone = set() if lost is None else {ids[lost]}
        for id in gone:
            acknowledge(engine, held[id], Unstarted())
            claim(engine, limit=1)
        rest = {ids[place] for place in running} | gone
        done = engine.ack_jobs([decided(job, Success()) for id, job in held.items() if id not in rest - gone])
        assert done == set(ids) - rest
        assert {id for id in ids if job_of(engine, id).state is JobState.EXECUTING} == rest

    def test_a_finished_jobs_id_is_not_given_again(self, engine: Engine) -> None:
        """Live and finished jobs share their ids."""
        old = enqueue(engine, 3)
        for job in claim(engine):
            acknowledge(engine, job, Success())
        new = enqueue(engine, 3)
        assert min(new) > max(old)
        assert {engine.find_job(id) is not None for id in (*old, *new)} == {True}
