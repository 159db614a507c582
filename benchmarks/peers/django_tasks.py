"""django-tasks with its database backend, django-tasks-db: one job at a time in each worker, rows retained.

`--interval 0.05` polls twenty times a second, where the default is one; it has no notifications and no bulk enqueue.
Logging is switched off (`--verbosity 0`).
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# What it measures is installed in an environment of its own; pyright then takes this file for it.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import Peer, Producer, Sent, payload

INTERVAL = 0.05


class DjangoProducer(Producer):
    """Django's own connection."""

    def __init__(self, url: str) -> None:
        _set_up(url)
        from django.db import connection

        connection.ensure_connection()

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """`task.enqueue`, in autocommit."""
        from benchmarks.peers import django_nothing

        task: Any = django_nothing.nothing
        for n in numbers:
            task.enqueue(**payload(n))
            sent(n)

    def bulk(self, numbers: range) -> None:
        """One by one in a single transaction: it has nothing else."""
        from django.db import transaction

        block: Any = transaction.atomic()
        with block:
            self.enqueue(numbers, lambda n: None)


class DjangoTasks(Peer):
    """django-tasks-db on psycopg."""

    name = "django_tasks"
    requirements = ("django==5.2.19", "django-tasks==0.12.0", "django-tasks-db==0.13.0", "psycopg[binary]==3.3.9")
    settings = f"db_worker --interval {INTERVAL}, one job at a time, jobs retained"
    unfinished = "select exists (select from django_tasks_database_dbtaskresult where status in ('READY', 'RUNNING'))"

    def install(self, url: str) -> None:
        """`manage.py migrate`."""
        _call(url, "migrate", verbosity=0)

    def producer(self, url: str) -> Producer:
        """One connection."""
        return DjangoProducer(url)

    def work(self, url: str, processes: int) -> None:
        """`manage.py db_worker`, which handles SIGTERM itself."""
        _call(url, "db_worker", interval=INTERVAL, verbosity=0, startup_delay=False, reload=False)


def _call(url: str, command: str, **options: object) -> None:
    _set_up(url)
    from django.core.management import call_command

    call_command(command, **options)


def _set_up(url: str) -> None:
    import django
    from django.conf import settings

    parts = urlsplit(url)
    settings.configure(
        USE_TZ=True,
        INSTALLED_APPS=["django_tasks", "django_tasks_db"],
        TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path.lstrip("/"),
                "USER": parts.username,
                "HOST": parts.hostname,
                "PORT": parts.port,
                "CONN_MAX_AGE": None,
            }
        },
    )
    django.setup()


PEERS = (DjangoTasks(),)


def run(n: int) -> None:
    """What its task does; the task itself stands in a module that may import Django."""
    handle(n)
