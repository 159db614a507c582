"""The tests' own servers do what the tests rely on."""

import threading

import psycopg
import pytest

from tests.servers import CutProxy, LocalPostgres, PgBouncer, PostgresServer
from tests.waiting import wait_until

pytestmark = pytest.mark.engines("postgresql")


def fetch(url: str, statement: str) -> object:
    """The first value that a statement returns, on a connection of its own."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


def execute(url: str, statement: str) -> None:
    """Run a statement on a connection of its own."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(statement.encode())


def test_databases_are_empty_and_separate(postgres_server: PostgresServer) -> None:
    """Each address leads to a database of its own, which is gone after it was dropped."""
    one, other = postgres_server.create_database(), postgres_server.create_database()
    execute(one, "CREATE TABLE parcel (id int)")

    assert fetch(other, "SELECT to_regclass('parcel')") is None

    postgres_server.drop_database(one)
    postgres_server.drop_database(other)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(one)


def test_a_killed_server_keeps_what_was_committed(private_postgres: LocalPostgres) -> None:
    """SIGKILL cuts the connections; after the start the committed rows are there, the others are not."""
    url = private_postgres.create_database()
    execute(url, "CREATE TABLE parcel (id int)")
    execute(url, "INSERT INTO parcel VALUES (1)")
    unfinished = psycopg.connect(url)
    unfinished.execute("INSERT INTO parcel VALUES (2)")

    private_postgres.kill()

    with pytest.raises(psycopg.OperationalError):
        unfinished.commit()
    private_postgres.start()
    assert fetch(url, "SELECT array_agg(id) FROM parcel") == [1]


def test_a_restarted_server_has_a_new_process(private_postgres: LocalPostgres) -> None:
    """A restart ends the old postmaster and answers on the same port."""
    before = private_postgres.pid

    private_postgres.restart()

    assert private_postgres.pid != before
    assert fetch(private_postgres.admin_url, "SELECT 1") == 1


def test_a_paused_server_answers_nothing_until_it_goes_on(private_postgres: LocalPostgres) -> None:
    """A paused server takes connections and leaves them without an answer."""
    with private_postgres.paused(), pytest.raises(psycopg.OperationalError, match="timeout"):
        psycopg.connect(private_postgres.admin_url, connect_timeout=2)

    assert fetch(private_postgres.admin_url, "SELECT 1") == 1


def test_pgbouncer_gives_a_server_connection_to_one_transaction_at_a_time(postgres_server: PostgresServer) -> None:
    """With one server connection two clients share it between their transactions, and wait within one."""
    url = postgres_server.create_database()
    bouncer = PgBouncer(url, pool_size=1)
    try:
        with psycopg.connect(bouncer.url(url)) as one, psycopg.connect(bouncer.url(url)) as other:
            assert _backend(one) == _backend(other)

            one.execute("SELECT 1")
            waiting = threading.Thread(target=_backend, args=(other,))
            waiting.start()
            wait_until(lambda: _waiting_clients(bouncer) == 1, what="the second client to wait for the first")
            one.commit()
            waiting.join(timeout=10)
            assert not waiting.is_alive()
    finally:
        bouncer.stop()


def test_pgbouncer_refuses_start_up_options(pgbouncer: PgBouncer, postgresql_url: str) -> None:
    """Session settings given as start-up options are refused, so a client that relies on them shows."""
    with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter"):
        psycopg.connect(pgbouncer.url(postgresql_url), options="-c lock_timeout=1s")


def test_the_proxy_cuts_open_connections_and_takes_new_ones(cut_proxy: CutProxy, postgresql_url: str) -> None:
    """After `cut` the old connection is dead and a new one works."""
    url = cut_proxy.url(postgresql_url)
    with psycopg.connect(url) as connection:
        assert cut_proxy.connections == 1

        assert cut_proxy.cut() == 1

        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert fetch(url, "SELECT 1") == 1
    assert cut_proxy.accepted == 2


def test_a_black_hole_swallows_everything_until_it_is_restored(cut_proxy: CutProxy, postgresql_url: str) -> None:
    """Connections stay open and silent; what was sent arrives after `restore`."""
    with psycopg.connect(cut_proxy.url(postgresql_url), autocommit=True) as connection:
        cut_proxy.blackhole()
        asking = threading.Thread(target=connection.execute, args=("CREATE TABLE parcel (id int)",))
        asking.start()
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            psycopg.connect(cut_proxy.url(postgresql_url), connect_timeout=2)

        assert fetch(postgresql_url, "SELECT to_regclass('parcel')") is None

        cut_proxy.restore()
        asking.join(timeout=10)
        assert fetch(postgresql_url, "SELECT to_regclass('parcel')::text") == "parcel"


def test_a_refusing_proxy_resets_new_connections(cut_proxy: CutProxy, postgresql_url: str) -> None:
    """`refuse` looks like a server that is down; `restore` brings it back."""
    cut_proxy.refuse()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(cut_proxy.url(postgresql_url), connect_timeout=5)

    cut_proxy.restore()

    assert fetch(cut_proxy.url(postgresql_url), "SELECT 1") == 1


@pytest.mark.parametrize("delivered", [True, False])
def test_a_cut_at_commit_leaves_the_client_without_an_answer(
    cut_proxy: CutProxy, postgresql_url: str, delivered: bool
) -> None:
    """`cut_at` decides whether the server still got the statement; the client sees a dead connection either way."""
    execute(postgresql_url, "CREATE TABLE parcel (id int)")
    connection = psycopg.connect(cut_proxy.url(postgresql_url))
    connection.execute("INSERT INTO parcel VALUES (1)")
    was_cut = cut_proxy.cut_at(b"COMMIT", delivered=delivered)

    with pytest.raises(psycopg.OperationalError):
        connection.commit()

    assert was_cut.wait(10)
    assert fetch(postgresql_url, "SELECT count(*) FROM parcel") == (1 if delivered else 0)


def _backend(connection: psycopg.Connection) -> object:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.commit()
    return row


def _waiting_clients(bouncer: PgBouncer) -> int:
    return sum(int(pool["cl_waiting"]) for pool in bouncer.show("pools"))
