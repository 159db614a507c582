"""Adding up what has ended reads what has ended since the last time, and nothing else, whatever is kept."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from packhorse.engines.postgres import wire
from packhorse.engines.postgres.engine import BY_INDEX, INDEXED, PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from tests.servers.postgres import PostgresServer

pytestmark = [pytest.mark.accepts("M27"), pytest.mark.slow]
ROWS, FRESH, CHUNK = 50_000, 300, 100
FINISHED = """
    insert into packhorse.finished (id, task, queue, state, priority, order_at, enqueued_at, finished_at, args,
        attempt, failures, skips, crashes)
    select n, 't', 'b', 'succeeded', 5, m, m, m, '[]', 1, 0, 0, 0
    from (select n, now() - interval '1 day' + n * interval '1 second' as m from generate_series(1, %(rows)s) n) as made
"""
TALLY = "insert into packhorse.tally (queue, state, kept, ended) values ('b', 'succeeded', 1, 1)"
MARK = """
    insert into packhorse.statistic_mark (queue, state, counted_until_us)
    select 'b', 'succeeded', packhorse.micros(finished_at) from packhorse.finished where id = %(counted)s
"""
UNCOUNTED: dict[str, Any] = {"kept": 10**14, "lag": 10**7, "limit": CHUNK}


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresEngine]:
    """An engine whose statistics say that nothing is there, with many jobs, of which few are not counted yet."""
    url = postgres_server.create_database()
    engine = PostgresEngine(url)
    engine.migrate()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE packhorse.finished SET (autovacuum_enabled = off)")
        connection.execute("ANALYZE packhorse.finished")
        cursor = psycopg.ClientCursor(connection)
        for text in (FINISHED, TALLY, MARK):
            cursor.execute(text.encode(), {"rows": ROWS, "counted": ROWS - FRESH})
    yield engine
    engine.close()
    postgres_server.drop_database(url)


@pytest.mark.engines("postgresql")
def test_postgres_reads_what_has_ended_since(postgres: PostgresEngine) -> None:
    """Once to see up to where, and once to add it up."""
    [(queue, state, since, until)] = postgres._read("list_uncounted", UNCOUNTED)
    span = {"queue": queue, "state": state, "since": since, "until": until}
    for name, params in (("list_uncounted", UNCOUNTED), ("sum_ended", span)):
        [text] = postgres._statements.get(name)
        nodes = list(explained(postgres, name, text, params))
        assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "finished"]
        assert max(node["Actual Rows"] for node in nodes) <= CHUNK
    assert postgres.add_up_ended(CHUNK) == CHUNK


@pytest.mark.engines("sqlite")
def test_sqlite_walks_a_part_of_an_index(sqlite_url: str) -> None:
    """For each queue and state, from the mark on."""
    engine = SqliteEngine(sqlite_url)
    engine.migrate()
    span = {"queue": "b", "state": "succeeded", "since": 1, "until": 2}
    connection = sqlite3.connect(engine.address)
    for name, params in (("list_uncounted", UNCOUNTED), ("sum_ended", span)):
        [text] = engine._statements.get(name)
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", params)]
        found = [step for step in steps if "packhorse_finished" in step]
        assert found
        assert all("(queue=? AND state=? AND finished_at>? AND finished_at<?)" in step for step in found), steps
    connection.close()
    engine.close()


def explained(engine: PostgresEngine, name: str, text: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of the plan with which the statement ran, as its method runs it."""
    with psycopg.connect(engine.conninfo) as connection:
        cursor = psycopg.ClientCursor(connection)
        assert name in INDEXED
        cursor.execute(BY_INDEX.encode())
        cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + wire.driver_text(text), params)
        [[[document]]] = cursor.fetchall()
    pending = [document["Plan"]]
    while pending:
        node = pending.pop()
        pending += node.get("Plans", [])
        yield node
