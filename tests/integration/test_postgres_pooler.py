"""Everything of the engine works through PgBouncer in transaction mode."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from packhorse.domain.claim import Claim
from packhorse.domain.decide import decide
from packhorse.domain.job import ClaimedJob, Lease, NewJob
from packhorse.domain.outcome import Retry, Success, WorkerLost
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import JobState
from packhorse.domain.worker import NewWorker
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.notifiers.postgres import PostgresNotifier
from tests.servers import PgBouncer
from tests.waiting import wait_until

POLICY = RetryPolicy()
LEASE = timedelta(seconds=15)
pytestmark = [pytest.mark.engines("postgresql"), pytest.mark.accepts("C11")]


@pytest.fixture
def engine(pgbouncer: PgBouncer, postgresql_url: str) -> Iterator[PostgresEngine]:
    """An engine that reaches its database through the pooler only; even its schema was installed that way."""
    engine = PostgresEngine(pgbouncer.url(postgresql_url))
    engine.migrate()
    yield engine
    engine.close()


def claim(engine: PostgresEngine, number: int, limit: int = 10) -> list[ClaimedJob]:
    """Claim for worker 1."""
    return engine.claim_jobs(Claim(lease=Lease(1, number), queue="default", limit=limit))


def test_the_life_of_jobs(engine: PostgresEngine) -> None:
    """Enqueue, claim, acknowledge, retry, rescue, look."""
    engine.register_worker(NewWorker(id=1, name="host:1", queues=(), tasks=["t"], lease=LEASE))
    engine.seek_hints(1, wanted=True)
    ids = engine.insert_jobs([NewJob(task="t") for _ in range(3)])
    done, again, lost = claim(engine, 1)
    acks = [
        decide(done, Success("1"), POLICY, 0),
        decide(again, Retry(after=timedelta(0)), POLICY, 0),
        decide(lost, WorkerLost("host:1"), POLICY, 0),
    ]

    assert engine.ack_jobs(acks) == set(ids)
    assert engine.ack_jobs(acks) == set()
    assert engine.stage_jobs(10) == 1
    assert engine.beat([1], LEASE) == {1}
    assert engine.acquire_leadership(1, LEASE)
    assert engine.glance(1).suspect_queues == ("default",)
    assert engine.count_jobs()[JobState.AVAILABLE] == 2


def test_atomic_runs(engine: PostgresEngine) -> None:
    """A transaction keeps its server connection to its end, in a thread and in a coroutine."""
    engine.insert_jobs([NewJob(task="t"), NewJob(task="t")])
    first, second = (decide(job, Success(), POLICY, 0) for job in claim(engine, 1))
    transaction = engine.begin()
    transaction.execute("CREATE TABLE effect (n integer)")
    transaction.execute("INSERT INTO effect VALUES (%s)", [1])
    assert transaction.commit_with(engine.ack_statements(first))

    async def run() -> None:
        transaction = await engine.abegin()
        await transaction.execute("INSERT INTO effect VALUES (%s)", [2])
        assert await transaction.commit_with(engine.ack_statements(second))

    asyncio.run(run())
    assert engine.count_jobs()[JobState.SUCCEEDED] == 2
    assert engine._connections.run("SELECT sum(n) FROM effect") == [(3,)]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_handler_s_settings_stay_on_no_server_connection(engine: PostgresEngine, end: str) -> None:
    """They would be the next client's: every session of the pool is as it was."""
    transaction = engine.begin()
    transaction.execute("SET search_path = elsewhere")
    transaction.execute("SET statement_timeout = '1s'")
    getattr(transaction, end)()

    async def arun() -> None:
        transaction = await engine.abegin()
        await transaction.execute("SET timezone = 'Asia/Tokyo'")
        await getattr(transaction, end)()

    asyncio.run(arun())
    sessions = [engine.begin() for _ in range(3)]
    look = "SELECT pg_backend_pid(), current_setting('search_path'), current_setting('statement_timeout')"
    seen = [session.execute(f"{look}, current_setting('timezone') = 'Asia/Tokyo'").fetchone() for session in sessions]
    for session in sessions:
        session.rollback()

    assert len({pid for pid, *_ in seen}) == len(sessions)
    assert {tuple(rest) for _, *rest in seen} == {('"$user", public', "0", False)}


def test_hundreds_of_statements_over_few_server_connections(engine: PostgresEngine, pgbouncer: PgBouncer) -> None:
    """Nothing is prepared and nothing is left behind, so any server connection will do."""
    for number in range(200):
        engine.insert_jobs([NewJob(task="t")])
        [job] = claim(engine, number)
        engine.ack_jobs([decide(job, Success(), POLICY, 0)])

    assert engine.count_jobs()[JobState.SUCCEEDED] == 200


def test_the_notifier_sees_the_pooler_and_does_not_listen(
    engine: PostgresEngine, pgbouncer: PgBouncer, postgresql_url: str
) -> None:
    """LISTEN would stay behind on a server connection that is somebody else's the next moment."""
    notifier = PostgresNotifier(engine.conninfo, engine.channel)
    notifier.listen(lambda: pytest.fail("nobody listens"))
    assert notifier._thread is not None
    wait_until(lambda: not (notifier._thread and notifier._thread.is_alive()))

    assert engine._connections.run("SELECT count(*) FROM pg_listening_channels()") == [(0,)]
    notifier.close()
