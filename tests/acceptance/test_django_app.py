"""`packhorse.integrations.django` among INSTALLED_APPS: settings, checks, migrations, `manage.py packhorse`."""

import json
import signal
import sys

import pytest

from tests.acceptance.webshop import Project
from tests.waiting import wait_until

ENQUEUE = "from orders.tasks import write_invoice; write_invoice.enqueue(1)"
OTHER_APP = """
from packhorse import Packhorse

app = Packhorse("django://default", worker="inline")


@app.task
def other() -> None:
    \"\"\"Nothing.\"\"\"
"""


@pytest.fixture
def migrated(project: Project) -> Project:
    """The project with its tables."""
    project.done("migrate", "--verbosity=0")
    return project


def test_nothing_asks_the_database_before_it_is_used(project: Project) -> None:
    """Neither starting nor checking nor making the application; on SQLite there would be a file."""
    project.done("check")
    project.python("from packhorse.integrations.django.application import application; application()")
    assert not list(project.place.glob("*.sqlite3*"))


def test_the_migrations_are_complete_and_can_be_read(project: Project) -> None:
    """`makemigrations` finds nothing to do, `--plan` names each, `sqlmigrate` prints the product's own SQL."""
    assert "No changes detected" in project.done("makemigrations", "--check", "--dry-run")
    assert "Run Packhorse's own migration 001" in project.done("migrate", "--plan")
    printed = project.done("sqlmigrate", "packhorse", "0006")
    assert "-- oldest_supported: 6" in printed
    assert "006_retention" in printed
    assert "007_inbox" not in printed


def test_migrate_installs_what_the_commands_want(migrated: Project) -> None:
    """And `packhorse migrate up` finds nothing left to do."""
    assert json.loads(migrated.done("packhorse", "migrate", "status", "--json"))["fits"]
    assert "is up to date" in migrated.done("packhorse", "migrate", "up")


def test_the_two_ways_up_may_be_mixed(project: Project) -> None:
    """What `packhorse migrate up` has done is left by Django's migrations as it is, and its jobs with it."""
    assert "ran 001_jobs" in project.done("packhorse", "migrate", "up", "--to", "4")
    project.done("migrate", "packhorse", "0006")
    assert json.loads(project.manage("packhorse", "migrate", "status", "--json").out)["current"] == 6
    project.done("migrate", "packhorse")
    project.done("packhorse", "migrate", "up")
    project.done("migrate")
    assert "No migrations to apply" in project.done("migrate")


def test_migrations_are_not_taken_back(migrated: Project) -> None:
    """It is said why, in a sentence, and nothing was changed."""
    ended = migrated.manage("migrate", "packhorse", "0003")
    assert ended.code == 1
    assert "hold the jobs" in ended.err
    assert "Traceback" not in ended.err
    assert json.loads(migrated.done("packhorse", "migrate", "status", "--json"))["fits"]


def test_other_databases_are_left_alone(project: Project) -> None:
    """`migrate --database` on another alias makes no table there."""
    file = project.place / "other.sqlite3"
    project.set(f'DATABASES["other"] = {{"ENGINE": "django.db.backends.sqlite3", "NAME": {str(file)!r}}}')
    project.done("migrate", "--database=other", "--verbosity=0")
    tables = "from django.db import connections; print(connections['other'].introspection.table_names())"
    assert "packhorse" not in project.python(tables)
    assert "orders_order" in project.python(tables)


@pytest.mark.parametrize(
    ("settings", "id", "said"),
    [
        ("PACKHORSE = {'DATABSE': 'default'}", "packhorse.E001", "did you mean 'DATABASE'"),
        ("PACKHORSE = []", "packhorse.E001", "must be a dictionary"),
        ("PACKHORSE = {'WORKER': 'thread'}", "packhorse.E001", "processes or inline or immediate"),
        ("PACKHORSE = {'MODULES': 'tasks'}", "packhorse.E001", "list of modules"),
        ("PACKHORSE = {'SCHEMA': 'public'}", "packhorse.E001", "neither public"),
        ("PACKHORSE = {'DATABASE': 'jobs'}", "packhorse.E002", "DATABASES has no such alias; there are default"),
        ("PACKHORSE = {'APP': 'nowhere.at.all'}", "packhorse.E005", "can't be imported"),
        ("PACKHORSE = {'APP': 'orders.models:Order'}", "packhorse.E005", "not a Packhorse"),
        (
            "DATABASES['default'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}",
            "packhorse.E004",
            "file",
        ),
    ],
)
@pytest.mark.engines("sqlite")
def test_wrong_settings_are_told_by_the_system_checks(project: Project, settings: str, id: str, said: str) -> None:
    """With the id, what is wrong and what to do; `manage.py packhorse` ends with 2. They depend on no engine."""
    project.set(settings)
    ended = project.manage("check", "--tag=packhorse")
    assert ended.code == 1
    assert id in ended.err
    assert said in ended.err
    assert said in project.manage("check").err
    command = project.manage("packhorse", "jobs", "list")
    assert command.code == 2
    assert said in command.complaint


@pytest.mark.engines("sqlite")
def test_sqlite_that_does_not_begin_with_immediate_is_warned_of(project: Project) -> None:
    """With the line to write; and of tests in memory, which is Django's default. SQLite alone has these."""
    project.set("del DATABASES['default']['OPTIONS'], DATABASES['default']['TEST']")
    warned = project.manage("check").err
    assert "packhorse.W001" in warned
    assert '{"transaction_mode": "IMMEDIATE"}' in warned
    assert "packhorse.W002" in warned


def test_a_module_that_cannot_be_imported_is_told(migrated: Project) -> None:
    """By `check --deploy`; the others' tasks are known, and so it is in the worker."""
    (migrated.place / "orders/jobs.py").write_text("import nothing_of_the_kind\n")
    assert "packhorse.W003" in migrated.manage("check", "--deploy", "--tag=packhorse").err
    migrated.done("place", "Ada", "1")
    migrated.done("packhorse", "worker", "--drain")
    [job] = json.loads(migrated.done("packhorse", "jobs", "list", "--json"))
    assert job["state"] == "succeeded"
    assert "orders.jobs" in migrated.manage("packhorse", "queues", "list").err


def test_the_application_may_be_the_projects_own(migrated: Project) -> None:
    """APP names it; the tasks of the installed applications belong to it all the same."""
    (migrated.place / "orders/own.py").write_text(OTHER_APP)
    migrated.set("PACKHORSE = {'APP': 'orders.own:app', 'MODULES': ['orders.tasks']}")
    look = "from orders.tasks import app; from orders import own; print(app is own.app, app.settings.worker)"
    assert migrated.python(look) == "True inline"


def test_the_worker_setting_runs_jobs_after_the_commit(migrated: Project) -> None:
    """Inline in the settings, as in the environment."""
    migrated.set("PACKHORSE = {'WORKER': 'inline'}")
    migrated.done("place", "Ada", "1")
    [job] = json.loads(migrated.done("packhorse", "jobs", "list", "--json"))
    assert job["state"] == "succeeded"


def test_exit_codes_are_those_of_the_command(project: Project) -> None:
    """A schema that is missing is 4 where nobody installs it unasked, a mistyped option 2, and help 0."""
    assert project.manage("packhorse", "migrate", "status").code == (3 if is_file(project) else 4)
    mistyped = project.manage("packhorse", "jobs", "list", "--limt")
    assert (mistyped.code, "manage.py packhorse jobs list --help" in mistyped.err) == (2, True)
    assert "manage.py packhorse jobs retry 42" in project.done("packhorse", "jobs", "--help")
    assert "manage.py packhorse worker" in project.done("help", "packhorse")


def is_file(project: Project) -> bool:
    """Whether the jobs are to be in SQLite."""
    return "sqlite" in project.python("from django.db import connection; print(connection.vendor)")


def test_it_is_called_from_python_too(migrated: Project) -> None:
    """`call_command` takes the words, gives what is printed, and raises with the exit code."""
    code = """
from io import StringIO
from django.core.management import CommandError, call_command
out = StringIO()
call_command("packhorse", "queues", "list", "--json", stdout=out)
print(out.getvalue().strip())
try:
    call_command("packhorse", "jobs", "show", "7")
except CommandError as error:
    print(error.returncode)
"""
    assert migrated.python(code).splitlines() == ["[]", "1"]


def test_a_worker_runs_from_anywhere(migrated: Project) -> None:
    """Its processes find the project, whatever folder manage.py is called from, and stop with it."""
    migrated.done("place", "Ada", "1")
    migrated.folder = migrated.place.parent
    worker = migrated.start_program(
        [sys.executable, str(migrated.place / "manage.py"), "packhorse", "worker", "--settings=webshop.settings"]
    )
    migrated.folder = migrated.place
    is_done = "from orders.models import Invoice; print(Invoice.objects.count())"
    wait_until(lambda: migrated.python(is_done) == "1", 30, "the invoice")
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0, worker.log()
