"""From what is known of a job to sentences: every reason in its words, and in order of importance."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from packhorse.domain.explanation import (
    Ended,
    Explanation,
    Facts,
    GroupFacts,
    JobFacts,
    KeyFacts,
    LoadProblem,
    NeededJob,
    QueueFacts,
    WorkerFacts,
)
from packhorse.domain.reasons import explain
from packhorse.domain.state import JobState
from packhorse.domain.worker import WorkerRecord

pytestmark = pytest.mark.accepts("C17")

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
TASK = "shop.mail.send"


def job(state: JobState = JobState.AVAILABLE, **changes: Any) -> JobFacts:
    """A job of the queue mail."""
    return JobFacts(**{"id": 42, "task": TASK, "queue": "mail", "state": state, "priority": 5, **changes})


def worker(
    id: int = 1,
    *,
    knows_task: bool = True,
    runs_alone: int | None = None,
    queues: tuple[str, ...] = (),
    **changes: Any,
) -> WorkerFacts:
    """A live worker."""
    record = WorkerRecord(
        **{
            "id": id,
            "name": f"web{id}:7",
            "queues": queues,
            "started_at": NOW - 60 * MINUTE,
            "expires_at": NOW + 12 * SECOND,
            "executing": 0,
            **changes,
        }
    )
    return WorkerFacts(record=record, knows_task=knows_task, runs_alone=runs_alone)


def explained(about: JobFacts | None = None, **changes: Any) -> Explanation:
    """The explanation of a job that, but for the changes, nothing keeps from running."""
    return explain(
        Facts(**{"now": NOW, "job": about or job(), "claimable": True, "ahead": 0, "workers": [worker()], **changes})
    )


def texts(about: JobFacts | None = None, **changes: Any) -> list[str]:
    """The sentences."""
    return [reason.text for reason in explained(about, **changes).reasons]


def blocked(waits_for: str, **changes: Any) -> JobFacts:
    """A blocked job."""
    return job(JobState.BLOCKED, waits_for=waits_for, **changes)


QUEUE_CASES: list[tuple[dict[str, Any], str]] = [
    (
        {"paused_at": NOW - 12 * MINUTE, "paused_by": "anna", "paused_reason": "month end"},
        "its queue mail has been paused by anna for 12 min (month end)",
    ),
    ({"paused_at": NOW + SECOND}, "its queue mail has been paused for 0 ms"),
    ({"priority_floor": 4}, "its priority 5 is below the floor 4 of its queue mail"),
    ({"max_running": 10, "running": 10}, "the queue mail runs 10 of at most 10 jobs (max_running)"),
    (
        {"rate_count": 100, "rate_period": MINUTE, "started": 100, "next_at": NOW + 3 * SECOND},
        "the queue mail has started 100 of its rate of 100/m; the next may start in 3 s",
    ),
    ({"slots": 2}, "web1:7 holds as many jobs of the queue mail as allowed: 2 (slots)"),
]


@pytest.mark.parametrize(("queue", "text"), QUEUE_CASES)
def test_what_its_queue_puts_in_its_way_is_told(queue: dict[str, Any], text: str) -> None:
    """Who did it, how many there are of how many, and when it goes on."""
    found = explained(queue=QueueFacts(**queue), workers=[worker(executing=2)])

    assert found.reasons[0].text == text


def test_queues_without_obstacles_have_no_reasons() -> None:
    """A job at the floor, limits with room, and one worker of two with a free slot."""
    queue = QueueFacts(priority_floor=5, max_running=3, running=2, rate_count=5, rate_period=MINUTE, started=4, slots=1)
    found = explained(queue=queue, workers=[worker(1, executing=1), worker(2)])

    assert [reason.code for reason in found.reasons] == ["next"]
    assert found.reasons[0].text.endswith("it is the next of its queue, for the first free slot of web1:7, web2:7")


WORKER_CASES: list[tuple[list[WorkerFacts], str]] = [
    ([], "no worker is alive"),
    ([worker(expires_at=NOW)], "no worker is alive"),
    ([worker(queues=("other",))], "no live worker serves the queue mail; web1:7 serves others"),
    (
        [worker(1, queues=("mail",), knows_task=False), worker(2, queues=("other",))],
        f"web1:7 serves its queue mail without knowing the task {TASK}; web2:7 knows it without serving the queue",
    ),
    (
        [worker(knows_task=False)],
        f"no live worker knows the task {TASK}; 1 worker is alive and knows the similar shop.mail.sent",
    ),
]


@pytest.mark.parametrize(("workers", "text"), WORKER_CASES)
def test_what_is_wanting_of_the_workers_is_told(workers: list[WorkerFacts], text: str) -> None:
    """Also for a job that waits for something else: then behind that."""
    assert texts(workers=workers, other_tasks=["shop.mail.sent", "x"]) == [text]
    held = texts(blocked("hold", reason="held by kim"), workers=workers, other_tasks=["shop.mail.sent"])
    assert held == ["it is on hold: held by kim", text]


def test_a_module_that_cannot_be_imported_stands_for_its_tasks() -> None:
    """Not for those of a module whose name only begins alike."""
    problem = LoadProblem(module="shop.mail", host="web1", error="SyntaxError: line 3")
    other = LoadProblem(module="shop.ma", host="web1", error="no")

    assert texts(workers=[worker(knows_task=False)], load_problems=[other, problem]) == [
        f"its task {TASK} is in a module that can't be imported on web1: SyntaxError: line 3"
    ]


WAITING_CASES: list[tuple[JobFacts, dict[str, Any], str]] = [
    (blocked("hold", reason="held by kim: ask"), {}, "it is on hold: held by kim: ask"),
    (
        blocked("serial", serial_key="customer:7"),
        {"key": KeyFacts(holder=41, state=JobState.EXECUTING, started_at=NOW - 3 * MINUTE, worker="web1:7", ahead=12)},
        (
            "it waits for its serial key customer:7, held by job 41, which has been running for 3 min on web1:7; "
            "12 jobs are before it"
        ),
    ),
    (
        blocked("serial", serial_key="k"),
        {"key": KeyFacts(holder=41, state=JobState.SCHEDULED, scheduled_at=NOW + 4 * MINUTE, ahead=10_001)},
        (
            "it waits for its serial key k, held by job 41, which is due again in 4 min; "
            "more than 10,000 jobs are before it"
        ),
    ),
    (
        blocked("serial", serial_key="k"),
        {"key": KeyFacts(holder=41, state=JobState.BLOCKED, waits_for="hold")},
        "it waits for its serial key k, held by job 41, which is on hold",
    ),
    (
        blocked("serial", serial_key="k", is_fresh=True),
        {},
        "nobody has its serial key k: a worker settles within a second or so who is next",
    ),
    (
        blocked("group", group_key="acme"),
        {"group": GroupFacts(max_running=2, inside=2, ahead=3)},
        (
            "it waits for its turn in the group acme: 2 jobs of the group run or are next, of at most 2 "
            "(group_max_running); 3 jobs of it wait before it"
        ),
    ),
    (
        blocked("group", group_key="acme"),
        {"group": GroupFacts(rate_count=5, rate_period=MINUTE, inside=0, next_at=NOW + 9 * SECOND)},
        (
            "it waits for its turn in the group acme: the group starts no more than its rate of 5/m (group_rate), "
            "and goes on in 9 s"
        ),
    ),
    (
        blocked("group", group_key="acme"),
        {"group": GroupFacts(is_fair=True, inside=32)},
        "it waits for its turn in the group acme: 32 jobs of it go first, and the queue is shared among groups (fair)",
    ),
    (
        blocked("jobs"),
        {"needed": [NeededJob(id=12, state=JobState.FAILED, needs="success")]},
        "it waits for the success of job 12, which failed",
    ),
    (
        blocked("jobs"),
        {"needed": [NeededJob(id=id, state=JobState.EXECUTING, needs="end") for id in (12, 13, 14)]},
        "it waits for the end of job 12, which runs, and for 2 other jobs",
    ),
    (
        blocked("jobs"),
        {"needed": [NeededJob(id=12, state=JobState.CANCELLED, needs="success")]},
        "it waits for the success of job 12, which was cancelled: a worker cancels it soon",
    ),
    (
        job(JobState.SCHEDULED, scheduled_at=NOW + 4 * MINUTE, failures=2, max_attempts=5, error_type="ValueError"),
        {},
        (
            "it is not due before 2026-03-02 12:04:00 UTC, in 4 min; 2 attempts have failed of at most 5, the last "
            "with ValueError"
        ),
    ),
    (
        job(JobState.SCHEDULED, scheduled_at=NOW - 2 * SECOND),
        {},
        "it has been due 2 s ago: the next look of a worker makes it available",
    ),
]


@pytest.mark.parametrize(("about", "changes", "text"), WAITING_CASES)
def test_what_it_waits_for_is_told(about: JobFacts, changes: dict[str, Any], text: str) -> None:
    """Of blocked and scheduled jobs; it alone, as nothing else is in the way."""
    assert texts(about, claimable=False, ahead=None, **changes) == [text]


def test_what_was_cancelled_comes_back_with_what_it_waited_for() -> None:
    """Alone it would be cancelled again."""
    needed = [
        NeededJob(id=id, state=state, needs="success")
        for id, state in ((12, JobState.CANCELLED), (13, JobState.EXECUTING))
    ]
    [reason] = explained(job(JobState.CANCELLED, finished_at=NOW), needed=needed).reasons
    assert reason.advice == "`packhorse jobs retry 12 42`"


ENDED_CASES: list[tuple[JobFacts, str, str | None]] = [
    (
        job(JobState.SUCCEEDED, finished_at=NOW - 3 * MINUTE, worker="web1:7"),
        "it succeeded 3 min ago on web1:7",
        None,
    ),
    (
        job(JobState.CANCELLED, finished_at=NOW - 3 * MINUTE, reason="cancelled by kim"),
        "it was cancelled 3 min ago: cancelled by kim",
        "`packhorse jobs retry 42`",
    ),
    (
        job(JobState.FAILED, finished_at=NOW - 3 * MINUTE, attempt=5, error_type="ValueError", error_message="no"),
        "it failed 3 min ago, in attempt 5: ValueError: no",
        "`packhorse inbox show 42`",
    ),
    (
        job(
            JobState.FAILED,
            finished_at=NOW - 3 * MINUTE,
            attempt=1,
            reason="useless",
            dismissed_at=NOW,
            dismissed_by="kim",
        ),
        "it failed 3 min ago, in attempt 1: useless; that was dismissed by kim 0 ms ago",
        "`packhorse jobs retry 42`",
    ),
]


@pytest.mark.parametrize(("about", "text", "advice"), ENDED_CASES)
def test_how_it_ended_is_told(about: JobFacts, text: str, advice: str | None) -> None:
    """And nothing else, whatever is wrong with its queue."""
    queue = QueueFacts(paused_at=NOW)
    [reason] = explained(about, claimable=False, ahead=None, workers=[], queue=queue).reasons

    assert (reason.text, reason.advice) == (text, advice)


def test_a_running_job_is_told_with_its_worker() -> None:
    """When it was claimed, until when the worker counts as alive, and who wants it to stop."""
    about = job(
        JobState.EXECUTING, started_at=NOW - MINUTE, attempt=2, worker_id=1, worker="web1:7", cancel_at=NOW - SECOND
    )

    assert texts(about, claimable=False, ahead=None) == [
        "its cancellation was asked for 1 s ago by somebody; its handler has not ended yet",
        (
            "it was claimed by web1:7 60 s ago, as attempt 2, and runs there; the worker counts as alive for 12 s, and "
            "for longer with each heartbeat"
        ),
    ]


def test_a_job_of_a_lost_worker_is_told_with_who_gives_it_back() -> None:
    """Whether the worker has expired or has no row any more."""
    about = job(JobState.EXECUTING, started_at=NOW - MINUTE, worker_id=9, worker="web9:7")
    gone = worker(9, expires_at=NOW - SECOND)

    assert texts(about, workers=[gone]) == [
        "its worker web9:7 is lost, and took it 60 s ago, and no live worker is there to give it back"
    ]
    assert texts(about, workers=[gone, worker()])[0].endswith("; a live worker gives it back within some 15 s")


def test_those_before_it_are_told_with_the_time_that_they_take() -> None:
    """At the pace of what has ended lately; without one that is said; counted up to a bound."""
    pace = QueueFacts(ended=[Ended(number=1000, since=NOW - 40 * SECOND), Ended(number=150, since=NOW - 30 * SECOND)])

    assert texts(ahead=1204, queue=pace) == [
        "1,204 jobs of the queue mail are before it: about 40 s at the present 30 jobs/s"
    ]
    assert texts(ahead=10_001, queue=pace)[0].startswith(
        "more than 10,000 jobs of the queue mail are before it: at least about 6 min"
    )
    assert texts(ahead=1) == [
        (
            "1 job of the queue mail is before it; how long they take is not known, because hardly any have ended in "
            "the last 5 min"
        )
    ]
    slow = QueueFacts(ended=[Ended(number=6, since=NOW - 3 * MINUTE)])
    assert texts(ahead=4, queue=slow) == [
        "4 jobs of the queue mail are before it: about 2 min at the present 2 jobs/min"
    ]


def test_a_job_is_claimable_only_where_permits_are_left_for_it() -> None:
    """Those before it take theirs first, and suspects before ordinary jobs."""
    assert explained(ahead=2, free_permits=3).claimable
    assert not explained(ahead=3, free_permits=3).claimable
    assert not explained(ahead=2, suspects=1, free_permits=3).claimable
    assert explained(job(crashes=1), ahead=2, suspects=3, free_permits=3).claimable
    assert not explained(ahead=0, claimable=False).claimable


def test_suspects_are_told() -> None:
    """Of themselves, and of the jobs that wait for them."""
    assert texts(job(crashes=2), suspects=1) == [
        "it was held 2 times by a worker that died, so it runs alone, when the worker's other jobs have ended"
    ]
    assert texts(suspects=2)[0] == "2 of the jobs before it lost their worker, and each of them runs alone"


def test_a_job_that_runs_alone_is_told_to_those_that_wait_for_its_worker() -> None:
    """Where every worker that could take them has one; for as long as it gets no neighbours."""
    one, two, other = (worker(id, runs_alone=id + 10) for id in (1, 2, 3))
    free, strange = worker(3), worker(3, queues=("other",))

    assert texts(workers=[one]) == ["web1:7 runs job 11 alone, because a worker that held it died, for 30 s at most"]
    assert texts(workers=[one, two, strange]) == [
        "web1:7 and web2:7 run a job alone, because a worker that held it died, for 30 s at most"
    ]
    assert [reason.code for reason in explained(workers=[one, free]).reasons] == ["next"]
    assert [reason.code for reason in explained(job(crashes=1), workers=[other]).reasons] == ["alone", "suspect"]


def test_reasons_come_in_order_of_importance() -> None:
    """The queue's pause before the workers, these before limits, and what is merely before it at the end."""
    queue = QueueFacts(paused_at=NOW, priority_floor=1, max_running=1, running=1, slots=1)
    found = explained(queue=queue, ahead=4, suspects=1, claimable=False, workers=[worker(executing=1)])
    codes = [reason.code for reason in found.reasons]

    assert codes == ["paused", "floor", "max_running", "slots", "suspects_first", "behind"]
