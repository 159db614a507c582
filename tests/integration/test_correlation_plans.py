"""Whoever waits for a correlation id reads its packages by an index, whatever else there is."""

import sqlite3

import pytest

from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from tests.integration.test_statement_plans import (
    POSTGRES_NUMBERS,
    ROWS,
    SQLITE_NUMBERS,
    explained,
    planned,
    postgres,
    sqlite,
)

__all__ = ["postgres", "sqlite"]

pytestmark = [pytest.mark.accepts("M22"), pytest.mark.slow]

PACKAGES = """
    insert into {package} (job_id, correlation)
    select n + 1000000, 'import ' || CAST(n / 10 AS text) from ({numbers}) as numbers
"""
WANTED = {"correlation": "import 7"}
ASKED = (
    ("list_outcomes", WANTED, ()),
    ("count_ended", WANTED, ()),
    ("select_jobs", {**WANTED, "limit": 50}, ("live", "finished", "correlation")),
)


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("statistics", ["none", "of full tables"])
@pytest.mark.parametrize(("name", "params", "options"), ASKED)
def test_postgres_looks_for_ten_packages_among_many(
    postgres: PostgresEngine, name: str, params: dict[str, object], options: tuple[str, ...], statistics: str
) -> None:
    """It reads no more rows than belong to them; nothing is read from the beginning to the end."""
    fill = PACKAGES.format(package="packhorse.package", numbers=POSTGRES_NUMBERS.format(rows=ROWS))
    postgres._connections.run(fill)
    if statistics != "none":
        postgres._connections.run("ANALYZE packhorse.job; ANALYZE packhorse.finished; ANALYZE packhorse.package")
    nodes = list(explained(postgres, name, params, *options))

    read = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert not read & {"job", "finished", "package"}
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) <= 20


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(("name", "params", "options"), ASKED)
def test_sqlite_looks_for_packages_by_the_index(
    sqlite: SqliteEngine, name: str, params: dict[str, object], options: tuple[str, ...]
) -> None:
    """The same."""
    with sqlite3.connect(sqlite.address) as connection:
        connection.execute(PACKAGES.format(package="packhorse_package", numbers=SQLITE_NUMBERS.format(rows=ROWS)))
    connection.close()
    plan = planned(sqlite, name, params, *options)

    assert any("packhorse_package_correlation (correlation=?)" in step for step in plan), plan
    assert not any(step.startswith("SCAN packhorse") for step in plan), plan
