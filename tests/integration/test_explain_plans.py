"""An explanation reads a bounded part of what is there, by indexes, as does a claim of a limited queue."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from packhorse.domain.explanation import MOST_COUNTED
from packhorse.engines.postgres import wire
from packhorse.engines.postgres.engine import IN_ORDER, PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.testing.contract.engine_queues import put

ROWS = 60_000
MANY = frozenset({"job", "finished", "start", "attempt", "dependency"})
"""The tables that may be long."""
ALIASES = frozenset({"other", "running", "past", "live", "keeper", "first", "next", "member", "held", "head", "needed"})
PARAMS: dict[str, Any] = {
    "id": 1,
    "most": MOST_COUNTED + 1,
    "lately": 300_000_000,
    "step": 600_000_000,
    "alone": 30_000_000,
}
CLAIM: dict[str, Any] = {"queue": "b", "limit": 5, "worker": 1, "number": 1}
pytestmark = [pytest.mark.accepts("C17"), pytest.mark.slow]


@pytest.fixture
def postgres(postgresql_url: str) -> Iterator[PostgresEngine]:
    """An engine whose statistics say that nothing is there, with many rows."""
    engine = PostgresEngine(postgresql_url)
    engine.migrate()
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        for table in ("job", "finished"):
            connection.execute(f"ALTER TABLE packhorse.{table} SET (autovacuum_enabled = off)".encode())
            connection.execute(f"ANALYZE packhorse.{table}".encode())
        connection.execute(
            "INSERT INTO packhorse.job (task, queue, state, priority, order_at, enqueued_at) "
            "SELECT 't', 'b', 'available', n %% 10, now(), now() FROM generate_series(1, %s) n",
            (ROWS,),
        )
        connection.execute(
            "INSERT INTO packhorse.finished (id, task, queue, state, priority, order_at, enqueued_at, finished_at, "
            "args, attempt, failures, skips, crashes) "
            "SELECT n + 1000000, 't', 'b', 'succeeded', 5, now(), now(), now(), '[]', 1, 0, 0, 0 "
            "FROM generate_series(1, %s) n",
            (ROWS,),
        )
    yield engine
    engine.close()


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("order", ["deadline", "aging"])
@pytest.mark.parametrize("statistics", ["of empty tables", "of full tables"])
@pytest.mark.parametrize("id", [1, 10, ROWS - 1])
def test_postgres_explains_by_indexes(postgres: PostgresEngine, statistics: str, order: str, id: int) -> None:
    """No node of the plan sees more rows than are counted, wherever the job is in its queue."""
    put(postgres, "b", order=order, max_running=5)
    if statistics == "of full tables":
        postgres._connections.run("ANALYZE")
    nodes = list(nodes_of(postgres, {**PARAMS, "id": id}))
    read = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes]

    assert not {node.get("Relation Name") for node in nodes if node["Node Type"] == "Seq Scan"} & MANY
    assert max(read) <= MOST_COUNTED + 1


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(("name", "options"), [("explain", ()), ("claim_jobs", ("limited",))])
def test_sqlite_explains_and_claims_by_indexes(sqlite_url: str, name: str, options: tuple[str, ...]) -> None:
    """No table that may be long is read from its beginning."""
    engine = SqliteEngine(sqlite_url)
    engine.migrate()
    connection = sqlite3.connect(engine.address)
    texts = engine._statements.get(name, *options)
    steps = [row[3] for text in texts for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", PARAMS | CLAIM)]
    connection.close()
    engine.close()
    scanned = {step.split()[1].removeprefix("packhorse_") for step in steps if step.startswith("SCAN")}

    assert not scanned & (MANY | ALIASES), steps


def nodes_of(engine: PostgresEngine, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of the plan with which the explanation ran."""
    [text] = engine._statements.get("explain")
    with psycopg.connect(engine.conninfo) as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(IN_ORDER.encode())
        cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + wire.driver_text(text), params)
        [[[document]]] = cursor.fetchall()
    pending = [document["Plan"]]
    while pending:
        node = pending.pop()
        pending += node.get("Plans", [])
        yield node
