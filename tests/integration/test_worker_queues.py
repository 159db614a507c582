"""A worker obeys the queues' records: pauses, slots, floors and orders, also those that change while it runs."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from packhorse import JobState, Packhorse
from tests.integration.worker_kit import Gate, wait_for, working
from tests.waiting import wait_until

SECONDS = 5.0
"""In how many seconds a running worker takes up what was changed, at the latest; usually in one."""


QUICK = 500
"""How many jobs end at once before the first that waits."""


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application on an empty database."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


def count_of(app: Packhorse, queue: str, state: JobState) -> int:
    """How many jobs of a queue are in a state."""
    return len(app.list_jobs(queue=queue, state=state, limit=1000))


@pytest.mark.accepts("C17")
def test_a_paused_queue_rests_and_goes_on(app: Packhorse) -> None:
    """Jobs that come meanwhile wait; another queue's run; after the end of the pause all of them run."""

    @app.task(name="t")
    def work() -> None:
        pass

    app.queues.pause("mail", by="ada", reason="the mail server is down")
    with working(app):
        waiting = [work.using(queue="mail").enqueue() for _ in range(3)]
        wait_for(app, work.using(queue="other").enqueue().id)
        assert {app.get_job(one.id).state for one in waiting} == {JobState.AVAILABLE}
        assert app.queues.resume("mail")
        for one in waiting:
            assert wait_for(app, one.id).state is JobState.SUCCEEDED


@pytest.mark.accepts("C17")
def test_a_pause_gives_back_what_has_not_started(app: Packhorse) -> None:
    """Within a second or so, while what runs goes on; and the other queues' jobs are claimed again."""
    gate = Gate()

    @app.task(name="t", queue="mail")
    def work(number: int) -> None:
        if number >= QUICK:
            gate.wait()

    jobs = app.enqueue_many(work.call(number) for number in range(QUICK + 40))
    with working(app, threads=2):
        gate.reached(2)  # the jobs before took no time, so that many more have been claimed
        app.queues.pause("mail")
        wait_until(lambda: count_of(app, "mail", JobState.EXECUTING) == 2, SECONDS, "the buffer to be given back")
        gate.open()
        wait_until(lambda: count_of(app, "mail", JobState.EXECUTING) == 0, what="the running jobs' ends")
        assert count_of(app, "mail", JobState.AVAILABLE) == 38
        app.queues.resume("mail")
        for one in jobs:
            assert wait_for(app, one.id).attempt == 1


@pytest.mark.accepts("M12", "C16")
def test_two_tasks_in_a_queue_of_one_slot_never_overlap(app: Packhorse) -> None:
    """A queue serves many tasks, and its slots are for all of them together; other queues are not held up."""
    gate, started = Gate(), []

    @app.task(name="first", queue="narrow")
    def first() -> None:
        started.append("first")
        gate.wait()

    @app.task(name="second", queue="narrow")
    def second() -> None:
        started.append("second")
        gate.wait()

    @app.task(name="wide")
    def wide() -> None:
        pass

    app.queue("narrow", slots=1)
    jobs = [task.enqueue() for task in (first, second, first, second)]
    with working(app):
        gate.reached(1)
        wait_for(app, wide.enqueue().id)
        wait_for(app, wide.enqueue().id)
        assert len(started) == 1
        assert count_of(app, "narrow", JobState.EXECUTING) == 1
        gate.open()
        for one in jobs:
            wait_for(app, one.id)
    assert sorted(started) == ["first", "first", "second", "second"]


@pytest.mark.accepts("M12")
def test_more_slots_are_taken_up_while_the_worker_runs(app: Packhorse) -> None:
    """Without a restart; and the lesser of them and of the worker's own."""
    gate = Gate()

    @app.task(name="t", queue="narrow")
    def work() -> None:
        gate.wait()

    app.queue("narrow", slots=1)
    jobs = [work.enqueue() for _ in range(8)]
    with working(app, queues={"narrow": 5}):
        gate.reached(1)
        app.queues.set("narrow", slots=3)
        gate.reached(3, timeout=SECONDS)
        app.queues.set("narrow", slots=99)
        gate.reached(5, timeout=SECONDS)
        assert count_of(app, "narrow", JobState.AVAILABLE) == 3
        gate.open()
        for one in jobs:
            wait_for(app, one.id)


@pytest.mark.accepts("M12")
def test_a_floor_lets_urgent_jobs_through_alone(app: Packhorse) -> None:
    """Until it is taken away, while the worker runs."""

    @app.task(name="t")
    def work() -> None:
        pass

    with working(app):
        app.queues.set("default", priority_floor="high")
        low = work.using(priority="low").enqueue()
        wait_for(app, work.using(priority="high").enqueue().id)
        assert app.get_job(low.id).state is JobState.AVAILABLE
        app.queues.reset("default", "priority_floor")
        wait_for(app, low.id, timeout=SECONDS)


@pytest.mark.accepts("M12")
def test_ageing_priorities_rule_the_order_of_runs(app: Packhorse) -> None:
    """An old job of low priority comes before a new one of high priority."""
    ran: list[str] = []

    @app.task(name="t")
    def work(name: str) -> None:
        ran.append(name)

    app.queue("default", order="aging")
    names = {"old": ("minor", -7000), "new": ("urgent", 0), "middle": ("medium", -60)}
    jobs = [
        work.using(priority=priority, expected_in=timedelta(seconds=7200 + seconds)).enqueue(name)
        for name, (priority, seconds) in names.items()
    ]
    with working(app, threads=1):
        for one in jobs:
            wait_for(app, one.id)
    assert ran == ["old", "new", "middle"]


@pytest.mark.accepts("M12")
def test_what_code_declares_is_written_once(app: Packhorse) -> None:
    """A worker that starts writes what differs, and what was set at run time stays in force."""
    app.queue("mail", slots=4, rate="100/m", keep_succeeded=timedelta(days=1))
    app.queues.set("mail", slots=2)
    with working(app):
        record = app.queues.get("mail")
        assert (record.settings.slots, str(record.settings.rate)) == (2, "100/m")
        revision = app.engine.glance(1).revision
    with working(app):
        assert app.engine.glance(1).revision == revision
    assert app.queues.reset("mail").settings.slots == 4


def test_a_worker_without_news_reads_no_records(app: Packhorse) -> None:
    """It knows from its glance that there are none."""
    reads: list[float] = []
    known = app.engine.list_queue_settings

    def counted(name: str | None = None) -> object:
        reads.append(time.monotonic())
        return known(name)

    app.engine.list_queue_settings = counted  # type: ignore[method-assign, assignment]
    try:
        with working(app, poll=0.02):
            wait_until(lambda: len(reads) == 1, what="the first look")
            before = app.engine.glance(1).revision
            app.queues.pause("mail")
            wait_until(lambda: len(reads) == 2, what="the look after the pause")
            assert app.engine.glance(1).revision > before
    finally:
        del app.engine.list_queue_settings
