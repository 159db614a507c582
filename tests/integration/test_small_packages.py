"""Many small packages drain fast, and those that have ended cost an idle worker nothing."""

import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from benchmarks.package_app import measured
from benchmarks.packages import SCANS, finished_packages, run
from packhorse import JobState, Reference
from tests.integration.worker_kit import working
from tests.servers import LocalPostgres
from tests.waiting import wait_until

PACKAGES = 2250
FINISHED = 700_000
CALM, WATCHED = 6.0, 8.0
PACE = threading.Event()
"""Never set: waiting on it lets time pass."""
UNCOUNTED = re.compile(r"\s*(begin|commit|rollback|pragma|--)|.*pg_stat_user_tables", re.IGNORECASE | re.DOTALL)
"""What only opens or ends a transaction, looks whether the file has changed, or is the test's own."""
LARGE = re.compile(r"SCAN (packhorse_)?(finished|package|element)\b")

pytestmark = [pytest.mark.slow, pytest.mark.accepts("M32")]


@pytest.mark.alone
def test_small_packages_drain_one_at_a_time_in_half_a_minute(database_url: str) -> None:
    """2,250 of 5 ms, in a queue of which one runs at a time."""
    app, _, nap = measured(database_url)
    with closing(app):
        app.engine.migrate()
        app.queues.set("naps", slots=1)
        app.enqueue_many([nap.package().add(Reference("line", str(n))).call() for n in range(PACKAGES)])
        with working(app):
            wait_until(lambda: app.count_jobs()[JobState.SUCCEEDED] == PACKAGES, 30, "the end of all packages")


def asked_while_idle(url: str, read: Callable[[], list[str]]) -> list[str]:
    """What an idle worker asks of a database in which many packages have ended; `read` gives what was asked lately."""
    app, _, _ = measured(url)
    with closing(app):
        app.engine.migrate()
        run(url, *finished_packages(url, FINISHED))
        with working(app):
            PACE.wait(CALM)
            read()
            before = scans(url)
            PACE.wait(WATCHED)
            asked = [text for text in read() if not UNCOUNTED.match(text)]
            assert scans(url) == before
    return asked


def scans(url: str) -> list[Any]:
    """How often the server has read each of the large tables from one end to the other."""
    return [] if url.startswith("sqlite") else sorted(run(url, SCANS))


@pytest.mark.engines("postgresql")
def test_an_idle_worker_asks_little_beside_many_finished_packages_on_postgres() -> None:
    """Two statements a second at most, by the server's log; no large table is read from one end to the other."""
    server = LocalPostgres(log_statement="all")
    read = 0

    def lately() -> list[str]:
        nonlocal read
        text = server.log.read_text()[read:]
        read += len(text)
        return re.findall(r"LOG:  statement: (.*)", text)

    try:
        asked = asked_while_idle(server.create_database(), lately)
    finally:
        server.stop()
    assert 0 < len(asked) <= 2 * WATCHED, asked


@pytest.mark.engines("sqlite")
def test_an_idle_worker_asks_little_beside_many_finished_packages_on_sqlite(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two statements a second at most, and none of them reads a large table from one end to the other."""
    told, connect = list[str](), sqlite3.connect

    def connect_and_tell(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(told.append)
        return connection

    def lately() -> list[str]:
        asked = told.copy()
        told.clear()
        return asked

    monkeypatch.setattr(sqlite3, "connect", connect_and_tell)
    asked = asked_while_idle(sqlite_url, lately)
    monkeypatch.undo()
    assert 0 < len(asked) <= 2 * WATCHED, asked
    plans = [step for text in set(asked) for *_, step in run(sqlite_url, f"explain query plan {text}")]
    assert [step for step in plans if LARGE.match(step)] == []
