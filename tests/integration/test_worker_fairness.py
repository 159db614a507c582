"""Nobody waits for somebody else's trouble: queues take turns, suspects and strangers hold nobody up."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from packhorse import JobState, Packhorse
from packhorse.domain.claim import Claim
from packhorse.domain.job import ClaimedJob, Lease
from packhorse.domain.worker import NewWorker
from packhorse.engine import Glance
from tests.integration.worker_kit import Gate, wait_for, working
from tests.waiting import wait_until


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema and no tasks yet."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


def make_suspects(app: Packhorse, count: int, queue: str = "default") -> None:
    """Let a worker that never was die with this many jobs in its hands."""
    lease = timedelta(seconds=60)
    app.engine.register_worker(NewWorker(id=4711, name="gone:1", queues=[], tasks=app.registry.names(), lease=lease))
    taken = app.engine.claim_jobs(Claim(lease=Lease(4711, 1), queue=queue, limit=count))
    assert len(taken) == count
    app.engine.expire_worker(4711)


@pytest.mark.accepts("C3")
@pytest.mark.parametrize("knows_coroutines", [False, True], ids=["functions", "coroutines-too"])
def test_queues_take_turns(app: Packhorse, knows_coroutines: bool) -> None:
    """One slot, three queues with a backlog each, jobs longer than the poll: one of each, again and again.

    Where free slots for coroutines have the worker look for such jobs all the time, as here when other tests have
    declared methods that are some, two queues may swap their places when the slot comes free in the middle of that.
    """
    order: list[str] = []

    if knows_coroutines:

        @app.task(name="idle")
        async def idle() -> None: ...

    @app.task(name="take")
    def take(queue: str) -> None:
        order.append(queue)
        time.sleep(0.15)

    app.enqueue_many([take.using(queue=queue).call(queue) for queue in ("alpha", "beta", "gamma") for _ in range(6)])
    with working(app, threads=1, poll=0.05):
        wait_until(lambda: len(order) >= 9, 15, "nine jobs")

    assert set(Counter(order[:9]).values()) <= {2, 3, 4}


@pytest.mark.accepts("C26", "C4")
def test_a_full_queue_does_not_make_a_worker_deaf(app: Packhorse) -> None:
    """All slots of one queue are taken and jobs wait there: a job of another queue is still woken for at once."""
    gate = Gate()

    @app.task(name="bill", queue="billing")
    def bill() -> None:
        gate.wait()

    @app.task(name="mail", queue="mail")
    def mail() -> None: ...

    app.enqueue_many([bill.call()] * 5)
    with working(app, threads=8, poll=10.0, queues={"billing": 1, "mail": None}):
        gate.reached()
        begun = time.monotonic()
        for _ in range(20):
            wait_for(app, mail.enqueue().id)
        taken = time.monotonic() - begun
        gate.open()

    assert taken < 5.0


@pytest.mark.accepts("C26")
def test_a_claim_is_no_larger_than_the_lane_with_the_least_room(app: Packhorse) -> None:
    """Two threads and a hundred coroutines: of a backlog for the threads no more than they can start is claimed."""
    gate = Gate()

    @app.task(name="slow")
    def slow() -> None:
        gate.wait()

    @app.task(name="awaited")
    async def awaited() -> None: ...

    app.enqueue_many([slow.call()] * 50)
    most = 0
    with working(app, threads=2):
        gate.reached(2)
        for _ in range(50):
            most = max(most, app.count_jobs()[JobState.EXECUTING])
        gate.open()
        wait_until(lambda: app.count_jobs()[JobState.SUCCEEDED] == 50, 20, "the end of all")

    assert most == 2


@pytest.mark.slow
@pytest.mark.accepts("C6")
def test_suspects_beside_a_long_neighbour_do_not_hold_up_others(app: Packhorse) -> None:
    """Six suspects and a job that does not end: a fresh job waits for one drain, not for one each."""
    gate = Gate()

    @app.task(name="long")
    def long() -> None:
        gate.wait(60)

    @app.task(name="quick")
    def quick() -> None: ...

    app.enqueue_many([quick.call()] * 6)
    make_suspects(app, 6)
    long.using(priority="urgent").enqueue()
    with working(app):
        gate.reached()
        fresh = quick.enqueue()
        wait_for(app, fresh.id, timeout=12)
        wait_until(lambda: app.count_jobs()[JobState.SUCCEEDED] == 7, 12, "the suspects, too")
        gate.open()


@pytest.mark.accepts("C6", "C13")
def test_a_suspect_of_a_task_that_only_others_know_is_left_to_them(app: Packhorse, database_url: str) -> None:
    """A worker that does not know it goes on with its own jobs, and does not take it again and again."""
    other = Packhorse(database_url)

    @other.task(name="theirs")
    def theirs() -> None: ...

    @app.task(name="mine")
    def mine() -> None: ...

    app.enqueue("theirs")
    make_suspects(app, 1)
    lease = timedelta(seconds=60)
    app.engine.register_worker(NewWorker(id=4712, name="busy:1", queues=["x"], tasks=["theirs"], lease=lease))
    with working(app):
        jobs = [mine.enqueue() for _ in range(20)]
        assert {wait_for(app, job.id).state for job in jobs} == {JobState.SUCCEEDED}
    other.close()


@pytest.mark.accepts("C10")
def test_a_claim_whose_answer_was_lost_is_given_back(app: Packhorse) -> None:
    """The database says that the worker holds a job which it never got: within a lease it runs all the same."""
    ran: list[int] = []

    @app.task(name="lost")
    def lost(n: int) -> None:
        ran.append(n)

    with working(app, lease=1.0, beat=0.25, queues={"elsewhere": None}) as worker:
        wait_for(app, lost.using(queue="elsewhere").enqueue(7).id)
        missed = [lost.using(queue="hidden").enqueue(n) for n in range(3)]
        taken = app.engine.claim_jobs(Claim(lease=Lease(worker.id, 999_999), queue="hidden", limit=3))
        assert len(taken) == 3
        records = [wait_for(app, job.id, JobState.AVAILABLE) for job in missed]

    assert {record.attempt for record in records} == {0}
    assert {record.crashes for record in records} == {0}


@pytest.mark.accepts("C3", "C4")
def test_hints_without_end_about_one_queue_leave_time_to_look_around(
    app: Packhorse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each brings a job where the last ones came, which is claimed without looking, but only while a look is fresh."""
    stopping, claims, looks = threading.Event(), list[float](), list[float]()
    claim_jobs, glance = app.engine.claim_jobs, app.engine.glance

    def noting_claims(claim: Claim) -> list[ClaimedJob]:
        claims.append(time.monotonic())
        return claim_jobs(claim)

    def noting_looks(worker: int, floors: bool = False) -> Glance:
        looks.append(time.monotonic())
        return glance(worker, floors)

    @app.task(name="again")
    def again() -> None:
        if not stopping.is_set():
            again.enqueue()

    def hint() -> None:
        while not stopping.wait(0.0001):
            worker._producer.hint()

    with working(app, poll=60) as worker:
        app.enqueue_many([again.call()] * 8)
        monkeypatch.setattr(app.engine, "claim_jobs", noting_claims)
        monkeypatch.setattr(app.engine, "glance", noting_looks)
        flood = threading.Thread(target=hint)
        flood.start()
        wait_until(lambda: len(claims) >= 500 and len(looks) >= 5, 30, "many claims, and looks before the poll")
        stopping.set()
        flood.join()

    assert max(later - earlier for earlier, later in pairwise(looks)) < 5


@pytest.mark.accepts("C6")
def test_jobs_of_a_holder_without_a_row_are_rescued_within_a_lease(app: Packhorse) -> None:
    """It was given up and claimed once more before it died; no look at the workers shows it."""

    @app.task(name="held")
    def held() -> None: ...

    with working(app, queues={"default": None}, lease=1.0, beat=0.25):
        wait_for(app, held.enqueue().id)  # the look at its start, which would find it, is over
        orphan = held.using(queue="elsewhere").enqueue()
        app.engine.claim_jobs(Claim(lease=Lease(4711, 1), queue="elsewhere", limit=1))
        record = wait_for(app, orphan.id, JobState.AVAILABLE, timeout=5.0)

    assert record.crashes == 1
