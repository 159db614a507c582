"""Settling whose turn it is reads the rows of the keys that it is about, whenever statistics were taken."""

from collections.abc import Iterator

import psycopg
import pytest

from packhorse.domain.job import Keys
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.testing.contract.steps import settle
from packhorse.testing.samples import new_job

KEYS, FEW = 2000, 5
ROWS_READ = "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE schemaname = 'packhorse'"
END = "DELETE FROM packhorse.job WHERE id IN (SELECT holder FROM packhorse.turn WHERE key = ANY (%s))"
PROMOTE = "SELECT * FROM packhorse.promote_serial(%s)"

pytestmark = [pytest.mark.accepts("C15"), pytest.mark.engines("postgresql")]


@pytest.fixture
def connection(postgresql_url: str) -> Iterator[psycopg.Connection]:
    """To a database whose statistics say that there is nothing, and where three jobs of each of many keys wait."""
    engine = PostgresEngine(postgresql_url)
    engine.migrate()
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        for table in ("job", "turn", "arrival"):
            connection.execute(f"ALTER TABLE packhorse.{table} SET (autovacuum_enabled = off)")
            connection.execute(f"ANALYZE packhorse.{table}")
        for _ in range(3):
            engine.insert_jobs([new_job(keys=Keys(serial_key=f"k{number}")) for number in range(KEYS)])
        settle(engine)
        yield connection
    engine.close()


def test_the_end_of_a_few_jobs_reads_the_rows_of_their_keys(connection: psycopg.Connection) -> None:
    """The key, who had it, and who is next; not the others that wait."""
    keys = sorted(f"k{number}" for number in range(FEW))
    with connection.transaction():
        connection.execute(END, [keys])
        [before] = connection.execute(ROWS_READ).fetchone() or [0]
        promoted = connection.execute(PROMOTE, [keys]).fetchall()
        [after] = connection.execute(ROWS_READ).fetchone() or [0]

    assert len(promoted) == FEW
    assert after - before <= 10 * FEW


def test_who_is_next_stays_cheap_when_many_have_gone_before(connection: psycopg.Connection) -> None:
    """In the session whose plans were made at the first call."""
    keys = sorted(f"k{number}" for number in range(KEYS))
    connection.execute(END, [keys])
    assert len(connection.execute(PROMOTE, [keys]).fetchall()) == KEYS
    read = []
    for some in (keys[:1], keys[1 : 10 * FEW]):
        with connection.transaction():
            connection.execute(END, [some])
            [before] = connection.execute(ROWS_READ).fetchone() or [0]
            assert len(connection.execute(PROMOTE, [some]).fetchall()) == len(some)
            [after] = connection.execute(ROWS_READ).fetchone() or [0]
        read.append((after - before) / len(some))

    assert max(read) <= 20
