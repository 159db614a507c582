"""The schema moves on while workers run."""

from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.conftest import connected
from tests.crash.fleet import fleet
from tests.waiting import wait_until


def pretend_migration(app: Packhorse, database_url: str, oldest_supported: int) -> None:
    """Record a migration of the future that needs software which knows at least `oldest_supported`."""
    is_sqlite = app.engine.dialect == "sqlite"
    table, mark = ("packhorse_migration", "?") if is_sqlite else ("packhorse.migration", "%s")
    number = (app.engine.schema_status().current or 0) + 1
    with connected(database_url) as db:
        db.execute(
            f"insert into {table} (number, name, oldest_supported, applied_at)"  # noqa: S608 - our own table
            f" select {mark}, 'future', {mark}, max(applied_at) from {table}",
            (number, oldest_supported),
        )


@pytest.mark.slow
@pytest.mark.accepts("C22")
def test_a_worker_goes_on_under_a_newer_schema_and_leaves_one_that_it_cannot_serve(
    oracle_url: str, oracle: Packhorse, folder: Path
) -> None:
    """Expanded by a migration that still supports it: it runs jobs. Contracted beyond it: it drains and exits 4."""
    latest = oracle.engine.schema_status().latest
    with fleet(oracle_url, folder) as ships:
        ships.start()
        wait_until(ships.workers, 15, "the worker")
        pretend_migration(oracle, oracle_url, latest)
        job = oracle.enqueue("stamp")
        wait_until(lambda: oracle.get_job(job.id).state == JobState.SUCCEEDED, 15, "a job under the newer schema")

        running = oracle.enqueue("hold", 1.0, 1)
        wait_until(lambda: ships.traces("started"), 15, "a running job")
        pretend_migration(oracle, oracle_url, latest + 1)
        statuses = ships.wait(30)

    assert statuses == [4]
    assert "install a newer version" in ships.log()
    assert oracle.get_job(running.id).state == JobState.SUCCEEDED
