"""A worker on PostgreSQL goes on by itself when the server, the connection or the pooler fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from packhorse import Backoff, Context, Packhorse
from packhorse.domain.claim import Claim
from packhorse.domain.job import Lease
from packhorse.domain.worker import NewWorker
from packhorse.testing.clock import move_clock
from tests.integration.worker_kit import Gate, wait_for, working
from tests.servers import CutProxy, LocalPostgres, PgBouncer

pytestmark = pytest.mark.engines("postgresql")


@contextmanager
def application(url: str) -> Iterator[Packhorse]:
    """An application with one task, `echo`, on this address."""
    app = Packhorse(url)

    @app.task(name="echo")
    def echo(n: int) -> int:
        return n

    yield app
    app.close()


@pytest.mark.accepts("C10")
def test_a_worker_survives_a_crash_of_the_server(private_postgres: LocalPostgres) -> None:
    """The server is killed and started again: jobs enqueued afterwards run within five seconds."""
    url = private_postgres.create_database()
    with application(url) as app:
        app.engine.migrate()
        with working(app):
            assert app.enqueue("echo", 1).result(timeout=10) == 1
            private_postgres.kill()
            private_postgres.start()
            assert app.enqueue("echo", 2).result(timeout=5) == 2


@pytest.mark.accepts("C10", "C7")
def test_a_server_killed_between_claim_and_ack_loses_nothing(private_postgres: LocalPostgres) -> None:
    """A job ends while the server is down: it succeeds once it is back, even if the crash forgot its claim.

    Claims are committed asynchronously. A forgotten one leaves the job available, so that it may run again; the ack
    of the first run is then refused by its lease.
    """
    url, gate, runs = private_postgres.create_database(), Gate(), list[int]()
    with application(url) as app:
        app.engine.migrate()

        @app.task(name="across")
        def across(n: int) -> int:
            runs.append(n)
            gate.wait()
            return n

        with working(app):
            job = app.enqueue("across", 7)
            gate.reached()
            private_postgres.kill()
            gate.open()
            private_postgres.start()
            record = wait_for(app, job.id)

    assert 1 <= len(runs) <= 2
    assert (record.state, record.attempt, record.crashes) == ("succeeded", 1, 0)


@pytest.mark.accepts("C7", "C10")
def test_a_server_killed_under_an_atomic_handler_leaves_one_effect(private_postgres: LocalPostgres) -> None:
    """Its writes are undone with the server's crash, and done once in the run that follows."""
    url, gate = private_postgres.create_database(), Gate()
    with application(url) as app:
        app.engine.migrate()
        with psycopg.connect(url) as db:
            db.execute("create table sold (n integer)")

        @app.task(name="sell", atomic=True)
        def sell(ctx: Context, n: int) -> None:
            ctx.tx.execute("insert into sold values (%s)", (n,))
            gate.wait()

        with working(app):
            job = app.enqueue("sell", 7)
            gate.reached()
            private_postgres.kill()
            gate.open()
            private_postgres.start()
            record = wait_for(app, job.id, timeout=30)

        with psycopg.connect(url) as db:
            assert db.execute("select n from sold").fetchall() == [(7,)]
    assert record.state == "succeeded"


@pytest.mark.accepts("C10")
def test_a_worker_survives_the_termination_of_its_backends(postgresql_url: str) -> None:
    """Every backend of the database is terminated, ten times: no job is lost, none is stuck."""
    with application(postgresql_url) as app:
        app.engine.migrate()
        with working(app), psycopg.connect(postgresql_url, autocommit=True) as admin:
            for n in range(10):
                job = app.enqueue("echo", n)
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
                assert wait_for(app, job.id, timeout=10).state == "succeeded"


@pytest.mark.accepts("C10")
def test_a_worker_survives_a_cut_of_its_connections(postgresql_url: str, cut_proxy: CutProxy) -> None:
    """The network cuts every connection of the worker, five times, while jobs run: all of them succeed."""
    with application(postgresql_url) as direct, application(cut_proxy.url(postgresql_url)) as app:
        direct.engine.migrate()
        with working(app):
            jobs = []
            for n in range(5):
                jobs += [direct.enqueue("echo", n) for _ in range(50)]
                cut_proxy.cut()
            states = {wait_for(direct, job.id, timeout=15).state for job in jobs}

    assert states == {"succeeded"}


@pytest.mark.accepts("C11")
def test_everything_works_through_a_transaction_pooler(postgresql_url: str, pgbouncer: PgBouncer) -> None:
    """Migrate, enqueue, claim, run, ack, retry and rescue through PgBouncer in transaction mode."""
    with application(pgbouncer.url(postgresql_url)) as app:
        app.engine.migrate()
        lost = app.enqueue("echo", -1)
        claimed_by_one_that_dies(app, lost.id)

        @app.task(name="atomic", atomic=True)
        def atomic(ctx: Context, n: int) -> int:
            ctx.tx.execute("select 1")
            return n

        @app.task(name="shaky", backoff=Backoff(first=timedelta(0), jitter=0))
        def shaky(ctx: Context) -> int:
            if ctx.job.attempt < 3:
                raise RuntimeError("not yet")
            return ctx.job.attempt

        with working(app, notifications=False, poll=0.1):
            jobs = [app.enqueue("echo", n) for n in range(200)]
            assert [job.result(timeout=20) for job in jobs] == list(range(200))
            assert app.enqueue("atomic", 1).result(timeout=10) == 1
            assert shaky.enqueue().result(timeout=10) == 3
            assert lost.result(timeout=10) == -1

        assert (lost.record().attempt, lost.record().crashes) == (2, 1)


def claimed_by_one_that_dies(app: Packhorse, job: int) -> None:
    """Let a worker take the job, and its lease run out."""
    engine = app.engine
    engine.register_worker(
        NewWorker(id=4711, name="gone:1", queues=[], tasks=app.registry.names(), lease=timedelta(seconds=1))
    )
    claimed = engine.claim_jobs(Claim(lease=Lease(4711, 1), queue="default", limit=1))
    assert [one.id for one in claimed] == [job]
    move_clock(engine, timedelta(seconds=2))


@pytest.mark.accepts("C11", "C4")
def test_a_pooler_that_swallows_notifications_costs_time_only(postgresql_url: str, pgbouncer: PgBouncer) -> None:
    """With notifications left on, the worker finds out that none arrive, and finds jobs by looking."""
    with application(pgbouncer.url(postgresql_url)) as app:
        app.engine.migrate()
        with working(app):
            assert app.enqueue("echo", 1).result(timeout=10) == 1
