"""docs/guide.md and docs/django.md: what a reader would copy runs as it is written, on each engine that it is for."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import CommandLine
from tests.acceptance.pages import blocks
from tests.waiting import wait_until

GUIDE, DJANGO = "docs/guide.md", "docs/django.md"
MANAGE = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = "a secret"
INSTALLED_APPS = ["orders"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
SERVER = """
DATABASES = {{
    "default": {{
        "ENGINE": "django.db.backends.postgresql",
        "NAME": {name!r}, "HOST": {host!r}, "PORT": {port!r}, "USER": {user!r}, "PASSWORD": {password!r},
    }}
}}
"""
MODELS = """
from django.db import models


class Order(models.Model):
    customer = models.CharField(max_length=100)
    paid = models.BooleanField(default=False)
"""


def write_files(page: str, engine: str, folder: Path, *, only: str = "", but: str = "") -> None:
    """Write the page's blocks that are files, each below what is there already."""
    for block in blocks(page, "python", engine):
        if block.file is not None and only in ("", block.file) and block.file != but:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((path.read_text() if path.exists() else "") + block.code)


def django_server(url: str) -> str:
    """What stands in Django's settings for the database of that address."""
    parts = urlsplit(url)
    values = (parts.path[1:], parts.hostname, parts.port, parts.username, unquote(parts.password or ""))
    return SERVER.format(**dict(zip(("name", "host", "port", "user", "password"), values, strict=True)))


@pytest.fixture
def url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the reader's jobs are: in the file that the guide names, or in a database on a server."""
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def reader(tmp_path: Path, url: str) -> Iterator[CommandLine]:
    """The reader's shell, in the folder of the page's files."""
    commands = CommandLine(tmp_path, {"PACKHORSE_DATABASE_URL": url})
    yield commands
    commands.stop_all()


@pytest.mark.slow
def test_the_guide_runs_as_it_is_written(engine_name: str, url: str, reader: CommandLine, tmp_path: Path) -> None:
    """Its jobs.py under a worker, and every other block in order; all that is enqueued for now succeeds."""
    write_files(GUIDE, engine_name, tmp_path)
    [_, _, migrate, worker] = blocks(GUIDE, "console")[0].commands
    assert reader(*migrate.split()[1:]).code == 0
    reader.start(*worker.split()[1:])
    ran = reader.run([sys.executable, "-m", "tests.acceptance.run_page", GUIDE, engine_name])
    assert (ran.code, ran.out) == (0, "charged order 42\n"), ran.err
    for block in blocks(GUIDE, "sql", engine_name):
        run_sql(block.code, url)
    for task in ("jobs.book", "jobs.abook"):
        assert reader("enqueue", task, "1", "-A", "jobs:app").code == 0

    with closing(Packhorse(url)) as app:
        wait_until(lambda: not {*present(app)} & {JobState.AVAILABLE, JobState.EXECUTING}, 30, "the jobs' ends")
        assert present(app).keys() == {JobState.SUCCEEDED, JobState.SCHEDULED}, app.list_jobs(state=JobState.FAILED)


def present(app: Packhorse) -> dict[JobState, int]:
    """The states that there are jobs in."""
    return {state: count for state, count in app.count_jobs().items() if count}


@pytest.mark.slow
def test_the_django_page_runs_as_it_is_written(engine_name: str, url: str, reader: CommandLine, tmp_path: Path) -> None:
    """In a project with nothing but a model: the checks, the migrations, the test, in both modes, and a worker."""
    write_project(tmp_path, None if engine_name == "sqlite" else url)
    environ = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    python = [sys.executable]
    assert reader.run([*python, "manage.py", "makemigrations", "orders"], **environ).code == 0
    write_files(DJANGO, engine_name, tmp_path, but="mysite/settings.py")
    [check, migrate, worker, show, test] = [one for block in blocks(DJANGO, "console") for one in block.commands]

    assert "no issues" in reader.run(python + check.split()[1:], **environ).out
    assert reader.run(python + migrate.split()[1:], **environ).code == 0
    mode, *words = test.split()
    assert mode == "PACKHORSE_WORKER=inline"
    tests = tmp_path / "orders/tests.py"
    for worker_mode, block in (("inline", "captureOnCommitCallbacks(execute=True)"), ("immediate", "subTest()")):
        tests.write_text(tests.read_text().replace("captureOnCommitCallbacks(execute=True)", block))
        tested = reader.run(python + words[1:], PACKHORSE_WORKER=worker_mode, **environ)
        assert tested.code == 0, tested.err

    place = "from orders.placing import place; place('Ada')"
    assert reader.run([*python, "manage.py", "shell", "-c", place], **environ).code == 0
    assert reader.run(python + worker.split()[1:], **environ).code == 0
    listed = reader.run([*python, *show.split()[1:-1], "succeeded", "--json"], **environ)
    assert [job["task"] for job in listed.json] == ["orders.tasks.book"], listed


def write_project(folder: Path, server_url: str | None) -> None:
    """What the reader of the page on Django has already, its settings included."""
    files = {"manage.py": MANAGE, "mysite/__init__.py": "", "mysite/settings.py": SETTINGS}
    files |= {"orders/__init__.py": "", "orders/models.py": MODELS}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    write_files(DJANGO, "sqlite", folder, only="mysite/settings.py")
    if server_url is not None:
        with (folder / "mysite/settings.py").open("a") as settings:
            settings.write(django_server(server_url))


def run_sql(text: str, url: str) -> None:
    """Run a block of SQL."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(urlsplit(url).path)) as db, db:
            db.execute(text)
    else:
        with psycopg.connect(url) as server:
            server.execute(text.encode())
