"""Inline mode: the same program runs its jobs by itself, after each commit, with the semantics of a worker."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import TestCase

from packhorse import Backoff, ConfigurationError, Context, JobState, Packhorse, PayloadError
from tests.integration.connections.conftest import SEEING, cases
from tests.integration.connections.shop import Shop
from tests.integration.connections.test_own_transactions import transaction as own_transaction
from tests.integration.connections.wired import Aiosqlite, Psycopg, PsycopgAsync, Sqlite3, Wired, WiredAsync
from tests.integration.connections.wired_django import ALIAS, django_database

BLIND_ASYNC: list[tuple[str, type[Wired]]] = [("sqlite", Aiosqlite), ("postgresql", PsycopgAsync)]
BLIND: list[tuple[str, type[Wired]]] = [("sqlite", Sqlite3), ("postgresql", Psycopg), *BLIND_ASYNC]
"""Drivers that begin a transaction by themselves, and tell nobody of its end."""
AT_ONCE = Backoff(first=timedelta(0), longest=timedelta(0))


@pytest.fixture
def shop(url: str) -> Iterator[Shop]:
    """An inline application."""
    with Shop.opened(Packhorse(url, worker="inline"), url) as shop:
        yield shop


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An inline application without a table."""
    app = Packhorse(database_url, worker="inline")
    app.engine.migrate()
    yield app
    app.close()


@pytest.mark.accepts("C24")
@pytest.mark.parametrize("case", SEEING, indirect=True)
def test_a_job_runs_after_a_commit_that_can_be_seen(shop: Shop, wired: Wired) -> None:
    """Not before it, not after a rollback, in order, and each once."""
    wired.begin()
    wired.write()
    wired.enqueue(shop.send, 1)
    wired.enqueue(shop.send, 2)
    assert shop.sent == []
    wired.commit()
    assert shop.sent == [1, 2]

    wired.begin()
    wired.enqueue(shop.send, 3)
    wired.rollback()
    shop.app.run_pending()
    assert shop.sent == [1, 2]


@pytest.mark.accepts("C24")
def test_app_transaction_makes_every_commit_seen(shop: Shop, wired: Wired) -> None:
    """Also that of a driver, which tells nobody by itself."""
    with own_transaction(shop, wired, wired.raw):
        wired.enqueue(shop.send, 1)
        assert shop.sent == []

    assert shop.sent == [1]


@pytest.mark.accepts("C24")
def test_a_job_runs_at_the_next_occasion_after_a_commit_that_can_not_be_seen(shop: Shop, wired: Wired) -> None:
    """At our next call outside a transaction, or at run_pending(); for the others it has run already."""
    wired.begin()
    wired.enqueue(shop.send, 1)
    wired.commit()
    shop.app.count_jobs()
    assert shop.sent == [1]

    wired.begin()
    handle = wired.enqueue(shop.send, 2)
    wired.commit()
    assert handle.result(timeout=10) == 2

    wired.begin()
    wired.enqueue(shop.send, 3)
    wired.commit()
    shop.app.run_pending()
    assert shop.sent == [1, 2, 3]


@pytest.mark.accepts("C24")
@pytest.mark.parametrize("case", cases(BLIND), indirect=True)
def test_enqueueing_is_an_occasion_too(shop: Shop, wired: Wired) -> None:
    """A program that only enqueues runs its jobs as well, and keeps a connection once, however often it is used."""
    for number in range(4):
        wired.enqueue(shop.send, number)
        wired.enqueue(shop.send, number)
        wired.commit()

    assert shop.sent == [0, 0, 1, 1, 2, 2]
    assert shop.app._watch is not None
    assert len(shop.app._watch._unseen.open) == 1


@pytest.mark.accepts("C24")
@pytest.mark.parametrize(
    "call",
    [
        lambda app: app.enqueue("shop.send", 2, conn=None),
        lambda app: app.cancel(0),
        lambda app: app.retry(0),
        lambda app: app.list_attempts(0),
        lambda app: app.list_queues(),
        lambda app: app.list_workers(),
        lambda app: app.transaction(),
    ],
    ids=["enqueue", "cancel", "retry", "attempts", "queues", "workers", "transaction"],
)
def test_every_call_of_ours_is_an_occasion(database_url: str, call: Callable[[Packhorse], object]) -> None:
    """Not only a look at the jobs; and also when the connection was closed meanwhile."""
    with Shop.opened(Packhorse(database_url, worker="inline"), database_url) as shop:
        wired = open_plain(database_url)
        wired.enqueue(shop.send, 1)
        wired.commit()
        wired.close()
        call(shop.app)
        assert shop.sent[:1] == [1]


@pytest.mark.accepts("C24")
@pytest.mark.parametrize("case", cases(BLIND_ASYNC), indirect=True)
def test_a_coroutine_that_waits_for_its_result_is_an_occasion(shop: Shop, wired: Wired) -> None:
    """Although it looks at the job in another thread than the one that enqueued it."""
    assert isinstance(wired, WiredAsync)
    handle = wired.enqueue(shop.send, 1)
    wired.commit()

    assert wired.run(handle.aresult(timeout=2)) == 1


@pytest.mark.accepts("C24")
def test_nothing_runs_while_another_connection_s_transaction_is_open(database_url: str) -> None:
    """It may hold what the jobs need; they follow when it has ended, too."""
    with Shop.opened(Packhorse(database_url, worker="inline"), database_url) as shop:
        first, second = open_plain(database_url), open_plain(database_url)
        first.enqueue(shop.send, 1)
        first.commit()
        second.write()
        second.enqueue(shop.send, 2)
        shop.app.list_queues()
        assert shop.sent == []
        second.commit()
        shop.app.list_queues()
        assert shop.sent == [1, 2]
        first.close()
        second.close()


def open_plain(url: str) -> Wired:
    """A driver's own connection, whose commit nobody sees."""
    return Sqlite3(url) if url.startswith("sqlite") else Psycopg(url)


@pytest.mark.accepts("C24")
def test_our_calls_inside_an_open_transaction_run_nothing(shop: Shop, wired: Wired) -> None:
    """A look at the jobs while the transaction is open neither waits for it nor runs what it holds."""
    wired.begin()
    wired.enqueue(shop.send, 1)
    assert shop.count_jobs() == 0
    assert shop.sent == []
    wired.rollback()
    assert shop.count_jobs() == 0
    assert shop.sent == []


@pytest.mark.accepts("C24")
def test_jobs_run_in_the_order_of_the_queue_after_a_json_round_trip(app: Packhorse) -> None:
    """Priority first, delayed ones left alone, values as a worker gets them, the job's record as a worker leaves it."""
    seen: list[Any] = []

    @app.task(name="pay")
    def pay(amount: Decimal, day: datetime) -> Decimal:
        seen.append((amount, day))
        return amount

    now = datetime.now(UTC)
    with app.transaction() as tx:
        bound = pay.using(conn=tx)
        bound.enqueue(Decimal("1.10"), now)
        urgent = bound.using(priority="urgent").enqueue(Decimal("2.20"), now)
        later = bound.using(delay=timedelta(hours=1)).enqueue(Decimal("3.30"), now)

    assert seen == [(Decimal("2.20"), now), (Decimal("1.10"), now)]
    assert urgent.result(timeout=1) == Decimal("2.20")
    assert urgent.record().worker is not None
    assert later.record().state is JobState.SCHEDULED
    with pytest.raises(PayloadError):
        pay.enqueue(object(), now)  # type: ignore[arg-type]


@pytest.mark.accepts("C24")
def test_a_failure_is_recorded_and_never_raised_at_the_producer(app: Packhorse) -> None:
    """Attempts, backoff and the final state are a worker's."""
    runs: list[int] = []

    @app.task(name="fail", max_attempts=3, backoff=AT_ONCE)
    def fail(ctx: Context) -> None:
        runs.append(ctx.job.attempt)
        raise ValueError("no")

    handle = fail.enqueue()

    assert runs == [1, 2, 3]
    assert (handle.record().state, handle.record().error_message) == (JobState.FAILED, "no")
    assert len(app.list_attempts(handle.id)) == 3


@pytest.mark.accepts("C24")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit], ids=lambda error: error.__name__)
def test_what_is_meant_for_the_interpreter_reaches_it(app: Packhorse, error: type[BaseException]) -> None:
    """Ctrl-C or `sys.exit()` inside a job ends the producer's program; the job's failure is on record before."""

    @app.task(name="leave", max_attempts=1)
    def leave() -> None:
        raise error

    with pytest.raises(error):
        leave.enqueue()

    (job,) = app.list_jobs(task="leave")
    assert (job.state, job.error_type, job.attempt) == (JobState.FAILED, error.__name__, 1)


@pytest.mark.accepts("C24")
def test_nested_enqueues_follow_and_are_never_inside(app: Packhorse) -> None:
    """A chain of a thousand jobs, each enqueued by the one before, needs no stack and runs in order."""
    events: list[tuple[str, int]] = []

    @app.task(name="step")
    def step(number: int) -> None:
        events.append(("begin", number))
        if number < 30:
            step.enqueue(number + 1)
        events.append(("end", number))

    @app.task(name="astep")
    async def astep(number: int) -> None:
        events.append(("begin", number))
        if number < 3:
            await astep.aenqueue(number + 1)
        events.append(("end", number))

    step.enqueue(0)
    assert events == [(kind, number) for number in range(31) for kind in ("begin", "end")]

    events.clear()
    astep.enqueue(0)
    assert events == [(kind, number) for number in range(4) for kind in ("begin", "end")]


@pytest.mark.accepts("C24")
def test_a_coroutine_may_be_the_producer(app: Packhorse) -> None:
    """Its own loop goes on to exist; functions and coroutines both run."""

    @app.task(name="double")
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    @app.task(name="triple")
    def triple(number: int) -> int:
        return number * 3

    async def produce() -> tuple[int, int]:
        return await (await double.aenqueue(2)).aresult(5), await (await triple.aenqueue(2)).aresult(5)

    assert asyncio.run(produce()) == (4, 6)


@pytest.mark.accepts("C24")
def test_the_mode_can_come_from_the_environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PACKHORSE_WORKER=inline and the same program runs its jobs by itself."""
    monkeypatch.setenv("PACKHORSE_WORKER", "inline")
    with Shop.opened(Packhorse(database_url), database_url) as shop:
        shop.send.enqueue(1)
        assert shop.sent == [1]


@pytest.fixture
def django_case(database_url: str) -> Iterator[TestCase]:
    """A test of Django's, running, in the database of its settings."""

    class Case(TestCase):  # type: ignore[misc]  # Django ships no types
        databases = frozenset({ALIAS})

        def runTest(self) -> None:  # noqa: N802
            """Nothing."""

    with django_database(database_url):
        app = Packhorse(f"django://{ALIAS}")
        app.engine.migrate()
        app.close()
        Case.setUpClass()
        case = Case()
        case._pre_setup()
        yield case
        case._post_teardown()
        Case.doClassCleanups()
        Case.tearDownClass()


@pytest.mark.accepts("C24")
def test_djangos_testcase_runs_jobs_through_captured_callbacks(django_case: TestCase) -> None:
    """Although nothing is ever committed; with atomic handlers, coroutines and jobs that enqueue others."""
    app = Packhorse(f"django://{ALIAS}", worker="inline")
    seen: list[str] = []

    @app.task(name="plain")
    def plain(text: str) -> None:
        seen.append(text)

    @app.task(name="atomic", atomic=True)
    def atomic(text: str) -> None:
        plain.enqueue(f"{text}, enqueued by an atomic one")

    @app.task(name="coroutine")
    async def coroutine(text: str) -> None:
        seen.append(text)

    with django_case.captureOnCommitCallbacks(using=ALIAS, execute=True):
        with transaction.Atomic(ALIAS, savepoint=True, durable=False):
            plain.enqueue("one")
            atomic.using(conn=ALIAS).enqueue("two")
            coroutine.using(conn=connections[ALIAS]).enqueue("three")
        assert seen == []

    assert seen == ["one", "three", "two, enqueued by an atomic one"]
    app.close()


@pytest.mark.accepts("C24")
def test_djangos_testcase_runs_jobs_at_once_by_setting(django_case: TestCase) -> None:
    """worker="immediate"."""
    app = Packhorse(f"django://{ALIAS}", worker="immediate")
    seen: list[int] = []

    @app.task(name="note", atomic=True)
    def note(number: int) -> None:
        seen.append(number)

    note.enqueue(1)
    note.enqueue(2)

    assert seen == [1, 2]
    app.close()


def test_at_once_is_for_django_alone() -> None:
    """Elsewhere a test's transaction can commit, and a job that ran before it would prove nothing."""
    with pytest.raises(ConfigurationError, match="django://"):
        Packhorse("sqlite:///x.db", worker="immediate")
