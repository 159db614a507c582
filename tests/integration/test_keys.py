"""Unique keys, serial keys, groups and `after`, as an application uses them."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from packhorse import (
    ConfigurationError,
    Context,
    DuplicateJob,
    JobHandle,
    JobRolledBack,
    JobState,
    Packhorse,
    UserError,
)
from packhorse.domain.job import OnDuplicate
from packhorse.testing import Kit
from tests.integration.worker_kit import working

HOUR = timedelta(hours=1)
Step = Any
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"unique_key": ""}, "unique_key must be a text of 1 to 200 characters"),
    ({"serial_key": "x" * 201}, "serial_key must be a text of 1 to 200 characters"),
    ({"group": 7}, "group must be a text of 1 to 200 characters"),
    ({"serial_key": "a\nb"}, "none of them a control"),
    ({"on_duplicate": "keep"}, "say something of a unique_key: give one"),
    ({"unique_key": "k", "on_duplicate": "ignore"}, "on_duplicate must be 'refuse' or 'keep'"),
    ({"unique_key": "k", "unique_until": "never"}, "unique_until must be 'start' or 'end'"),
    ({"after_needs": "end"}, "after_needs says something of the jobs in after: give some"),
    ({"after": [0]}, "after takes jobs, by their handles or ids, not 0"),
    ({"after": "12"}, "after takes a list of jobs"),
    ({"after": [1], "unique_key": "k", "on_duplicate": "keep"}, "after can't be combined with on_duplicate='keep'"),
    ({"after": range(1, 1002)}, "a job can wait for 1000 others at most, not 1001"),
]
"""Options that are wrong, and what is said of them."""


@pytest.fixture
def packhorse_app() -> Packhorse:
    """An application without tasks yet."""
    return Packhorse()


@pytest.fixture
def app(packhorse_kit: Kit) -> Packhorse:
    """The same, with a database."""
    return packhorse_kit.app


@pytest.fixture
def ran() -> list[int]:
    """Which steps ran, in order."""
    return []


@pytest.fixture
def step(app: Packhorse, ran: list[int]) -> Step:
    """A task that notes its number, and fails if that is below zero."""

    @app.task(name="step")
    def step(n: int) -> None:
        ran.append(n)
        if n < 0:
            raise UserError("below zero")

    return step


@pytest.mark.accepts("C14")
def test_a_duplicate_is_refused_with_an_error_that_says_so(app: Packhorse, step: Step) -> None:
    """It carries the other job's number; also from a coroutine, and among many."""
    bound = step.using(unique_key="invoice:42")
    first = bound.enqueue(1)
    for enqueue in (
        lambda: bound.enqueue(2),
        lambda: asyncio.run(bound.aenqueue(2)),
        lambda: app.enqueue_many([step.call(3), bound.call(2)]),
    ):
        with pytest.raises(DuplicateJob, match=f"job {first.id} has it already") as refused:
            enqueue()
        assert (refused.value.unique_key, refused.value.job_id) == ("invoice:42", first.id)
    assert [job.id for job in app.list_jobs()] == [first.id]


@pytest.mark.accepts("C14")
def test_a_job_that_is_found_gives_its_own_handle(step: Step, packhorse_kit: Kit, ran: list[int]) -> None:
    """With the arguments that the rule leaves; all handles are good, whichever arguments they were enqueued with."""
    kept = step.using(unique_key="a", on_duplicate="keep")
    replaced = step.using(unique_key="b", on_duplicate="replace")
    handles = [kept.enqueue(1), kept.enqueue(2), replaced.enqueue(3), asyncio.run(replaced.aenqueue(4))]
    ids = [handle.id for handle in handles]
    assert ids == [ids[0], ids[0], ids[2], ids[2]]
    packhorse_kit.drain()
    assert ran == [1, 4]
    assert [handle.result(timeout=1) for handle in handles] == [None] * 4


@pytest.mark.accepts("C14", "C24")
@pytest.mark.parametrize("rule", ["keep", "earliest", "replace"])
def test_a_job_that_was_found_is_there_after_a_rollback(app: Packhorse, step: Step, rule: OnDuplicate) -> None:
    """Of the transaction that found it, which stored nothing; one that it stored itself is not."""
    before, handles = step.using(unique_key="a").enqueue(1), list[JobHandle[None]]()
    with suppress(KeyError), app.transaction():
        handles += [step.using(unique_key=key, on_duplicate=rule).enqueue(2) for key in ("a", "b")]
        raise KeyError
    found, stored = handles
    assert found.record().id == before.id
    with pytest.raises(JobRolledBack):
        stored.record()


@pytest.mark.accepts("C14", "P21")
def test_a_handler_may_enqueue_its_own_successor(packhorse_kit: Kit) -> None:
    """It has started, so its key is free; there is never more than one more."""
    app, runs = packhorse_kit.app, list[int]()

    @app.task(name="poll")
    def poll(n: int) -> None:
        runs.append(n)
        if n < 3:
            for _ in range(2):
                poll.using(unique_key="poll", on_duplicate="keep").enqueue(n + 1)

    poll.using(unique_key="poll").enqueue(1)
    packhorse_kit.drain()
    assert runs == [1, 2, 3]


@pytest.mark.accepts("C14")
def test_many_unique_jobs_keep_their_order(app: Packhorse, step: Step) -> None:
    """The handles come in the order of the calls, whatever the keys are, also with more than go into one statement."""
    calls = [step.using(unique_key=f"k{-n}", on_duplicate="keep").call(n) for n in range(1500)]
    handles = app.enqueue_many(calls)
    again = app.enqueue_many(list(reversed(calls)))
    assert [handle.id for handle in again] == [handle.id for handle in reversed(handles)]
    some = [handles[n] for n in (0, 7, 999, 1000, 1499)]
    assert [handle.record().args for handle in some] == ["[0]", "[7]", "[999]", "[1000]", "[1499]"]


@pytest.mark.accepts("C14")
def test_producers_of_many_equal_keys_do_not_deadlock(app: Packhorse, step: Step) -> None:
    """Each in another order, and more than go into one statement."""
    calls = [step.using(unique_key=f"k{n}", on_duplicate="replace").call(n) for n in range(1500)]
    start = threading.Barrier(2)

    def produce(some: list[Any]) -> list[int]:
        start.wait(10)
        return [handle.id for handle in app.enqueue_many(some)]

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(produce, (calls, list(reversed(calls))))
    assert one == list(reversed(other))


@pytest.mark.accepts("C15")
def test_jobs_of_a_serial_key_run_in_order(step: Step, packhorse_kit: Kit, ran: list[int]) -> None:
    """Also when one fails, and when more urgent ones come behind it."""
    bound = step.using(serial_key="customer:7")
    for n in (1, -2):
        bound.enqueue(n)
    bound.using(priority="urgent").enqueue(3)
    packhorse_kit.drain(raising=False)
    assert ran == [1, -2, 3]


@pytest.mark.accepts("C15")
@pytest.mark.parametrize("atomic", [False, True])
def test_two_of_a_serial_key_never_run_at_once(app: Packhorse, atomic: bool) -> None:
    """On a worker with many threads; an atomic one's key is free with its commit."""
    now, most = [0], [0]

    @app.task(name="alone", atomic=atomic)
    def alone(ctx: Context) -> None:
        now[0] += 1
        most[0] = max(most[0], now[0])
        threading.Event().wait(0.002)
        now[0] -= 1

    handles = app.enqueue_many([alone.using(serial_key="k").call() for _ in range(30)])
    with working(app, threads=8):
        handles[-1].result(timeout=30)
    assert most == [1]


@pytest.mark.accepts("C15")
def test_a_job_waits_for_others(app: Packhorse, step: Step, packhorse_kit: Kit, ran: list[int]) -> None:
    """Given by their handles or ids; a failure keeps it waiting until somebody solves it."""
    first, failing = step.enqueue(1), step.enqueue(-2)
    last = step.using(after=[first, failing.id]).enqueue(3)
    anyhow = step.using(after=[failing], after_needs="end").enqueue(4)
    packhorse_kit.drain(raising=False)
    assert ran == [1, -2, 4]
    assert (last.record().state, anyhow.record().state) == (JobState.BLOCKED, JobState.SUCCEEDED)
    app.retry(failing.id)
    packhorse_kit.drain(raising=False)
    assert ran == [1, -2, 4, -2]
    app.cancel(last.id)
    assert last.record().state is JobState.CANCELLED


@pytest.mark.accepts("C15")
def test_what_it_waits_for_may_be_of_the_same_transaction(
    app: Packhorse, step: Step, packhorse_kit: Kit, ran: list[int]
) -> None:
    """In a block of the application's own."""
    with app.transaction():
        last = step.using(after=[step.using(delay=HOUR).enqueue(1), step.enqueue(2)]).enqueue(3)
    packhorse_kit.drain()
    assert ran == [2]
    assert last.record().state is JobState.BLOCKED
    packhorse_kit.clock.advance(2 * HOUR)
    packhorse_kit.drain()
    assert ran == [2, 1, 3]


def test_a_wrong_option_says_what_it_must_be(step: Step) -> None:
    """And nothing is stored."""
    for options, message in WRONG:
        with pytest.raises(ConfigurationError, match=message.replace("(", r"\(")):
            step.using(**options)
