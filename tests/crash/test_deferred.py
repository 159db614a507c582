"""Deferred calls with real worker processes: when they start, and that each is run once."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.called_app import Order, make
from tests.crash.conftest import effects
from tests.crash.fleet import fleet, send
from tests.waiting import wait_until

APP = "tests.crash.called_app:make"
CALLS = 10_000
PROMPT = 0.05
"""Seconds from the commit of a call to its start."""
PUNCTUAL = timedelta(seconds=0.2)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def shop(oracle_url: str) -> Iterator[Packhorse]:
    """A client that calls methods later."""
    with closing(make(oracle_url)) as app:
        yield app


def quietest(measure: Callable[[], list[float]], limit: float) -> None:
    """Check the worst of the quietest of up to five rounds: what else runs on the machine can only add to it."""
    rounds = list[float]()
    while len(rounds) < 5 and min(rounds, default=limit) >= limit:
        rounds.append(max(measure()))
    assert min(rounds) < limit, rounds


def latency(shop: Packhorse) -> float:
    """Seconds from the commit of a call to its start."""
    call = shop.deferred(Order).stamp(Order(1))
    committed = time.time()
    return float(call.result(20)) - committed


@pytest.mark.alone
@pytest.mark.accepts("T4")
def test_a_call_that_is_due_later_starts_then_and_not_before(oracle_url: str, shop: Packhorse, folder: Path) -> None:
    """With no other traffic, at most 0.2 s after the moment at which it is due; also the one in five seconds."""
    with fleet(oracle_url, folder, app=APP) as ships:
        ships.start()
        shop.deferred(Order).stamp(Order(1)).result(20)

        def lateness(*seconds: float) -> list[float]:
            calls = [shop.deferred(Order, scheduled_at=timedelta(seconds=n)).stamp(Order(1)) for n in seconds]
            for call in calls:
                call.result(20)
            late = list[float]()
            for record in (call.record() for call in calls):
                assert record.started_at is not None
                assert record.scheduled_at is not None
                assert record.started_at >= record.scheduled_at
                late.append((record.started_at - record.scheduled_at).total_seconds())
            return late

        assert len(lateness(5.0)) == 1
        quietest(lambda: lateness(0.4, 1.7), PUNCTUAL.total_seconds())


@pytest.mark.accepts("T7")
def test_a_worker_of_a_named_queue_leaves_the_others_to_one_of_all(
    oracle_url: str, shop: Packhorse, folder: Path
) -> None:
    """Each call in mail is run; the older one elsewhere waits until a worker comes that was given no queue."""
    with fleet(oracle_url, folder, "-q", "mail", app=APP) as ships:
        ships.start()
        other = shop.deferred(Order).stamp(Order(1))
        for _ in range(5):
            shop.deferred(Order, queue="mail").stamp(Order(1)).result(20)
        assert other.record().state == JobState.AVAILABLE
        assert ships.stop() == [0]
    with fleet(oracle_url, folder, app=APP) as ships:
        mail = shop.deferred(Order, queue="mail").stamp(Order(1))
        ships.start()
        for call in (other, mail):
            call.result(20)


@pytest.mark.accepts("T8")
def test_eight_processes_run_ten_thousand_calls_once_each(oracle_url: str, shop: Packhorse, folder: Path) -> None:
    """By the traces of the runs, which a rollback would not undo, and by the effects in the database."""
    shop.deferred(Order, batch_size=1).book([Order(number) for number in range(CALLS)])
    with fleet(oracle_url, folder, "--drain", "-c", "2", app=APP) as ships:
        ships.start(processes=8)
        assert ships.wait(100) == [0]
        runs = Counter(int(number) for _, number in ships.traces("booked"))

    assert runs == Counter(range(CALLS))
    assert effects(oracle_url) == list(range(CALLS))
    assert shop.count_jobs()[JobState.SUCCEEDED] == CALLS


@pytest.mark.alone
@pytest.mark.engines("postgresql")
@pytest.mark.accepts("T9")
def test_an_idle_worker_process_starts_a_call_as_soon_as_it_is_committed(
    oracle_url: str, shop: Packhorse, folder: Path
) -> None:
    """By a notification: looks are a minute apart, and the call comes from another process."""
    with fleet(oracle_url, folder, "--poll", "60s", app=APP) as ships:
        ships.start()
        latency(shop)
        quietest(lambda: [latency(shop) for _ in range(20)], PROMPT)


@pytest.mark.accepts("T9")
@pytest.mark.engines("postgresql")
def test_a_worker_that_is_never_notified_finds_calls_by_looking(oracle_url: str, shop: Packhorse, folder: Path) -> None:
    """Within the time between two looks."""
    with fleet(oracle_url, folder, "--no-notifications", "--poll", "1s", app=APP) as ships:
        ships.start()
        shop.deferred(Order).stamp(Order(1)).result(20)
        quietest(lambda: [latency(shop) for _ in range(3)], 1.0 + PROMPT)


@pytest.mark.accepts("T17")
def test_a_killed_processs_calls_are_back_and_the_others_go_on(oracle_url: str, shop: Packhorse, folder: Path) -> None:
    """Soon after the lease, here of 5 s; what another process runs meanwhile, for longer than that, is left alone."""
    with fleet(oracle_url, folder, "-c", "1", "--lease", "5s", app=APP) as ships:
        ships.start()
        killed = shop.deferred(Order).hold(Order(1), 25.0)
        wait_until(lambda: ships.traces("started"), 20, "the start of the call")
        ships.start()
        running = shop.deferred(Order).hold(Order(2), 12.0)
        wait_until(lambda: len(ships.traces("started")) == 2, 20, "the start of the other call")
        ships.kill_oldest()
        killed_at = time.monotonic()
        ships.start()
        wait_until(lambda: len(ships.traces("started")) == 3, 40, "the second start of the killed call")
        assert time.monotonic() - killed_at < 8.0
        assert [words[1] for words in ships.traces("started")] == ["1", "2", "1"]
        running.result(40)

    assert (running.record().attempt, running.record().crashes) == (1, 0)
    assert effects(oracle_url) == [2]
    assert killed.record().crashes == 1


@pytest.mark.accepts("T19")
def test_processes_are_replaced_after_so_many_calls_and_end_gracefully(
    oracle_url: str, shop: Packhorse, folder: Path
) -> None:
    """No call is lost or run twice by a replacement; what runs at the stop comes to its end, and the exit is 0."""
    with fleet(oracle_url, folder, "--max-jobs-per-process", "5", "--poll", "50ms", app=APP) as ships:
        ships.start(processes=2)
        processes = set[int]()

        def has_seen_four() -> bool:
            processes.add(int(shop.deferred(Order).tell_process(Order(1)).result(20)))
            return len(processes) >= 4

        wait_until(has_seen_four, 60, "two more processes")
        last = shop.deferred(Order).hold(Order(9), 1.0)
        wait_until(lambda: ships.traces("started"), 20, "the start of the last call")
        assert ships.stop() == [0]

    assert last.record().state == JobState.SUCCEEDED
    assert all(job.attempt == 1 for job in shop.list_jobs(limit=1000))


@pytest.mark.accepts("T19")
def test_a_worker_process_takes_no_notice_of_an_interrupt(oracle_url: str, shop: Packhorse, folder: Path) -> None:
    """Ctrl-C reaches every process of a terminal; only the supervisor decides what follows."""
    with fleet(oracle_url, folder, app=APP) as ships:
        ships.start()
        process = int(shop.deferred(Order).tell_process(Order(1)).result(20))
        call = shop.deferred(Order).hold(Order(1), 1.0)
        wait_until(lambda: ships.traces("started"), 20, "the start of the call")
        send(process, signal.SIGINT)
        call.result(20)
        assert int(shop.deferred(Order).tell_process(Order(1)).result(20)) == process
        assert ships.stop() == [0]

    assert call.record().attempt == 1
    assert effects(oracle_url) == [1]
