"""In which order calls run, and how long they are kept."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from packhorse import Deferrable, Packhorse
from packhorse.testing.clock import HasClock, MovingClock
from tests.integration.worker_kit import working

HOUR = timedelta(hours=1)
STREAM, SHORT = 100, 0.005
"""So many calls, each of so many seconds: more than a worker of two slots takes at once, so some wait at any time."""
RAN: list[str] = []


@dataclass(eq=False)
class Parcel(Deferrable):
    """A parcel of no framework, which is always there."""

    id: int

    def send(self, name: str) -> None:
        """Note that it ran."""
        RAN.append(name)

    def follow(self, name: str) -> None:
        """Note that it ran, and call another one later that is wanted as soon as possible, until told to stop."""
        RAN.append(name)
        time.sleep(SHORT)
        if "stop" not in RAN:
            type(self).__queue__.follow(self, name)


def load(transaction: Any, keys: Sequence[str]) -> dict[str, Parcel]:
    """The parcels of these keys."""
    return {key: Parcel(int(key)) for key in keys}


@pytest.fixture
def app(migrated_url: str) -> Iterator[Packhorse]:
    """An application that knows parcels, whose calls are kept for 30 days, as docs/deferred.md says it."""
    RAN.clear()
    with closing(Packhorse(migrated_url)) as app:
        app.record_type("parcel", Parcel, key=lambda parcel: str(parcel.id), load=load)
        app.queue("calls", keep_succeeded=timedelta(days=30), keep_cancelled=timedelta(days=30))
        app.deferrable(Parcel, name="shop.Parcel", queue="calls")
        yield app


@pytest.mark.accepts("T5")
def test_calls_run_by_the_moment_at_which_they_are_expected(app: Packhorse) -> None:
    """One without it is wanted at once; those of one moment run by their ids."""
    now = datetime.now(UTC)
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("in two hours", {"expected_at": now + 2 * HOUR}),
        ("at once", {}),
        ("in an hour", {"expected_at": now + HOUR}),
        ("at once, later", {}),
        ("in an hour, later", {"expected_at": now + HOUR}),
        ("an hour ago", {"expected_at": now - HOUR}),
        ("scheduled two hours ago", {"scheduled_at": now - 2 * HOUR}),
    ]
    calls = [app.deferred(Parcel, **times).send(Parcel(1), name) for name, times in wanted]
    with working(app, threads=1):
        for call in calls:
            call.result(20)

    assert RAN == [
        "scheduled two hours ago",
        "an hour ago",
        "at once",
        "at once, later",
        "in an hour",
        "in an hour, later",
        "in two hours",
    ]


@pytest.mark.accepts("T5")
def test_a_steady_stream_does_not_starve_a_call_that_is_overdue(app: Packhorse) -> None:
    """A hundred wait all the time, as each that runs calls the next: what is due comes before those made later."""
    due = app.deferred(Parcel, scheduled_at=timedelta(seconds=0.5)).send(Parcel(1), "due")
    app.deferred(Parcel, batch_size=1).follow([Parcel(number) for number in range(STREAM)], "stream")
    with working(app, threads=1, coroutines=1):
        due.result(20)
        app.deferred(Parcel).send(Parcel(1), "stop").result(20)

    assert RAN.index("due") > 0, "it had begun"
    assert "stream" in RAN[RAN.index("due") + 1 : RAN.index("stop")]


@pytest.mark.accepts("T20")
def test_finished_calls_are_kept_for_thirty_days_where_their_queue_says_so(app: Packhorse) -> None:
    """By the times of the queue that a model's calls go to; what has not ended stays however old it is."""
    done = app.deferred(Parcel).send(Parcel(1), "done")
    given_up = app.deferred(Parcel).send(Parcel(1), "given up")
    app.cancel(given_up.id)
    assert app.run_pending() == 1
    waiting = app.deferred(Parcel, scheduled_at=timedelta(days=60)).send(Parcel(1), "waiting")
    app.queues.write_declared()
    assert isinstance(app.engine, HasClock)
    clock = MovingClock(app.engine)

    clock.advance(timedelta(days=29))
    app.prune()
    assert {job.id for job in app.list_jobs()} == {done.id, given_up.id, waiting.id}
    clock.advance(timedelta(days=1, minutes=1))
    app.prune()
    assert {job.id for job in app.list_jobs()} == {waiting.id}
