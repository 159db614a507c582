"""A worker is killed in the middle of the task that runs SQL: nothing is left undone, and the end comes once."""

from contextlib import closing
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.conftest import connected, install
from tests.crash.fleet import fleet
from tests.waiting import wait_until

ROWS = 2000
ONE_AT_A_TIME = "delete from leaf where n in (select n from leaf order by n limit 1)"


@pytest.mark.slow
@pytest.mark.accepts("M29")
def test_a_killed_worker_leaves_the_rest_to_the_next(database_url: str, tmp_path: Path) -> None:
    """The statement goes on where it was; the last statement is done exactly once."""
    install(database_url)
    with connected(database_url) as db:
        db.execute("create table leaf (n integer primary key)")
        db.execute("create table note (text text)")
        db.execute("insert into leaf values " + ", ".join(f"({n})" for n in range(ROWS)))  # noqa: S608

        def left() -> int:
            return int(db.execute("select count(*) from leaf").fetchone()[0])

        with (
            closing(Packhorse(database_url)) as client,
            fleet(database_url, tmp_path, app="tests.crash.schedule_app:app") as ships,
        ):
            job = client.enqueue("packhorse.sql", ONE_AT_A_TIME, "insert into note values ('done')")
            ships.start(2)
            wait_until(lambda: left() < ROWS - 10, 30, "the first rows to go")
            ships.kill_oldest()
            stopped_at = left()
            assert 0 < stopped_at < ROWS
            ships.start(2)
            wait_until(lambda: client.get_job(job.id).state is JobState.SUCCEEDED, 60, "the job's success")
            assert client.get_job(job.id).crashes == 1
        assert left() == 0
        assert len(db.execute("select text from note").fetchall()) == 1
