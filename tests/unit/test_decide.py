"""What follows from how a run ended: every outcome under every policy."""

import typing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.decide import Ack, decide, unknown_reason
from packhorse.domain.job import ClaimedJob, Lease
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
    Verdict,
    WorkerLost,
)
from packhorse.domain.retry import MAX_DELAY, Backoff, RetryPolicy
from packhorse.domain.state import TRANSITIONS, JobState
from packhorse.testing.samples import ERROR, TASK, claimed_job

AVAILABLE, BLOCKED, SCHEDULED = JobState.AVAILABLE, JobState.BLOCKED, JobState.SCHEDULED
SUCCEEDED, FAILED, CANCELLED = JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED
MIDDLE = 0.5
S = timedelta(seconds=1)
LOST = ErrorInfo("worker_lost", "the worker shop-3:4711 died while it held this job")


class MyVerdict(Verdict):
    """What somebody might derive who has not read that there are four."""


@dataclass(frozen=True)
class Row:
    """One line of the table: this job and this outcome under this policy become that acknowledgement."""

    name: str
    outcome: Outcome
    expected: dict[str, Any]
    job: dict[str, Any] = field(default_factory=dict)
    policy: RetryPolicy = field(default_factory=RetryPolicy)


def to(state: JobState, outcome: str, **changes: Any) -> dict[str, Any]:
    """The fields of an acknowledgement that differ from those of a plain one."""
    return {"state": state, "outcome": outcome, **changes}


SLOW = RetryPolicy(backoff=Backoff(first=60 * S, longest=600 * S))
ONCE = RetryPolicy(max_attempts=1)
TWO_SKIPS = RetryPolicy(max_skips=2)
NO_SKIPS = RetryPolicy(max_skips=0)
ONE_CRASH = RetryPolicy(max_crashes=1)
ASKED = {"cancelled_by": "ann"}
RAISED = Failure(ERROR)
DEADLOCK = Failure(ERROR, counted=False)

TABLE = [
    Row("success", Success(), to(SUCCEEDED, "success")),
    Row("success keeps its result", Success('{"a":1}'), to(SUCCEEDED, "success", result='{"a":1}')),
    Row(
        "success says why it kept no result",
        Success(note="the result is too long"),
        to(SUCCEEDED, "success", reason="the result is too long"),
    ),
    Row(
        "success after failures keeps the counters",
        Success(),
        to(SUCCEEDED, "success", attempt=9, failures=3, skips=4, crashes=1),
        job={"attempt": 9, "failures": 3, "skips": 4, "crashes": 1},
    ),
    # An exception that no rule names
    Row("first failure", RAISED, to(SCHEDULED, "retry", failures=1, delay=2 * S, error=ERROR)),
    Row("third failure", RAISED, to(SCHEDULED, "retry", failures=3, delay=8 * S, error=ERROR), job={"failures": 2}),
    Row(
        "failure under another backoff",
        RAISED,
        to(SCHEDULED, "retry", failures=2, delay=120 * S, error=ERROR),
        job={"failures": 1},
        policy=SLOW,
    ),
    Row("last failure", RAISED, to(FAILED, "fail", failures=5, error=ERROR), job={"failures": 4}),
    Row("only attempt", RAISED, to(FAILED, "fail", failures=1, error=ERROR), policy=ONCE),
    Row("the job's own limit is smaller", RAISED, to(FAILED, "fail", failures=1, error=ERROR), job={"max_attempts": 1}),
    Row(
        "the job's own limit is greater",
        RAISED,
        to(SCHEDULED, "retry", failures=1, delay=2 * S, error=ERROR),
        job={"max_attempts": 2},
        policy=ONCE,
    ),
    Row(
        "a limit that was lowered meanwhile",
        RAISED,
        to(FAILED, "fail", failures=9, error=ERROR),
        job={"failures": 8},
    ),
    Row(
        "runs that were no failures do not count",
        RAISED,
        to(SCHEDULED, "retry", attempt=99, failures=1, skips=90, crashes=2, delay=2 * S, error=ERROR),
        job={"attempt": 99, "skips": 90, "crashes": 2},
    ),
    # Trouble that is nobody's fault
    Row("deadlock", DEADLOCK, to(SCHEDULED, "skip", skips=1, delay=2 * S, reason=ERROR.message, error=ERROR)),
    Row(
        "deadlock on the last attempt",
        DEADLOCK,
        to(SCHEDULED, "skip", failures=4, skips=1, delay=2 * S, reason=ERROR.message, error=ERROR),
        job={"failures": 4},
    ),
    Row(
        "one deadlock too many",
        DEADLOCK,
        to(FAILED, "fail", skips=3, reason=f"skipped more than 2 times: {ERROR.message}", error=ERROR),
        job={"skips": 2},
        policy=TWO_SKIPS,
    ),
    # An exception that the policy has a rule for
    Row(
        "rule: retry",
        Failure(ERROR, Retry(after=3 * S)),
        to(SCHEDULED, "retry", failures=1, delay=3 * S, error=ERROR),
    ),
    Row(
        "rule: retry on the last attempt",
        Failure(ERROR, Retry(after=3 * S)),
        to(FAILED, "fail", failures=5, error=ERROR),
        job={"failures": 4},
    ),
    Row("rule: skip", Failure(ERROR, Skip()), to(SCHEDULED, "skip", skips=1, delay=5 * S, error=ERROR)),
    Row("rule: fail", Failure(ERROR, Fail()), to(FAILED, "fail", failures=1, error=ERROR)),
    Row("rule: cancel", Failure(ERROR, Cancel()), to(CANCELLED, "cancel", error=ERROR)),
    Row(
        "a rule comes before what is not counted",
        Failure(ERROR, Fail("broken"), counted=False),
        to(FAILED, "fail", failures=1, reason="broken", error=ERROR),
    ),
    # What the handler says itself
    Row("retry", Retry("r"), to(SCHEDULED, "retry", failures=1, delay=2 * S, reason="r")),
    Row("retry after", Retry(after=10 * S), to(SCHEDULED, "retry", failures=1, delay=10 * S)),
    Row("retry at once", Retry(after=0 * S), to(SCHEDULED, "retry", failures=1, delay=0 * S)),
    Row("retry in the past", Retry(after=-5 * S), to(SCHEDULED, "retry", failures=1, delay=0 * S)),
    Row("retry in ages", Retry(after=timedelta.max), to(SCHEDULED, "retry", failures=1, delay=MAX_DELAY)),
    Row("last retry", Retry("r", after=S), to(FAILED, "fail", failures=5, reason="r"), job={"failures": 4}),
    Row("skip", Skip("s"), to(SCHEDULED, "skip", skips=1, delay=5 * S, reason="s")),
    Row("skip after", Skip(after=12.345 * S), to(SCHEDULED, "skip", skips=1, delay=12.345 * S)),
    Row("skip after nothing", Skip(after=0 * S), to(SCHEDULED, "skip", skips=1, delay=5 * S)),
    Row("skip in ages", Skip(after=timedelta.max), to(SCHEDULED, "skip", skips=1, delay=MAX_DELAY)),
    Row("a skip that is spread", Skip(spread=4 * S), to(SCHEDULED, "skip", skips=1, delay=7 * S)),
    Row("spread in ages", Skip(after=timedelta.max, spread=S), to(SCHEDULED, "skip", skips=1, delay=MAX_DELAY)),
    Row("hundredth skip", Skip(), to(SCHEDULED, "skip", skips=100, delay=5 * S), job={"skips": 99}),
    Row(
        "skip on the last attempt",
        Skip(),
        to(SCHEDULED, "skip", failures=4, skips=1, delay=5 * S),
        job={"failures": 4},
    ),
    Row("last skip allowed", Skip(), to(SCHEDULED, "skip", skips=2, delay=5 * S), job={"skips": 1}, policy=TWO_SKIPS),
    Row(
        "one skip too many",
        Skip("busy"),
        to(FAILED, "fail", skips=3, reason="skipped more than 2 times: busy"),
        job={"skips": 2},
        policy=TWO_SKIPS,
    ),
    Row(
        "no skip allowed",
        Skip(),
        to(FAILED, "fail", skips=1, reason="skipped more than 0 times: no reason given"),
        policy=NO_SKIPS,
    ),
    Row("fail", Fail("f"), to(FAILED, "fail", failures=1, reason="f")),
    Row("cancel", Cancel("c"), to(CANCELLED, "cancel", reason="c")),
    Row("cancel on the last attempt", Cancel(), to(CANCELLED, "cancel", failures=4), job={"failures": 4}),
    Row("bare verdict", Verdict("v"), to(FAILED, "fail", failures=1, reason="Verdict is no verdict of Packhorse")),
    Row("own verdict", MyVerdict(), to(FAILED, "fail", failures=1, reason="MyVerdict is no verdict of Packhorse")),
    # What the worker sees
    Row("handed back", Unstarted(), to(AVAILABLE, "unstarted", attempt=0)),
    Row(
        "handed back after failures",
        Unstarted(),
        to(AVAILABLE, "unstarted", attempt=3, failures=2, skips=1, crashes=1),
        job={"attempt": 4, "failures": 2, "skips": 1, "crashes": 1},
    ),
    Row("unknown task", Unknown(TASK), to(BLOCKED, "unknown", attempt=0, reason=unknown_reason(TASK))),
    Row(
        "first crash",
        WorkerLost("shop-3:4711"),
        to(AVAILABLE, "crash", crashes=1, reason="worker_lost", error=LOST),
    ),
    Row(
        "crash whose cause is known",
        WorkerLost("child 7", "ended with status 3"),
        to(
            AVAILABLE,
            "crash",
            crashes=1,
            reason="worker_lost",
            error=ErrorInfo("worker_lost", "the worker child 7 ended with status 3 while it held this job"),
        ),
    ),
    Row(
        "crash on the last attempt",
        WorkerLost("shop-3:4711"),
        to(AVAILABLE, "crash", failures=4, crashes=1, reason="worker_lost", error=LOST),
        job={"failures": 4},
    ),
    Row(
        "third crash",
        WorkerLost("shop-3:4711"),
        to(FAILED, "crash", crashes=3, reason="worker_lost", error=LOST),
        job={"crashes": 2},
    ),
    Row(
        "only crash allowed",
        WorkerLost("shop-3:4711"),
        to(FAILED, "crash", crashes=1, reason="worker_lost", error=LOST),
        policy=ONE_CRASH,
    ),
    # Somebody has asked for its cancellation while it ran
    Row(
        "cancellation: too late",
        Success("1"),
        to(SUCCEEDED, "success", result="1", reason="cancelled too late by ann; it had done its work"),
        job=ASKED,
    ),
    Row(
        "cancellation: too late, and no result",
        Success(note="no result"),
        to(SUCCEEDED, "success", reason="no result; cancelled too late by ann; it had done its work"),
        job=ASKED,
    ),
    Row(
        "cancellation: seen", Cancel("cancelled by ann"), to(CANCELLED, "cancel", reason="cancelled by ann"), job=ASKED
    ),
    Row(
        "cancellation: failure",
        RAISED,
        to(CANCELLED, "cancel", failures=1, reason="cancelled by ann", error=ERROR),
        job=ASKED,
    ),
    Row(
        "cancellation: last failure",
        RAISED,
        to(CANCELLED, "cancel", failures=5, reason="cancelled by ann", error=ERROR),
        job={**ASKED, "failures": 4},
    ),
    Row(
        "cancellation: retry", Retry("r"), to(CANCELLED, "cancel", failures=1, reason="cancelled by ann; r"), job=ASKED
    ),
    Row("cancellation: skip", Skip(), to(CANCELLED, "cancel", skips=1, reason="cancelled by ann"), job=ASKED),
    Row("cancellation: fail", Fail("f"), to(CANCELLED, "cancel", failures=1, reason="cancelled by ann; f"), job=ASKED),
    Row(
        "cancellation: crash",
        WorkerLost("shop-3:4711"),
        to(CANCELLED, "crash", crashes=1, reason="cancelled by ann; worker_lost", error=LOST),
        job=ASKED,
    ),
    Row(
        "cancellation: handed back",
        Unstarted(),
        to(CANCELLED, "unstarted", attempt=0, reason="cancelled before it ran by ann"),
        job=ASKED,
    ),
    Row(
        "cancellation: unknown task",
        Unknown(TASK),
        to(CANCELLED, "unknown", attempt=0, reason="cancelled before it ran by ann"),
        job=ASKED,
    ),
]


@pytest.mark.accepts("C8", "C6", "C13", "C17")
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name.replace(" ", "-"))
def test_what_follows_from_an_outcome(row: Row) -> None:
    """Each row of the table; what a row does not name stays as it was claimed."""
    job = claimed_job(**row.job)

    ack = decide(job, row.outcome, row.policy, MIDDLE)

    plain = {"attempt": job.attempt, "failures": job.failures, "skips": job.skips, "crashes": job.crashes}
    assert ack == Ack(job_id=job.id, lease=job.lease, **{**plain, **row.expected})


@pytest.mark.accepts("C8")
def test_the_table_has_a_row_for_every_outcome() -> None:
    """A new outcome without a row is seen here."""
    outcomes = set(typing.get_args(Outcome)) | set(Verdict.__subclasses__())
    assert {type(row.outcome) for row in TABLE} >= outcomes
    assert {type(row.outcome.verdict) for row in TABLE if isinstance(row.outcome, Failure)} >= {
        *(Retry, Skip, Fail, Cancel, type(None))
    }


counters = st.integers(0, 50)
limits = st.integers(1, 50)
afters = st.none() | st.timedeltas()
verdicts = st.one_of(
    st.builds(Retry, st.none() | st.text(), after=afters),
    st.builds(Skip, st.none() | st.text(), after=afters),
    st.builds(Fail, st.none() | st.text()),
    st.builds(Cancel, st.none() | st.text()),
    st.builds(MyVerdict),
)
outcomes = st.one_of(
    st.builds(Success, st.none() | st.just("1")),
    st.builds(Failure, st.just(ERROR), st.none() | verdicts, st.booleans()),
    verdicts,
    st.just(Unstarted()),
    st.just(Unknown(TASK)),
    st.just(WorkerLost("w")),
)
jobs = st.builds(
    claimed_job,
    attempt=st.integers(1, 200),
    failures=counters,
    skips=counters,
    crashes=counters,
    max_attempts=st.none() | limits,
    lease=st.builds(Lease, st.integers(1), st.integers(1)),
    cancelled_by=st.none() | st.text(),
)
policies = st.builds(RetryPolicy, max_attempts=limits, max_crashes=limits, max_skips=st.none() | counters)
chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.accepts("C8")
@given(jobs, outcomes, policies, chances)
def test_every_decision_is_a_step_that_the_state_machine_allows(
    job: ClaimedJob, outcome: Outcome, policy: RetryPolicy, chance: float
) -> None:
    """Whatever happens, the job goes from executing to a state that may follow."""
    assert decide(job, outcome, policy, chance).state in TRANSITIONS[JobState.EXECUTING]


@pytest.mark.accepts("C5")
@given(jobs, outcomes, policies, chances)
def test_every_decision_names_the_lease_of_its_claim(
    job: ClaimedJob, outcome: Outcome, policy: RetryPolicy, chance: float
) -> None:
    """Without it the database could not tell a late acknowledgement from the current one."""
    ack = decide(job, outcome, policy, chance)
    assert (ack.job_id, ack.lease) == (job.id, job.lease)


@given(jobs, outcomes, policies, chances)
def test_one_run_moves_at_most_one_counter_by_one(
    job: ClaimedJob, outcome: Outcome, policy: RetryPolicy, chance: float
) -> None:
    """A run is a failure, a skip or a crash, never two of them; only a run that never began gives its attempt back."""
    ack = decide(job, outcome, policy, chance)
    moved = (ack.failures - job.failures, ack.skips - job.skips, ack.crashes - job.crashes)
    assert sum(moved) in (0, 1)
    assert min(moved) == 0
    assert job.attempt - ack.attempt == (1 if ack.outcome in ("unstarted", "unknown") else 0)


@given(jobs, outcomes, policies, chances)
def test_a_delay_belongs_to_a_scheduled_job_and_is_one_that_every_database_can_add(
    job: ClaimedJob, outcome: Outcome, policy: RetryPolicy, chance: float
) -> None:
    """Zero to ten years, whatever the handler asked for."""
    ack = decide(job, outcome, policy, chance)
    assert (ack.delay is not None) == (ack.state is JobState.SCHEDULED)
    assert ack.delay is None or timedelta(0) <= ack.delay <= MAX_DELAY


@given(jobs, outcomes, policies, chances)
def test_no_job_goes_on_beyond_its_limits(
    job: ClaimedJob, outcome: Outcome, policy: RetryPolicy, chance: float
) -> None:
    """What comes back after a failure, a skip or a crash has some of them left."""
    ack = decide(job, outcome, policy, chance)
    if ack.state.is_final:
        return
    limits = {
        "retry": ack.failures < (job.max_attempts or policy.max_attempts),
        "skip": policy.max_skips is None or ack.skips <= policy.max_skips,
        "crash": ack.crashes < policy.max_crashes,
    }
    assert limits.get(ack.outcome, True)


@pytest.mark.accepts("C17")
@given(jobs, outcomes, policies, chances)
def test_nothing_runs_again_whose_cancellation_was_asked(
    job: ClaimedJob, outcome: Outcome, policy: RetryPolicy, chance: float
) -> None:
    """Nor does it come to the inbox: it succeeded or is cancelled."""
    if job.cancelled_by is not None:
        assert decide(job, outcome, policy, chance).state in (SUCCEEDED, CANCELLED)


@given(jobs, outcomes, policies, chances)
def test_the_same_inputs_give_the_same_decision(
    job: ClaimedJob, outcome: Outcome, policy: RetryPolicy, chance: float
) -> None:
    """No clock, no randomness: what was decided can be replayed."""
    assert decide(job, outcome, policy, chance) == decide(job, outcome, policy, chance)


@given(outcomes, policies)
def test_a_job_that_always_ends_alike_ends_within_its_limits(outcome: Outcome, policy: RetryPolicy) -> None:
    """Followed from run to run, each job comes to rest unless it is skipped without limit or never begins."""
    job, runs = claimed_job(), 0
    while not (ack := decide(job, outcome, policy, MIDDLE)).state.is_final:
        if ack.outcome in ("unstarted", "unknown") or (ack.outcome == "skip" and policy.max_skips is None):
            return
        runs += 1
        job = claimed_job(attempt=runs + 1, failures=ack.failures, skips=ack.skips, crashes=ack.crashes)
    assert runs <= max(policy.max_attempts, policy.max_crashes, (policy.max_skips or 0) + 1)
