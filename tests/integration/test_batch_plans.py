"""What counts, shows and forgets batches finds its rows by an index, whatever is kept and whatever statistics say."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from packhorse.engines.postgres import wire
from packhorse.engines.postgres.engine import BY_INDEX, COUNTED, IN_ORDER, INDEXED, PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from tests.integration.test_statement_plans import FINISHED, POSTGRES_NUMBERS
from tests.servers.postgres import PostgresServer

pytestmark = [pytest.mark.accepts("M23", "M25"), pytest.mark.slow]
ROWS, OF_EACH = 100_000, 10
BATCHES = """
    insert into {batch} (name, created_at, ended_at, last_job_id, enqueued, succeeded)
    select 'b', {now}, {now}, 1000000 + 10 * n, 10, 10 from ({batches}) as numbers
"""
MEMBERS = """
    insert into {member} (job_id, batch_id, number, enqueued_at, counted_as)
    select n + 1000000, (n - 1) / 10 + 1, (n - 1) % 10 + 1, {now}, 'succeeded' from ({numbers}) as numbers
"""
KEPT = {"succeeded": 0, "failed": 0, "cancelled": 0}
JOBS = json.dumps(list(range(1_000_001, 1_000_021)))
CHANGED = json.dumps([{"job_id": 1_050_001, "number": 1, "counted_as": "failed", "is_untold": 0}])
TOTALS = json.dumps([{"id": 7, "enqueued": 1, "succeeded": 1, "failed": 0, "cancelled": 0, "is_open": 1}])
NAMES = json.dumps(["3", "5"])
STATEMENTS: list[tuple[str, dict[str, Any], tuple[str, ...], int]] = [
    ("lock_batches", {"ids": JOBS, "names": NAMES}, (), 20),
    ("list_changes", {"ids": JOBS, "names": NAMES, "limit": 1000}, (), 20),
    ("count_members", {"changed": CHANGED}, (), 2),
    ("list_untold_members", {"names": NAMES, "limit": 50}, (), 2),
    ("tell_members", {"ids": JOBS}, (), 20),
    ("put_totals", {"totals": TOTALS}, (), 10),
    ("list_batches", {"id": 7, "limit": 50}, ("id",), 2),
    ("list_batches", {"before_id": 900, "limit": 50}, ("before_id",), 50),
    ("list_batches", {"limit": 50}, ("open",), 2),
    ("list_members", {"batch": 7, "after_id": 0, "limit": 50}, (), OF_EACH),
    ("list_members", {"batch": 7, "after_id": 0, "limit": 50}, ("unsuccessful",), 2),
    ("find_batches", {"ids": "[3, 5]"}, (), 2),
    ("close_batch", {"batch": 7}, (), 2),
    ("insert_members", {"ids": "[1, 2]", "batch": 7}, (), 2),
    ("list_ended_batches", {**KEPT, "after": 0, "limit": 10}, (), 10 * OF_EACH),
    ("forget_batches", {**KEPT, "ids": "[3, 5]"}, (), 2 * OF_EACH),
    ("list_forgotten_members", {"limit": 50}, (), 2),
    ("delete_forgotten_batches", {}, (), 2),
]
"""Statements with parameters and options, and of how many rows each may take note at most in any one step."""
IDS = [" ".join((name, *options)) for name, _, options, _ in STATEMENTS]
IN_SETTLING = {"lock_batches", "list_changes", "count_members", "list_untold_members", "tell_members", "put_totals"}


@pytest.fixture(scope="module")
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresEngine]:
    """An engine whose statistics say that nothing is there, with ten thousand batches of ten jobs."""
    url = postgres_server.create_database()
    engine = PostgresEngine(url)
    engine.migrate()
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("batch", "member", "finished"):
            connection.execute(f"ALTER TABLE packhorse.{table} SET (autovacuum_enabled = off)")
            connection.execute(f"ANALYZE packhorse.{table}")
        for text in filled("packhorse.", "now()", POSTGRES_NUMBERS):
            connection.execute(text.encode())
    yield engine
    engine.close()
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[SqliteEngine]:
    """An engine with tables of batches."""
    engine = SqliteEngine(sqlite_url)
    engine.migrate()
    yield engine
    engine.close()


def filled(prefix: str, now: str, numbers: str) -> list[str]:
    """What fills the tables."""
    names = {name: f"{prefix}{name}" for name in ("batch", "member", "finished")}
    made = {"numbers": numbers.format(rows=ROWS), "batches": numbers.format(rows=ROWS // OF_EACH)}
    return [text.format(**names, **made, now=now) for text in (BATCHES, MEMBERS, FINISHED)]


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize(("name", "params", "options", "most"), STATEMENTS, ids=IDS)
def test_postgres_walks_no_table(
    postgres: PostgresEngine, name: str, params: dict[str, Any], options: tuple[str, ...], most: int
) -> None:
    """Nor more of an index than the jobs and batches that it is about, a few times."""
    for text in postgres._statements.get(name, *options):
        nodes = list(explained(postgres, name, text, params))
        walked = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
        assert not walked & {"member", "finished", "job"}
        read = [
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in nodes
            if node.get("Relation Name", "ended") != "ended"
        ]
        assert max(read, default=0) <= most


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(("name", "params", "options", "most"), STATEMENTS, ids=IDS)
def test_sqlite_walks_no_table(
    sqlite: SqliteEngine, name: str, params: dict[str, Any], options: tuple[str, ...], most: int
) -> None:
    """Every look is into an index or at a row by its id; the news is as much as nobody has heard yet."""
    connection = sqlite3.connect(sqlite.address)
    steps = [
        row[3]
        for text in sqlite._statements.get(name, *options)
        for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", params)
    ]
    connection.close()
    tables = ("member", "finished", "job", "batch", "past", "done", "packhorse_member", "packhorse_batch")
    walked = {step for step in steps if step.startswith(tuple(f"SCAN {table}" for table in tables))}
    assert walked <= {
        "SCAN batch",  # a page of batches, from the end on
        "SCAN packhorse_batch USING INDEX packhorse_batch_forgotten",
        "SCAN batch USING INDEX packhorse_batch_forgotten",
        "SCAN batch USING INDEX packhorse_batch_open",
    }, steps


def explained(engine: PostgresEngine, name: str, text: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of the plan with which the statement ran, as its method runs it; what it changed is undone."""
    with psycopg.connect(engine.conninfo) as connection:
        cursor = psycopg.ClientCursor(connection)
        if name in INDEXED | COUNTED | IN_SETTLING:
            cursor.execute((BY_INDEX if name in INDEXED else IN_ORDER).encode())
        cursor.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + wire.driver_text(text), params)
        [[[document]]] = cursor.fetchall()
        connection.rollback()
    pending = [document["Plan"]]
    while pending:
        node = pending.pop()
        pending += node.get("Plans", [])
        yield node
