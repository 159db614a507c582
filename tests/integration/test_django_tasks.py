"""Django's task API on Packhorse: the tests of a Django project, with the backport, and with Django's own API."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.integration.pythons import environment, find_python

SECONDS = 100
STEERING = ("PACKHORSE_", "DATABASE_URL", "DJANGO_")


@pytest.mark.slow
def test_djangos_tasks_run_on_packhorse(database_url: str, tmp_path: Path) -> None:
    """With the Django of this environment: every capability, results, signals, transactions, and workers."""
    run_cases(sys.executable, database_url, tmp_path)


@pytest.mark.slow
def test_they_do_with_djangos_own_task_api(database_url: str, tmp_path: Path) -> None:
    """The same tests with Django 6 or newer under a newer Python, where this one is too old for it."""
    if sys.version_info >= (3, 12):
        pytest.skip("the test above has shown it: this Python has Django's own task API")
    python = find_python("3.13", "3.12", "3.14")
    if python is None:
        pytest.skip("Django's own task API needs Python 3.12 or newer: none on PATH, and none of pyenv")
    run_cases(str(environment(python, "django-tasks", "django>=6.0")), database_url, tmp_path)


def run_cases(python: str, database_url: str, folder: Path) -> None:
    """Run the project's tests in a process of their own, on that database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
    project = {
        "DJANGO_SETTINGS_MODULE": "tests.integration.djangotasks.settings",
        "PYTHONPATH": str(ROOT),
        "TASKS_DATABASE_URL": database_url,
    }
    words = [python, "-W", "error", "-m", "unittest", "tests.integration.djangotasks.cases"]
    done = subprocess.run(
        words, cwd=folder, env=kept | project, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "skipped" not in done.stderr
