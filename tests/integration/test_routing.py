"""Which queue a job goes into: said in the call, by a rule of run time, by a rule in code, by the task itself."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from packhorse import Packhorse
from packhorse.errors import DatabaseUnreachable
from packhorse.middleware import Draft, Middleware
from tests.opening import path_of
from tests.waiting import wait_until

pytestmark = pytest.mark.accepts("T20")
SECONDS = 15.0


class Moving(Middleware):
    """Leads every job elsewhere, and notes where it would have gone."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    def enqueuing(self, draft: Draft) -> None:
        """Change the queue."""
        self.seen.append(draft.options.queue)
        draft.options = draft.options.changed(queue="moved")


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application on an empty database."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


def queue_of(app: Packhorse, name: str, **options: Any) -> str:
    """Where a job of this task goes."""
    return app.named(name).using(**options).enqueue().record().queue


def test_the_nearest_word_wins(app: Packhorse) -> None:
    """The call's, the rule's of run time, the rule's in code, the task's, the default."""

    @app.task(name="shop.reports.daily", queue="own")
    def daily() -> None:
        pass

    assert queue_of(app, "shop.reports.unknown") == "default"
    assert queue_of(app, "shop.reports.daily") == "own"
    app.route("shop.reports.*", queue="by-code")
    assert queue_of(app, "shop.reports.daily") == "by-code"
    assert queue_of(app, "shop.reports.unknown") == "by-code"
    app.queues.route("shop.*", "by-rule", by="ada")
    assert queue_of(app, "shop.reports.daily") == "by-rule"
    assert queue_of(app, "shop.reports.daily", queue="said") == "said"
    assert queue_of(app, "shop.reports.daily", priority=3) == "by-rule"
    assert queue_of(app, "elsewhere") == "default"
    assert app.queues.unroute("shop.*")
    assert queue_of(app, "shop.reports.daily") == "by-code"


def test_many_calls_are_led_one_by_one(app: Packhorse) -> None:
    """In one `enqueue_many`, however many there are."""
    app.route("a", queue="for-a")
    calls = [app.named(name).call() for name in ("a", "b")] + [app.named("a").using(queue="said").call()]
    assert [job.record().queue for job in app.enqueue_many(calls)] == ["for-a", "default", "said"]
    many = app.enqueue_many(app.named("a").call() for _ in range(1500))
    assert {many[0].record().queue, many[-1].record().queue} == {"for-a"}


def test_coroutines_are_led_the_same_way(app: Packhorse) -> None:
    """And the rules are read before the first of them, beside the event loop."""
    app.engine.put_route("a", "for-a", None)

    async def enqueue() -> int:
        return (await app.named("a").aenqueue()).id

    assert app.get_job(asyncio.run(enqueue())).queue == "for-a"


def test_middleware_sees_where_a_job_goes_and_may_change_it(database_url: str) -> None:
    """What it says is nearer than any rule."""
    moving = Moving()
    app = Packhorse(database_url, middleware=[moving])
    app.engine.migrate()
    app.route("a", queue="for-a")
    assert queue_of(app, "a") == "moved"
    assert moving.seen == ["for-a"]
    app.close()


def test_another_process_learns_of_a_rule_by_itself(app: Packhorse, database_url: str) -> None:
    """Within some seconds, while it goes on enqueueing."""
    producer = Packhorse(database_url)
    assert queue_of(producer, "a") == "default"
    app.queues.route("a", "for-a")
    wait_until(lambda: queue_of(producer, "a") == "for-a", SECONDS, "the producer to learn of the rule")
    producer.close()


def test_fresh_rules_cost_an_enqueue_nothing(app: Packhorse, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read once for a hundred enqueues, and stale ones by another thread."""
    threads: list[str] = []
    known = app.engine.list_routes

    def counted() -> object:
        threads.append(threading.current_thread().name)
        return known()

    monkeypatch.setattr(app.engine, "list_routes", counted)
    for _ in range(100):
        app.enqueue("a")
    assert threads == [threading.current_thread().name]
    monkeypatch.setattr("packhorse.routing.FRESH_SECONDS", 0.0)
    app._routing.forget()
    app.enqueue("a")
    app.enqueue("a")
    wait_until(lambda: len(threads) >= 3, what="the second reading")
    assert set(threads[2:]) == {"packhorse-routing"}


def test_an_enqueue_succeeds_when_the_rules_can_not_be_read(app: Packhorse, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was known before stays in force."""

    def fail() -> object:
        raise DatabaseUnreachable("no more connections")

    monkeypatch.setattr(app.engine, "list_routes", fail)
    app.route("a", queue="for-a")
    assert queue_of(app, "a") == "for-a"


@pytest.mark.engines("sqlite")
def test_rules_are_not_read_inside_the_callers_transaction(app: Packhorse, sqlite_url: str) -> None:
    """They come over a connection of the application's own: nothing but the insert is seen on the caller's."""
    app.engine.put_route("a", "for-a", None)
    with contextlib.closing(sqlite3.connect(path_of(sqlite_url))) as connection:
        texts: list[str] = []
        connection.set_trace_callback(texts.append)
        job = app.named("a").using(conn=connection).enqueue()
        connection.commit()
    assert job.record().queue == "for-a"
    assert not [text for text in texts if "route" in text]
