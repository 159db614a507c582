"""The hot statements find their rows by an index, whatever lies in the tables and whenever statistics were taken."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from packhorse.domain.claim import Claim
from packhorse.domain.decide import decide
from packhorse.domain.job import ClaimedJob, Lease, NewJob
from packhorse.domain.outcome import Success, Unstarted
from packhorse.domain.retry import RetryPolicy
from packhorse.engines.postgres import wire
from packhorse.engines.postgres.engine import BY_INDEX, COUNTED, IN_ORDER, INDEXED, PostgresEngine
from packhorse.engines.sql.base import Params
from packhorse.engines.sql.documents import acks_document, list_document
from packhorse.engines.sqlite.engine import SqliteEngine

ROWS = 100_000
LIMIT = 100
CLAIM = {"queue": "b", "limit": LIMIT, "worker": 1, "number": 1}
SUCCESS = {"worker": 1, "number": 1}
FAR = 4_000_000_000_000_000
"""A moment that is to come, in microseconds since 1970."""
JOBS = """
    insert into {job} (task, queue, state, priority, order_at, enqueued_at)
    select 't', case n % 3 when 0 then 'a' when 1 then 'b' else 'c' end, 'available', n % 10, {now}, {now}
    from ({numbers}) as numbers
"""
FINISHED = """
    insert into {finished} (id, task, queue, state, priority, order_at, enqueued_at, finished_at, args,
        attempt, failures, skips, crashes)
    select n + 1000000, 't', 'b', 'succeeded', 5, {now}, {now}, {now}, '[]', 1, 0, 0, 0 from ({numbers}) as numbers
"""
POSTGRES_NUMBERS = "select n from generate_series(1, {rows}) n"
SQLITE_NUMBERS = """
    with recursive series (n) as (select 1 union all select n + 1 from series where n < {rows}) select n from series
"""
pytestmark = [pytest.mark.accepts("C3"), pytest.mark.slow]


@pytest.fixture
def postgres(postgresql_url: str) -> Iterator[PostgresEngine]:
    """An engine whose statistics say that nothing waits and nothing is executing, with many rows."""
    engine = PostgresEngine(postgresql_url)
    engine.migrate()
    fill = {
        "job": "packhorse.job",
        "finished": "packhorse.finished",
        "now": "now()",
        "numbers": POSTGRES_NUMBERS.format(rows=ROWS),
    }
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE packhorse.job SET (autovacuum_enabled = off)")
        connection.execute("ANALYZE packhorse.job")
        connection.execute(JOBS.format(**fill).encode())
        connection.execute(FINISHED.format(**fill).encode())
    yield engine
    engine.close()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[SqliteEngine]:
    """An engine with many rows."""
    engine = SqliteEngine(sqlite_url, synchronous="OFF")
    engine.migrate()
    fill = {
        "job": "packhorse_job",
        "finished": "packhorse_finished",
        "now": "1700000000000000",
        "numbers": SQLITE_NUMBERS.format(rows=ROWS),
    }
    connection = sqlite3.connect(engine.address)
    connection.execute(JOBS.format(**fill))
    connection.execute(FINISHED.format(**fill))
    connection.commit()
    connection.close()
    yield engine
    engine.close()


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("statistics", ["of an empty table", "of a full table"])
def test_postgres_claims_by_the_index_in_its_order(postgres: PostgresEngine, statistics: str) -> None:
    """It reads as many rows as it takes, sorts nothing, and finds them again by their places."""
    if statistics == "of a full table":
        postgres._connections.run("ANALYZE packhorse.job")
    nodes = list(explained(postgres, "claim_jobs", CLAIM))
    scans = {node["Index Name"] for node in nodes if "Index Name" in node}

    assert scans == {"job_claim", "queue_pkey"}
    assert not {"Sort", "Seq Scan", "Incremental Sort"} & {node["Node Type"] for node in nodes}
    assert max(node["Actual Rows"] for node in nodes) == LIMIT


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("statistics", ["of an empty table", "of a full table"])
def test_postgres_acknowledges_by_id(postgres: PostgresEngine, statistics: str) -> None:
    """Not by walking all that is executing, for each of them."""
    if statistics == "of a full table":
        postgres._connections.run("ANALYZE packhorse.job")
    acks = [decide(job, Success("1"), RetryPolicy(), 0) for job in claim(postgres)]
    nodes = list(explained(postgres, "ack_jobs", {"acks": acks_document(acks)}, "final"))

    assert {node["Index Name"] for node in nodes if node.get("Relation Name") == "job" and "Index Name" in node} == {
        "job_pkey"
    }
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) == LIMIT


@pytest.mark.engines("postgresql")
def test_postgres_compiles_no_statement_that_hands_jobs_back(postgres: PostgresEngine) -> None:
    """It would take half a second each time; the look at the workers to wake has no index, so its plan looks costly."""
    acks = [decide(job, Unstarted(), RetryPolicy(), 0) for job in claim(postgres)]
    found = explanation(postgres, "ack_jobs", {"acks": acks_document(acks)}, "live", "available")

    assert "JIT" not in found


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("statistics", ["of an empty table", "of a full table"])
def test_postgres_records_successes_by_id(postgres: PostgresEngine, statistics: str) -> None:
    """Not by walking all that is executing, either."""
    if statistics == "of a full table":
        postgres._connections.run("ANALYZE packhorse.job")
    params: Params = {**SUCCESS, "ids": list_document([job.id for job in claim(postgres)])}
    with psycopg.connect(postgres.conninfo) as connection:
        ids = wire.run(connection, postgres._text("succeed_jobs"), params)
        read = connection.execute(
            "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relid = 'packhorse.job'::regclass"
        ).fetchone()

    assert len(ids) == LIMIT
    assert read == (0, LIMIT)


@pytest.mark.engines("postgresql")
def test_postgres_goes_on_behind_a_place_without_reading_what_is_in_front_of_it(postgres: PostgresEngine) -> None:
    """The place is where the scan of the index starts, and no filter."""
    [*_, last] = claim(postgres)
    nodes = list(explained(postgres, "claim_jobs", {**CLAIM, **place_params(last)}, "after"))
    [scan] = [node for node in nodes if node.get("Index Name") == "job_claim"]

    assert "ROW(priority, order_at, id) >" in scan["Index Cond"]
    assert (scan["Actual Rows"], scan.get("Rows Removed by Filter", 0)) == (LIMIT, 0)


@pytest.mark.engines("postgresql")
@pytest.mark.accepts("M12")
@pytest.mark.parametrize("statistics", ["of an empty table", "of a full table"])
def test_postgres_claims_ageing_priorities_by_the_heads_of_each(postgres: PostgresEngine, statistics: str) -> None:
    """From the same index, as many of each priority as it may need, and never the whole queue."""
    if statistics == "of a full table":
        postgres._connections.run("ANALYZE packhorse.job")
    nodes = list(explained(postgres, "claim_jobs", {**CLAIM, "reach": 3 * LIMIT, "step": 1}, "aging"))
    heads = [node for node in nodes if node.get("Alias") == "head"]

    assert {node["Index Name"] for node in heads} == {"job_claim"}
    assert [node["Actual Loops"] for node in heads] == [10]
    assert not {"Seq Scan"} & {node["Node Type"] for node in nodes if node.get("Relation Name") == "job"}
    assert max(node["Actual Rows"] for node in nodes) == 10 * 3 * LIMIT


@pytest.mark.engines("sqlite")
@pytest.mark.accepts("M12")
def test_sqlite_claims_ageing_priorities_by_the_heads_of_each(sqlite: SqliteEngine) -> None:
    """From the same index; the jobs themselves by their ids."""
    steps = planned(sqlite, "claim_jobs", {**CLAIM, "reach": 3 * LIMIT, "step": 1}, "aging")

    assert [step for step in steps if step.startswith("SEARCH head")] == [
        "SEARCH head USING INDEX packhorse_job_claim (queue=? AND priority=?)"
    ]
    assert not [step for step in steps if step.startswith(("SCAN packhorse_job", "SCAN job"))]


@pytest.mark.engines("postgresql")
@pytest.mark.accepts("C13")
def test_parked_jobs_cost_a_claim_on_postgres_next_to_nothing(postgres: PostgresEngine) -> None:
    """Of the 33,333 that were parked at the head the index remembers dead rows, but a claim starts behind them."""
    clean = blocks_of_claim(postgres, claim(postgres)[-1])
    behind = claim(postgres)[-1]
    insert(postgres, 33_333, task="unknown", priority=-1)
    while postgres.park_jobs("b", "unknown", 5_000):
        pass

    assert blocks_of_claim(postgres, behind) < 1.1 * clean


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("statistics", ["of an empty table", "of a full table"])
def test_postgres_glances_without_reading_the_queue(postgres: PostgresEngine, statistics: str) -> None:
    """A few rows for each queue, from indexes."""
    claim(postgres)
    if statistics == "of a full table":
        postgres._connections.run("ANALYZE packhorse.job")
    nodes = list(explained(postgres, "glance", {"worker": 1}))

    assert postgres.glance(1).ready_queues == ("a", "b", "c")
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) < 10
    assert not any(node.get("Relation Name") == "job" for node in nodes if node["Node Type"] == "Seq Scan")


@pytest.mark.engines("sqlite")
def test_sqlite_claims_by_the_index_in_its_order(sqlite: SqliteEngine) -> None:
    """It sorts nothing, and finds the rows again by their ids."""
    plan = planned(sqlite, "claim_jobs", CLAIM)

    assert any("INDEX packhorse_job_claim (queue=? AND priority<?)" in step for step in plan), plan
    assert any("USING INTEGER PRIMARY KEY (rowid=?)" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
    assert len(claim(sqlite)) == LIMIT


@pytest.mark.engines("sqlite")
def test_sqlite_acknowledges_by_id(sqlite: SqliteEngine) -> None:
    """The acks are walked, and for each its row is looked up."""
    acks = [decide(job, Success("1"), RetryPolicy(), 0) for job in claim(sqlite)]
    plan = planned(sqlite, "ack_jobs", {"acks": acks_document(acks)}, "final", "live", "recorded")

    assert [step for step in plan if step.startswith(("SCAN packhorse_job", "SCAN job"))] == []
    assert sum("USING INTEGER PRIMARY KEY (rowid=?)" in step for step in plan) >= 4, plan


@pytest.mark.engines("sqlite")
def test_sqlite_records_successes_by_id(sqlite: SqliteEngine) -> None:
    """The ids are walked, and for each its row is looked up."""
    params = {**SUCCESS, "ids": list_document([job.id for job in claim(sqlite)])}
    plan = planned(sqlite, "succeed_jobs", params)

    assert [step for step in plan if step.startswith(("SCAN packhorse_job", "SCAN job"))] == []
    assert sum("USING INTEGER PRIMARY KEY (rowid=?)" in step for step in plan) >= 2, plan


@pytest.mark.engines("sqlite")
@pytest.mark.accepts("C13")
def test_parked_jobs_cost_a_claim_on_sqlite_nothing(sqlite: SqliteEngine) -> None:
    """They are out of the index: a claim at the head takes as many steps as before."""
    clean = steps_of_claim(sqlite)
    insert(sqlite, 33_333, task="unknown", priority=-1)
    while sqlite.park_jobs("b", "unknown", 5_000):
        pass

    assert steps_of_claim(sqlite) < 1.1 * clean


@pytest.mark.engines("sqlite")
def test_sqlite_glances_without_reading_the_queue(sqlite: SqliteEngine) -> None:
    """Every look is into an index, from its beginning or from the last value on."""
    plan = planned(sqlite, "glance", {"worker": 1}, "locks")

    assert sqlite.glance(1).ready_queues == ("a", "b", "c")
    assert [step for step in plan if step.startswith("SCAN") and "job" in step and "INDEX" not in step] == []
    assert not any("TEMP B-TREE" in step for step in plan), plan


@pytest.mark.engines("postgresql")
def test_postgres_finds_the_inbox_among_what_is_kept(postgres: PostgresEngine) -> None:
    """The few failed jobs, without reading the many that succeeded."""
    params = {"state": "failed", "limit": 50}
    nodes = list(explained(postgres, "select_jobs", params, "finished", "unsuccessful", "state"))

    assert "finished_unsuccessful" in {node.get("Index Name") for node in nodes}
    assert max(node.get("Rows Removed by Filter", 0) for node in nodes) == 0


@pytest.mark.engines("sqlite")
def test_sqlite_finds_the_inbox_among_what_is_kept(sqlite: SqliteEngine) -> None:
    """The few failed jobs, without reading the many that succeeded."""
    plan = planned(sqlite, "select_jobs", {"state": "failed", "limit": 50}, "finished", "unsuccessful", "state")

    assert any("packhorse_finished_unsuccessful" in step for step in plan), plan


def claim(engine: PostgresEngine | SqliteEngine) -> list[ClaimedJob]:
    """Claim from the queue b."""
    return engine.claim_jobs(Claim(lease=Lease(1, 1), queue="b", limit=LIMIT))


def insert(engine: PostgresEngine | SqliteEngine, count: int, **fields: Any) -> None:
    """Store jobs in the queue b."""
    for start in range(0, count, 1000):
        engine.insert_jobs([NewJob(queue="b", **fields)] * min(1000, count - start))


def place_params(job: ClaimedJob) -> dict[str, int]:
    """The parameters of a claim behind a job."""
    return {"after_priority": job.priority, "after_at": job.order_at_us, "after_id": job.id}


def blocks_of_claim(engine: PostgresEngine, behind: ClaimedJob) -> int:
    """How many blocks of memory PostgreSQL looks at to find the rows of a claim behind a job."""
    nodes = explained(engine, "claim_jobs", {**CLAIM, **place_params(behind)}, "after")
    [blocks] = [node["Shared Hit Blocks"] for node in nodes if node.get("Index Name") == "job_claim"]
    return int(blocks)


def steps_of_claim(engine: SqliteEngine) -> int:
    """How many steps SQLite's machine takes for a claim at the head, which is undone."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    take, read = engine._statements.get("claim_jobs")
    connection = sqlite3.connect(engine.address, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.set_progress_handler(count, 1)
    connection.execute(take, CLAIM)
    assert len(connection.execute(read, CLAIM).fetchall()) == LIMIT
    connection.close()
    return steps


def explained(engine: PostgresEngine, name: str, params: dict[str, Any], *options: str) -> Iterator[dict[str, Any]]:
    """All nodes of the plan with which the statement ran; what it changed is undone."""
    pending = [explanation(engine, name, params, *options)["Plan"]]
    while pending:
        node = pending.pop()
        pending += node.get("Plans", [])
        yield node


def explanation(engine: PostgresEngine, name: str, params: dict[str, Any], *options: str) -> dict[str, Any]:
    """What the server says of how the statement ran; what it changed is undone."""
    [text] = engine._statements.get(name, *options)
    with psycopg.connect(engine.conninfo) as connection:
        cursor = psycopg.ClientCursor(connection)
        if name in INDEXED | COUNTED:
            cursor.execute((BY_INDEX if name in INDEXED else IN_ORDER).encode())
        cursor.execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + wire.driver_text(text), params)
        [[[document]]] = cursor.fetchall()
        connection.rollback()
    found: dict[str, Any] = document
    return found


def planned(engine: SqliteEngine, name: str, params: dict[str, Any], *options: str) -> list[str]:
    """The steps by which SQLite would run the statements."""
    connection = sqlite3.connect(engine.address)
    texts = engine._statements.get(name, *options)
    steps = [row[3] for text in texts for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", params)]
    connection.close()
    return steps


@pytest.mark.engines("postgresql")
@pytest.mark.accepts("C21")
@pytest.mark.parametrize("statistics", ["of an empty table", "of a full table"])
def test_postgres_counts_without_reading_what_is_finished(postgres: PostgresEngine, statistics: str) -> None:
    """Of the waiting jobs it reads a part of the index, of the finished ones nothing."""
    if statistics == "of a full table":
        postgres._connections.run("ANALYZE packhorse.job; ANALYZE packhorse.finished")
    nodes = list(explained(postgres, "list_queues", {}))

    assert not any(node.get("Relation Name") == "finished" for node in nodes)
    assert not any(node.get("Relation Name") == "job" for node in nodes if node["Node Type"] == "Seq Scan")
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) < 30_000


@pytest.mark.engines("postgresql")
@pytest.mark.accepts("C21")
def test_postgres_prunes_by_the_index_from_where_it_was(postgres: PostgresEngine) -> None:
    """A chunk reads its own rows, whatever is kept, and deletes them by their ids."""
    params = {"queue": "b", "state": "succeeded", "since": 0, "until": FAR, "limit": LIMIT}
    nodes = list(explained(postgres, "prune_jobs", params))
    scans = {name for node in nodes if (name := node.get("Index Name", "")).startswith("finished")}

    assert scans == {"finished_state", "finished_pkey"}
    assert not any(node.get("Relation Name") == "finished" for node in nodes if node["Node Type"] == "Seq Scan")
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) == LIMIT


@pytest.mark.engines("postgresql")
@pytest.mark.accepts("C21")
def test_postgres_looks_for_what_is_over_at_the_head_of_an_index(postgres: PostgresEngine) -> None:
    """One row for each queue and state, not those behind it."""
    postgres._connections.run(
        "INSERT INTO packhorse.tally VALUES ('b', 'succeeded', 100000, 100000), ('b', 'failed', 0, 0)"
    )
    nodes = list(explained(postgres, "list_expired", {"succeeded": 1, "cancelled": 1, "failed": 1}))

    assert max(node["Actual Rows"] for node in nodes if node.get("Relation Name") == "finished") == 1


@pytest.mark.engines("sqlite")
@pytest.mark.accepts("C21")
def test_sqlite_counts_without_reading_what_is_finished(sqlite: SqliteEngine) -> None:
    """No table is walked but those that are as small as what workers hold and as the queues are many."""
    plan = planned(sqlite, "list_queues", {})
    walked = {step for step in plan if step.startswith("SCAN packhorse")}

    assert not any("finished" in step for step in plan), plan
    assert walked <= {
        "SCAN packhorse_job USING INDEX packhorse_job_claim",
        "SCAN packhorse_job USING COVERING INDEX packhorse_job_waiting",
        "SCAN packhorse_job USING INDEX packhorse_job_suspects",
        "SCAN packhorse_job USING INDEX packhorse_job_executing",
        "SCAN packhorse_tally",
    }


@pytest.mark.engines("sqlite")
@pytest.mark.accepts("C21")
def test_sqlite_prunes_by_the_index_from_where_it_was(sqlite: SqliteEngine) -> None:
    """A chunk reads its own rows, whatever is kept, and sorts nothing to find them; it groups them to count them."""
    params = {"queue": "b", "state": "succeeded", "since": 0, "until": FAR, "limit": LIMIT}
    plan = planned(sqlite, "list_prunable", params)
    rest = planned(sqlite, "prune_jobs", {"ids": "[1,2]"})

    assert any("packhorse_finished_state (queue=? AND state=? AND finished_at>? AND finished_at<?)" in s for s in plan)
    assert "SEARCH packhorse_finished USING INTEGER PRIMARY KEY (rowid=?)" in rest
    assert not any(step.startswith("SCAN packhorse") for step in [*plan, *rest]), (plan, rest)
    assert not any("TEMP B-TREE" in step for step in plan), plan
