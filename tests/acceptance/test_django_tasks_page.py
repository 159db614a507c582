"""docs/django-tasks.md: what a reader would copy runs as it is written, with the task API that this Django has."""

import sys
from pathlib import Path

import django
import pytest

from tests.acceptance.command import CommandLine
from tests.acceptance.pages import blocks
from tests.acceptance.test_guide import MANAGE, MODELS, SETTINGS, django_server, write_files

PAGE = "docs/django-tasks.md"
SQLITE = """
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        "TEST": {"NAME": BASE_DIR / "test.sqlite3"},
    }
}
"""
OWN_API = 6
"""The first Django that needs no backport."""
SCENARIO = """
from orders.placing import place
from orders.tasks import remind, remind_once
place("Ada")
remind.enqueue("Grace")
remind_once("Alan")
remind_once("Alan")
"""


@pytest.mark.slow
def test_the_page_on_djangos_tasks_runs_as_it_is_written(engine_name: str, database_url: str, tmp_path: Path) -> None:
    """In a project with nothing but a model: the checks, the migrations, a worker, the schedule, and the test."""
    write_project(tmp_path, SQLITE if engine_name == "sqlite" else django_server(database_url), engine_name)
    reader, python = CommandLine(tmp_path, {"DJANGO_SETTINGS_MODULE": "mysite.settings"}), [sys.executable]
    assert reader.run([*python, "manage.py", "makemigrations", "orders"]).code == 0
    [check, migrate, worker, test] = [one for block in blocks(PAGE, "console") for one in block.commands]

    assert "no issues" in reader.run(python + check.split()[1:]).out
    assert reader.run(python + migrate.split()[1:]).code == 0
    assert reader.run([*python, "manage.py", "shell", "-c", SCENARIO]).code == 0
    worked = reader.run(python + worker.split()[1:])
    assert worked.code == 0, worked.err
    listed = reader.run([*python, "manage.py", "packhorse", "jobs", "list", "--state", "succeeded", "--json"])
    names = sorted(job["task"] for job in listed.json)
    assert names == ["orders.tasks.book", "orders.tasks.remind", "orders.tasks.remind"], listed
    schedules = reader.run([*python, "manage.py", "packhorse", "schedules", "list", "--json"])
    assert [one["name"] for one in schedules.json] == ["orders.tasks.remind"]
    mode, *words = test.split()
    assert mode == "PACKHORSE_WORKER=inline"
    tested = reader.run(python + words[1:], PACKHORSE_WORKER="inline")
    assert tested.code == 0, tested.err


def write_project(folder: Path, databases: str, engine: str) -> None:
    """What the reader has already, and the page's files; with the backport as the page says, where it is needed."""
    files = {"manage.py": MANAGE, "mysite/__init__.py": "", "mysite/settings.py": SETTINGS + databases}
    files |= {"orders/__init__.py": "", "orders/models.py": MODELS}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    write_files(PAGE, engine, folder)
    if django.VERSION[0] < OWN_API:
        tasks, settings = folder / "orders/tasks.py", folder / "mysite/settings.py"
        tasks.write_text(tasks.read_text().replace("from django.tasks ", "from django_tasks "))
        settings.write_text(settings.read_text() + 'INSTALLED_APPS += ["django_tasks"]\n')
