"""What the tests of the project stand on: its tables, jobs run here, and workers."""

import signal
import subprocess
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.core.management import call_command

from packhorse.integrations.django.application import application

django.setup()

from tests.integration.djangotasks import tasks  # noqa: E402 - Django must be set up before its models are imported
from tests.integration.djangotasks.models import Note  # noqa: E402

__all__ = ["Note", "ProjectTest", "application", "tasks", "told", "worker"]
WORKER = [sys.executable, "-m", "django", "packhorse", "worker", "-p", "1", "-c", "2"]


class ProjectTest(unittest.TestCase):
    """A test in the project's database, which has all tables, and no notes."""

    @classmethod
    def setUpClass(cls) -> None:
        """Make the tables, where they are not there yet."""
        call_command("migrate", run_syncdb=True, verbosity=0)

    def setUp(self) -> None:
        """Begin without notes, and without jobs that wait."""
        Note.objects.all().delete()
        application().select(state=["available", "scheduled", "blocked"]).cancel()

    def ran(self, result: Any) -> Any:
        """The result, after what is due has been run here."""
        application().run_pending()
        result.refresh()
        return result

    def notes(self) -> list[str]:
        """What tasks have written, in order."""
        return list(Note.objects.order_by("pk").values_list("text", flat=True))


@contextmanager
def worker() -> Iterator[None]:
    """A worker in processes of its own."""
    with subprocess.Popen(WORKER) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextmanager
def told(sent: Any) -> Iterator[list[Any]]:
    """The results that a signal tells of meanwhile."""
    results: list[Any] = []

    def take(sender: Any, task_result: Any, **_: Any) -> None:
        results.append((sender.__name__, task_result.id, str(task_result.status), task_result.attempts))

    sent.connect(take)
    try:
        yield results
    finally:
        sent.disconnect(take)
