"""The testing kit touches nothing but what it has made, whatever a test does."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from packhorse import Packhorse, UsageError
from packhorse.config import Settings
from packhorse.testing import open_kit
from tests.integration.test_testing_kit import ELSEWHERE, HOUR, run_pytest

pytestmark = pytest.mark.accepts("C25")


def make_app(url: str) -> Packhorse:
    """An application whose own database has a job."""
    app = Packhorse(url)
    app.task(name="send")(lambda number: None)
    app.enqueue("send", 1)
    return app


def waiting(app: Packhorse) -> list[str]:
    """The arguments of the jobs that nobody has run."""
    return [job.args for job in app.list_jobs(state="available")]


@pytest.mark.engines("sqlite")
def test_a_file_that_has_been_used_is_refused(sqlite_url: str) -> None:
    """It could be anybody's, also when no job is in it now. On a server each test has a schema of its own."""
    with closing(Packhorse(sqlite_url)) as app:
        app.engine.migrate(1)
        with (
            pytest.raises(UsageError, match="has been used by Packhorse before: give each test a new file"),
            open_kit(app, sqlite_url),
        ):
            raise AssertionError("the block was entered")

        assert app.settings.database_url == sqlite_url
        assert app.engine.schema_status().current == 1


def test_a_kit_that_has_ended_does_nothing_more(database_url: str, tmp_path: Path) -> None:
    """The application is back at its own database: its jobs are not run, and its clock is not moved."""
    with closing(make_app(f"sqlite:///{tmp_path / 'own.db'}")) as app:
        with open_kit(app, database_url) as kit:
            app.enqueue("send", 2)
        for use in (kit.drain, kit.run_one, kit.jobs, lambda: kit.clock.advance(HOUR)):
            with pytest.raises(UsageError, match="this kit has ended"):
                use()

        assert waiting(app) == ["[1]"]
        assert kit.clock.offset == 0 * HOUR


def test_an_application_has_one_kit_at_a_time(database_url: str) -> None:
    """Else the first to end would leave the other one with the application's own database; a next one may follow."""
    app = Packhorse(ELSEWHERE)
    with open_kit(app, database_url) as kit:
        with pytest.raises(UsageError, match="another kit has this application"), open_kit(app):
            raise AssertionError("the block was entered")
        app.enqueue("send", 1)
        kit.assert_enqueued("send", 1)
    with open_kit(app) as kit:
        assert kit.jobs() == []


def test_a_task_of_another_application_is_told_apart(packhorse_url: str, tmp_path: Path) -> None:
    """It is enqueued in that one's database, so nobody would find it here, and `assert_not_enqueued` would pass."""
    other = Packhorse(f"sqlite:///{tmp_path / 'other.db'}")
    send = other.task(name="send")(lambda number: None)
    app = Packhorse(ELSEWHERE)
    app.task(name="send")(lambda number: None)
    with open_kit(app, packhorse_url) as kit, pytest.raises(UsageError, match="send belongs to another application"):
        kit.assert_not_enqueued(send)
    with open_kit(app) as kit, pytest.raises(UsageError, match="let the fixture packhorse_app return that one"):
        kit.jobs(send)


@pytest.mark.engines("postgresql")
def test_the_schema_that_is_dropped_is_the_one_that_was_made(postgresql_url: str) -> None:
    """Also when the test has led the application elsewhere meanwhile; a file is never removed by its address."""
    with closing(Packhorse(postgresql_url)) as first:
        first.engine.migrate()
    with closing(make_app(postgresql_url)) as app:
        with open_kit(app, postgresql_url) as kit:
            schema = kit.schema
            app.close()
            app.settings = Settings(database_url=postgresql_url)

        assert waiting(app) == ["[1]"]
        with psycopg.connect(postgresql_url) as server:
            assert server.execute("select 1 from pg_namespace where nspname = %s", [schema]).fetchall() == []


@pytest.mark.engines("postgresql")
def test_a_transaction_that_is_left_open_is_told(postgresql_url: str) -> None:
    """It keeps the schema from being dropped; afterwards the application is back all the same. A file has no schema."""
    app = Packhorse(ELSEWHERE)
    with psycopg.connect(postgresql_url) as connection:
        with pytest.raises(UsageError, match=r"schema packhorse_test_.* is left behind"), open_kit(app, postgresql_url):
            app.named("send").using(conn=connection).enqueue(1)
        connection.rollback()

    assert app.settings.database_url == ELSEWHERE


@pytest.mark.engines("sqlite")
def test_a_failing_test_leaves_no_file(tmp_path: Path) -> None:
    """The folder of the new file is removed; what a server keeps is another test's matter."""
    (tmp_path / "shop.py").write_text("from packhorse import Packhorse\napp = Packhorse()\n")
    (tmp_path / "test_shop.py").write_text(
        "from shop import app\n"
        "def test_it(packhorse_kit):\n"
        "    app.enqueue('send', 1)\n"
        "    raise ValueError(packhorse_kit.url)\n"
    )
    told = run_pytest(tmp_path, app="shop")

    [line] = [line for line in told.splitlines() if line.startswith("E ")]
    path = Path(line.partition("sqlite:///")[2])
    assert (path.name, path.parent.exists()) == ("jobs.db", False)
